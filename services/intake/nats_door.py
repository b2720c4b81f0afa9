"""The door for systems that are on NATS already: request/reply with the same rules, keys and receipts as HTTP."""

from __future__ import annotations

from nats.aio.msg import Msg
from starlette.responses import Response

from services.intake.accept import Intake
from services.intake.entry import Posted
from services.intake.submissions import answer_json
from shared.access import Keys
from shared.messaging import new_trace
from shared.problems import Problem, Problems
from shared.web import answer, language_in

STATUS_HEADER = "status"
"""The status that HTTP would have answered with."""


async def submit(intake: Intake, keys: Keys, message: Msg) -> tuple[bytes, dict[str, str]]:
    """The reply and its headers. The key stands in the header `Authorization: Bearer …`, as over HTTP.

    Also honoured: `Idempotency-Key`, `Accept-Language`, `traceparent`.
    """
    headers = {name.lower(): value for name, value in (message.headers or {}).items()}
    language = language_in(headers.get("accept-language", ""))
    try:
        caller = await keys.caller(headers.get("authorization"))
        intake.desk.check_open()
        trace = new_trace(headers.get("traceparent"))
        posted = Posted(caller, language, trace, headers.get("idempotency-key"))
        response: Response = await answer_json(intake, message.data, posted)
    except Problem as problem:
        response = answer(problem, language)
    except OSError:
        response = answer(Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"}), language)
    shown = {name: value for name in ("content-type", "retry-after") if (value := response.headers.get(name))}
    return bytes(response.body), {STATUS_HEADER: str(response.status_code), **shown}
