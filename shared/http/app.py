"""The HTTP application that all services share: problem documents, health, metrics, the caller's language."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from nats.errors import Error as NatsError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionLeftError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from shared.contracts.bilingual import Bilingual, Language
from shared.http.dependencies import runtime_of
from shared.http.docs import docs_router
from shared.http.metrics import router as metrics_router
from shared.http.observed import TRACE_AT
from shared.http.openapi import Description, describe
from shared.http.parameters import refuse_unknown_parameters
from shared.masking import mask
from shared.nats.cloud_events import trace_id
from shared.operations.catalogue import CATALOGUE, Code
from shared.problems import Problem, Problems
from shared.problems.pydantic_errors import faults_of
from shared.readable import DamagedRowError
from shared.service.runtime import Runtime
from shared.service.transient_errors import blames_content
from shared.service.unavailable import unavailable
from shared.texts import phrase

log = structlog.get_logger()

type Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def language_of(request: Request) -> Language:
    """Return English for callers who prefer it, else Vietnamese."""
    return language_in(request.headers.get("accept-language", ""))


@lru_cache(maxsize=256)
def language_in(accept_language: str) -> Language:
    """Return the language that an `Accept-Language` header prefers, of Vietnamese and English."""
    weights = {"vi": 0.0, "en": 0.0}
    for part in accept_language.lower().split(","):
        tag, _, quality = part.partition(";q=")
        language = tag.strip()[:2]
        if language in weights:
            with suppress(ValueError):
                weights[language] = max(weights[language], float(quality or 1))
    return "en" if weights["en"] > weights["vi"] else "vi"


def create_app(title: str, description: str, lifespan: Lifespan) -> FastAPI:
    """Return a FastAPI application with the routes and error documents that all services share."""
    app = FastAPI(
        title=title,
        description=description,
        version="1",
        lifespan=lifespan,
        dependencies=[Depends(refuse_unknown_parameters)],
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # `Observed` does it, and it would ask each time
    )
    app.include_router(docs_router(title))
    describe(app, Description())
    for expected in EXPECTED_ERRORS:
        app.add_exception_handler(expected, answer_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_invalid_query)
    app.add_exception_handler(Exception, _answer_failure)
    app.add_api_route("/healthz", _health, include_in_schema=False)
    app.add_api_route("/readyz", _ready, include_in_schema=False)
    app.include_router(metrics_router)
    return app


def problem_response(problem: Problem, language: Language) -> JSONResponse:
    """Return the problem as an HTTP answer."""
    return JSONResponse(
        problem.document(language),
        status_code=problem.kind.http_status,
        media_type="application/problem+json",
        headers={**problem.headers, "Content-Language": language},
    )


EXPECTED_ERRORS = (Problem, DamagedRowError, DBAPIError, NoConnectionLeftError, NatsError, OSError)
"""The errors that a request may end with although the program is right."""


def problem_of(error: Exception) -> Problem:
    """Return the problem that answers an expected error: the error itself, 404 for what is damaged and cannot be shown,
    400 for a parameter that the database refuses, or 503 while the database or the broker is away.
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, DamagedRowError):
        return Problem(Problems.NOT_FOUND, detail=phrase("stored.unreadable"))
    if blames_content(error):
        return Problem(Problems.INVALID_QUERY)
    log.warning("not available", error=type(error).__name__)
    return unavailable(error)


async def answer_error(request: Request, error: Exception) -> Response:
    """Answer one of the expected errors."""
    return problem_response(problem_of(error), language_of(request))


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    known = {400: Problems.INVALID_JSON, 404: Problems.NOT_FOUND, 405: Problems.METHOD_NOT_ALLOWED}
    if isinstance(error.__cause__, Problem):  # FastAPI wraps the errors of reading a body
        return problem_response(error.__cause__, language_of(request))
    status = getattr(error, "status_code", 500)
    headers = dict(getattr(error, "headers", None) or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods_at(request)):
        headers["Allow"] = ", ".join(sorted(methods))  # Starlette names the methods of the path's first route only
    return problem_response(Problem(known.get(status, Problems.FAILED), headers=headers), language_of(request))


def _methods_at(request: Request) -> set[str]:
    return {
        method.upper()
        for path, operations in request.app.openapi()["paths"].items()
        if compile_path(path)[0].fullmatch(request.url.path)
        for method in operations
    }


async def _answer_invalid_query(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - the handler is registered for this type
    if any(detail["type"] == "json_invalid" for detail in error.errors()):
        return problem_response(Problem(Problems.INVALID_JSON), language_of(request))
    kind = Problems.REFUSED if all(detail["loc"][0] == "body" for detail in error.errors()) else Problems.INVALID_QUERY
    return problem_response(Problem(kind, *faults_of(error.errors())), language_of(request))


async def _answer_failure(request: Request, error: Exception) -> Response:
    trace = request.scope.get(TRACE_AT)
    log.error("request failed", path=request.url.path, trace_id=trace and trace_id(trace), exc_info=error)
    return problem_response(Problem(Problems.FAILED), language_of(request))


async def _health(request: Request) -> dict[str, Any]:
    """Answer with the day by the service's clock, and with the service's own facts."""
    runtime = runtime_of(request)
    return {"status": "ok", "today": runtime.clock.today(), **runtime.facts}


def held_back(runtime: Runtime) -> Problem | None:
    """Return problem 503 for a service that takes and answers nothing for the moment; None: it works."""
    if runtime.held_back is None:
        return None
    return Problem(Problems.UNAVAILABLE, detail=runtime.held_back, headers={"Retry-After": "60"})


async def _ready(request: Request) -> Response:
    """Answer 200 when the broker stores and the database commits, else 503 with what is wrong and what to do."""
    language, runtime = language_of(request), runtime_of(request)
    if held := held_back(runtime):
        return problem_response(held, language)
    if troubles := await runtime.health.troubles():
        words = "; ".join(_said(code, details, language) for code, details in troubles.items())
        detail = Bilingual(vi=words, en=words)
        return problem_response(Problem(Problems.UNAVAILABLE, detail=detail, headers={"Retry-After": "2"}), language)
    lacking = runtime.facts.get("streams_that_lack_messages")  # it works on, and operators have to act
    return JSONResponse({"status": "ready", **({"streams_that_lack_messages": lacking} if lacking else {})})


def _said(code: Code, details: Bilingual | None, language: Language) -> str:
    entry = CATALOGUE[code]
    error = f" ({mask(details.in_(language))})" if details else ""
    return f"{code}: {entry.words.in_(language)}{error} {entry.remedy.in_(language)}"
