"""The door for programs over HTTP: one submission, an array, or a stream of lines."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.intake.admission.accept import content_digest, content_of
from services.intake.admission.candidate import REQUEST_KEY, Posted
from services.intake.admission.group_commit import Outcome
from services.intake.doors.ndjson import NDJSON, answer_item, post_lines
from services.intake.service import Intake, intake_of
from services.intake.texts import phrase
from shared.access.caller import Caller
from shared.contracts.bilingual import Language
from shared.contracts.submission import Receipt
from shared.http.app import EXPECTED_ERRORS, answer_error, language_in, problem_response
from shared.http.body import BODY_LIMIT, media_type, parse_json, read_body, refuse_packed
from shared.http.dependencies import authenticate
from shared.http.observed import ROUTE
from shared.http.parameters import refuse_unknown_parameters
from shared.nats.cloud_events import trace_at_hand
from shared.problems import Problem, Problems, bad_parameter

_REQUEST_KEY = re.compile(REQUEST_KEY)
_EXPECTED_KEY = phrase("http.expected_key")


class SubmissionsDoor:
    """The route `POST /v1/submissions`, as middleware before the framework's router.

    All figures pass here, and the router would take half of a request's time. `openapi.py` describes this route.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer posted submissions, and pass every other request on."""
        if scope["type"] != "http" or scope["path"] != "/v1/submissions" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope[ROUTE] = scope["path"]
        request = Request(scope, receive, send)
        try:
            response = await post_submissions(request)
        except EXPECTED_ERRORS as error:
            response = await answer_error(request, error)
        await response(scope, receive, send)


async def post_submissions(request: Request) -> Response:
    """Take one submission (an object), up to 1,000 (an array), or any number (one on each line).

    The answer has a receipt or a problem for each.
    """
    await refuse_unknown_parameters(request)
    caller = await authenticate(request)
    content_type = media_type(request)
    intake = intake_of(request)
    intake.admission.group_commit.check_open()
    posted = posted_by(caller, request.headers)
    refuse_packed(request)
    if content_type == NDJSON:
        return await post_lines(request, intake, posted)
    if content_type not in ("application/json", ""):
        raise Problem(Problems.NOT_JSON)
    text = await read_body(request, BODY_LIMIT)
    return await answer_json(intake, text, posted)


def posted_by(caller: Caller, headers: Mapping[str, str]) -> Posted:
    """Return the caller with the options in its headers (names in lower case).

    Problem 400 for an `Idempotency-Key` that is not valid.
    """
    request_key = headers.get("idempotency-key")
    if request_key is not None and not _REQUEST_KEY.match(request_key):
        raise bad_parameter("idempotency-key", "Idempotency-Key", _EXPECTED_KEY)
    language = language_in(headers.get("accept-language", ""))
    return Posted(caller, language, trace_at_hand(), request_key)


async def answer_json(intake: Intake, text: bytes, posted: Posted) -> Response:
    """Take a JSON text, an object or an array, that came over HTTP or NATS."""
    body = parse_json(text)
    if posted.request is not None:
        # a submission is the same in an array of its own
        alone = body[0] if isinstance(body, list) and len(body) == 1 else body
        digest = content_digest(content_of(alone))
        posted = Posted(posted.caller, posted.language, posted.trace, posted.request, digest)
    outcomes = await intake.admission.accept(body, posted)
    return _answer_all(outcomes, posted.language) if isinstance(body, list) else _answer_one(outcomes[0], posted)


def _answer_one(outcome: Outcome, posted: Posted) -> Response:
    if isinstance(outcome, Problem):
        return problem_response(outcome, posted.language)
    return Response(outcome.model_dump_json(), 202, media_type="application/json")


def _answer_all(outcomes: list[Outcome], language: Language) -> Response:
    """Answer with 202 when any submission was accepted, else with the status that fits all refusals."""
    items = [answer_item(outcome, language) for outcome in outcomes]
    accepted = sum(isinstance(outcome, Receipt) for outcome in outcomes)
    counts = {"accepted": accepted, "refused": len(items) - accepted}
    if accepted:
        return JSONResponse({**counts, "items": items}, status_code=202)
    problem = next(outcome for outcome in outcomes if isinstance(outcome, Problem))
    if any(isinstance(other, Problem) and other.kind is not problem.kind for other in outcomes):
        problem = Problem(Problems.REFUSED)
    document = {**Problem(problem.kind, detail=problem.detail).document(language), **counts, "items": items}
    return JSONResponse(document, problem.kind.http_status, media_type="application/problem+json")
