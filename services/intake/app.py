"""Intake, from top to bottom: a request comes in, is checked and signed in, and goes out on the broker.

POST /v1/submissions  ->  accept()  ->  ntm.v1.submissions.<district>.<commune>   202 once it is on disk
                                    ->  ntm.v1.refusals.<agency>                  what was refused, and why
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse
from pydantic_core import from_json

from services.intake.accept import ITEM_LIMIT, Outcome, Posted, accept
from services.intake.catalogue import Catalogue, catalogue
from shared.access import Caller, Keys, authenticate
from shared.contracts import Bilingual, Language, Receipt, Submission
from shared.messaging import new_trace
from shared.problems import Fault, Faults, Problem, Problems
from shared.runtime import Runtime, open_runtime
from shared.settings import settings
from shared.web import answer, create_app, language_of

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of one request."""

BODY_SECONDS = 60
"""A request that stops half-way is not waited for any longer."""

DRAIN_LIMIT = 256 * 1024 * 1024
"""Of a body that is too large so much is read and forgotten: most clients listen only when they have sent it all."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Everything that runs while the service does."""
    async with open_runtime(settings(), "intake") as runtime:
        app.state.runtime, app.state.keys = runtime, Keys(runtime.engine)
        yield


app = create_app(
    "NTM intake", "Nơi các huyện và các ngành gửi số liệu. / Where districts and sectors report.", lifespan
)

Called = Annotated[Caller, Depends(authenticate)]

_SUBMISSION = {"$ref": "#/components/schemas/Submission"}
_ITEMS = {"type": "array", "items": _SUBMISSION, "minItems": 1, "maxItems": ITEM_LIMIT}


@app.post(
    "/v1/submissions",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": [_SUBMISSION, _ITEMS]}}},
        }
    },
)
async def post_submissions(
    request: Request,
    caller: Called,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    traceparent: Annotated[str | None, Header()] = None,
) -> JSONResponse:
    """Post one submission (an object) or up to 1,000 (an array); the answer has a receipt or a problem for each."""
    body = await _json_body(request)
    language = language_of(request)
    runtime: Runtime = request.app.state.runtime
    posted = Posted(caller, body, idempotency_key, new_trace(traceparent), language)
    outcomes = await accept(runtime, posted)
    return _answer_all(outcomes, language) if isinstance(body, list) else _answer_one(outcomes[0], language)


@app.get("/v1/catalogue")
async def get_catalogue(request: Request, _caller: Called) -> Catalogue:
    """The elements, criteria, units and kinds of periods that submissions can name."""
    runtime: Runtime = request.app.state.runtime
    return catalogue(runtime.reference, runtime.clock.today())


async def _json_body(request: Request) -> Any:
    """The JSON of the request, read no further than the limit."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in ("application/json", ""):
        raise Problem(Problems.NOT_JSON)
    body = bytearray()
    length = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                length += len(chunk)
                if length <= BODY_LIMIT:
                    body += chunk
                elif length > DRAIN_LIMIT:
                    break
    except TimeoutError:
        raise Problem(Problems.TOO_SLOW, headers={"Connection": "close"}) from None
    if length > BODY_LIMIT:
        fault = Fault("", Faults.TOO_LONG, {"expected": f"{BODY_LIMIT // 1024 // 1024} MB"})
        raise Problem(Problems.TOO_LARGE, fault, headers={"Connection": "close"})
    try:
        value = from_json(bytes(body), allow_inf_nan=False)
        json.loads(body, object_pairs_hook=_refuse_repeated_names)
    except ValueError as error:
        detail = Bilingual(vi=f"Không đọc được JSON: {error}", en=f"The JSON cannot be read: {error}")
        raise Problem(Problems.INVALID_JSON, detail=detail) from error
    return value


def _refuse_repeated_names(pairs: list[tuple[str, Any]]) -> None:
    """Two figures under one name: nobody can say which is meant, and one would be lost without a word."""
    seen = set()
    for name, _ in pairs:
        if name in seen:
            raise ValueError(f"the name {name[:60]!r} stands twice in one object")
        seen.add(name)


def _answer_one(outcome: Outcome, language: Language) -> JSONResponse:
    if isinstance(outcome, Problem):
        return answer(outcome, language)
    return JSONResponse(outcome.model_dump(mode="json"), status_code=202)


def _answer_all(outcomes: list[Outcome], language: Language) -> JSONResponse:
    """202 when something was accepted; otherwise the status that fits all refusals. Each item says its own."""
    items = [_item(outcome, language) for outcome in outcomes]
    accepted = sum(isinstance(outcome, Receipt) for outcome in outcomes)
    counts = {"accepted": accepted, "refused": len(items) - accepted}
    if accepted:
        return JSONResponse({**counts, "items": items}, status_code=202)
    problem = next(outcome for outcome in outcomes if isinstance(outcome, Problem))
    if any(isinstance(other, Problem) and other.kind is not problem.kind for other in outcomes):
        problem = Problem(Problems.REFUSED)
    document = {**problem.document(language), **counts, "items": items}
    return JSONResponse(document, problem.kind.http_status, media_type="application/problem+json")


def _item(outcome: Outcome, language: Language) -> dict[str, Any]:
    if isinstance(outcome, Receipt):
        return outcome.model_dump(mode="json")
    return {"status": "refused", "problem": outcome.document(language)}


_generate = app.openapi


def _openapi() -> dict[str, Any]:
    """FastAPI's document, with the schema of the body that this service reads by itself."""
    document = _generate()
    schema = Submission.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions = schema.pop("$defs", {})
    document["components"]["schemas"] |= {**definitions, "Submission": schema}
    return document


app.openapi = _openapi  # type: ignore[method-assign]
