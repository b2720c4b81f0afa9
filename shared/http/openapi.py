"""The OpenAPI document of a service: FastAPI's, with keys, problem documents, titles and examples added."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.access.rights import RIGHTS
from shared.access.roles import ROLES
from shared.access.sessions import SESSION_COOKIE
from shared.contracts.problem_document import ProblemDocument
from shared.problems import Problem, Problems

PROBLEM_JSON = "application/problem+json"
_REF = "#/components/schemas/{model}"
_BY_FASTAPI = ("HTTPValidationError", "ValidationError")
_ALWAYS = (Problems.NO_KEY, Problems.WRONG_KEY, Problems.REFUSED, Problems.RATE_LIMITED, Problems.UNAVAILABLE)

_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "The agency's key (`ntm_…`, from `ntm agency add`), or a token of the configured OIDC issuer.",
}
_SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "name": SESSION_COOKIE,
    "description": "The session of a person who has signed in at `/sign-in`. What writes needs the page's own `Origin` "
    "and the session's word in `X-NTM-Form`.",
}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "const": "Bearer"}}},
    429: {"Retry-After": {"$ref": "#/components/headers/Retry-After"}},
    503: {"Retry-After": {"$ref": "#/components/headers/Retry-After"}},
}
_RETRY_AFTER = {
    "required": True,
    "description": "Seconds to wait. Sending the same again is safe.",
    "schema": {"type": "string", "pattern": "^[1-9][0-9]*$"},
}


@dataclass(frozen=True, slots=True)
class Operation:
    """Additions to the document of one route. `title` is English and Vietnamese, with `/` between."""

    tag: str
    title: str
    problems: tuple[Problems, ...] = ()
    """The problems that it may answer, besides those of every operation."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Examples of its parameters, by their names."""
    answers: Mapping[int, Any] = field(default_factory=dict)
    """Examples of its answers in JSON, by status."""


@dataclass(frozen=True, slots=True)
class Description:
    """Additions to a service's document. Operations are named `GET /v1/…`."""

    operations: Mapping[str, Operation] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Operations that no route of FastAPI serves, by path and method."""
    models: Sequence[type[BaseModel]] = ()
    """The models that `paths` refers to."""


def describe(app: FastAPI, description: Description) -> None:
    """Make `/openapi.json` and `/docs` show the completed document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, description)
        return app.openapi_schema

    app.openapi_schema = None
    app.openapi = openapi  # type: ignore[method-assign] # how FastAPI wants it replaced


def _document(app: FastAPI, description: Description) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for path, operations in description.paths.items():
        document["paths"].setdefault(path, {}).update(deepcopy(dict(operations)))
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    models: list[type[BaseModel]] = [ProblemDocument, *description.models]
    _, added = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    schemas |= added["$defs"]
    for name in _BY_FASTAPI:
        schemas.pop(name, None)
    responses: dict[str, Any] = {}
    for name, operation in _operations(document):
        if name not in RIGHTS:
            raise LookupError(f"{name} has no right in shared/access/rights.py")
        _complete(operation, description.operations.get(name), responses, is_for_all_roles=RIGHTS[name].people >= ROLES)
    components["schemas"] = dict(sorted(schemas.items()))
    components["responses"] = dict(sorted(responses.items()))
    components["headers"] = {"Retry-After": _RETRY_AFTER}
    components["securitySchemes"] = {"key": _KEY, "session": _SESSION}
    document["security"] = [{"key": []}, {"session": []}]
    if description.tags:
        document["tags"] = [{"name": name, "description": text} for name, text in description.tags.items()]
    return document


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", operation


def _complete(
    operation: dict[str, Any], added: Operation | None, responses: dict[str, Any], *, is_for_all_roles: bool
) -> None:
    answers = operation["responses"]
    if _of_fastapi(answers.get("422")):
        del answers["422"]
    kinds = [*_ALWAYS] if is_for_all_roles else [*_ALWAYS, Problems.OUT_OF_SCOPE]
    if operation.get("parameters") or operation.get("requestBody"):
        kinds.append(Problems.INVALID_QUERY)
    if "application/json" in operation.get("requestBody", {}).get("content", {}):
        kinds.append(Problems.INVALID_JSON)
    if added:
        kinds += added.problems
        operation["tags"], operation["summary"] = [added.tag], added.title
        for parameter in operation.get("parameters", []):
            if parameter["name"] in added.parameters:
                parameter["example"] = added.parameters[parameter["name"]]
        for status, example in added.answers.items():
            answers[str(status)]["content"]["application/json"]["example"] = example
    for status, together in _by_status(kinds).items():
        response = _response(status, together)
        if own := answers.get(str(status)):  # the route has an answer of its own beside the problem document
            answers[str(status)] = {**response, **own, "content": {**own.get("content", {}), **response["content"]}}
        else:
            responses[_name(together)] = response
            answers[str(status)] = {"$ref": f"#/components/responses/{_name(together)}"}
    operation["responses"] = dict(sorted(answers.items()))


def _of_fastapi(answer: Mapping[str, Any] | None) -> bool:
    schema = (answer or {}).get("content", {}).get("application/json", {}).get("schema", {})
    return bool(schema.get("$ref", "").endswith("/HTTPValidationError"))


def _by_status(kinds: Sequence[Problems]) -> dict[int, list[Problems]]:
    by_status: defaultdict[int, list[Problems]] = defaultdict(list)
    for kind in sorted(dict.fromkeys(kinds), key=lambda kind: (kind.http_status, kind.code)):
        by_status[kind.http_status].append(kind)
    return dict(by_status)


def _name(kinds: Sequence[Problems]) -> str:
    return "_or_".join(kind.code for kind in kinds)


def _response(status: int, kinds: Sequence[Problems]) -> dict[str, Any]:
    response = {
        "description": " ".join(f"{kind.title.en.rstrip('.')} (`{kind.code}`)." for kind in kinds),
        "content": {PROBLEM_JSON: _content(kinds)},
    }
    return {**response, "headers": _HEADERS[status]} if status in _HEADERS else response


def _content(kinds: Sequence[Problems]) -> dict[str, Any]:
    examples = {kind.code: {"value": Problem(kind).document("en")} for kind in kinds}
    return {"schema": {"$ref": _REF.format(model=ProblemDocument.__name__)}, "examples": examples}
