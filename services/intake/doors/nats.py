"""The door for systems on NATS: request and reply with the same rules, keys and receipts as HTTP."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from nats.aio.msg import Msg

from services.intake.doors.http import answer_json, posted_by
from services.intake.service import Intake
from services.intake.texts import phrase
from shared.access.caller import Caller
from shared.contracts.subjects import SUBMIT, agency_of
from shared.http.app import EXPECTED_ERRORS, language_in, problem_of, problem_response
from shared.nats.cloud_events import TRACE
from shared.problems import Problem, Problems
from shared.service.tracing import answering
from shared.texts import filled

log = structlog.get_logger()

STATUS_HEADER = "status"
"""The header with the status that HTTP would have answered with."""


async def answer_submission(intake: Intake, message: Msg) -> tuple[bytes, dict[str, str]]:
    """Return the reply to a submission, and its headers.

    Honoured headers: `Authorization: Bearer …` with a key, as over HTTP, which an agency's own subject does not need;
    `Idempotency-Key`, `Accept-Language`, `traceparent`.
    """
    headers = {name.lower(): value for name, value in (message.headers or {}).items()}
    with answering(SUBMIT, headers.get(TRACE)):
        return await _answer(intake, message, headers)


async def _answer(intake: Intake, message: Msg, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    language = language_in(headers.get("accept-language", ""))
    try:
        caller = await _caller(intake, message, headers.get("authorization"))
        posted = posted_by(caller, headers)
        intake.admission.group_commit.check_open()
        response = await answer_json(intake, message.data, posted)
    except EXPECTED_ERRORS as error:
        response = problem_response(problem_of(error), language)
    except Exception:  # a door's edge: without a reply the caller would wait for nothing
        log.exception("request failed", subject=message.subject)
        response = problem_response(Problem(Problems.FAILED), language)
    shown = {name: value for name in ("content-type", "retry-after") if (value := response.headers.get(name))}
    return bytes(response.body), {STATUS_HEADER: str(response.status_code), **shown}


async def _caller(intake: Intake, message: Msg, authorization: str | None) -> Caller:
    """Return the caller of a request: the agency on whose own subject it came, or the holder of the key in it.

    On an agency's own subject only the agency's keys are taken: a stolen key is of no use on another's connection. A
    broker without users lets everybody publish there, so that the subject proves nothing.
    """
    agency = agency_of(message.subject)
    has_users = intake.runtime.settings.nats_seed_file is not None
    if agency is not None and authorization is None and has_users:
        return await intake.authenticator.agency(agency)
    caller = await intake.authenticator.caller(authorization)
    if agency not in (None, caller.agency):
        raise Problem(Problems.OUT_OF_SCOPE, detail=filled(phrase("doors.nats.other_agency"), agency=agency))
    return caller
