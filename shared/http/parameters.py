"""The parameters of a request's address: one that the operation does not have, or that comes twice, is refused.

A filter that is misspelt and ignored would show everything, and a `dry_run` would send.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from fastapi import Request

from shared.contracts.bilingual import Bilingual
from shared.problems import Fault, Faults, Problem, Problems
from shared.problems.pydantic_errors import pointer_of
from shared.texts import filled, phrase

_OPERATIONS = "/v1/"

ANY_PARAMETERS: dict[str, Any] = {
    "parameters": [
        {
            "name": "fields",
            "in": "query",
            "description": "Any parameters.",
            "style": "form",
            "explode": True,
            "schema": {"type": "object", "additionalProperties": {"type": "string"}},
        }
    ]
}
"""The `openapi_extra` of a route whose callers choose the parameters by themselves."""


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise problem 422 for parameters that the OpenAPI document does not know for the operation, or that come twice.

    It names each, with the one that was probably meant and all that there are.
    """
    if not request.scope["query_string"] or not request.url.path.startswith(_OPERATIONS):
        return
    route = request.scope.get("route")  # none where a door stands before the router
    path = route.path_format if route else request.url.path
    operation = request.app.openapi()["paths"].get(path, {}).get(request.method.lower(), {})
    known = {one["name"]: one["schema"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    if any(schema.get("type") == "object" for schema in known.values()):
        return
    given = [name for name, _ in request.query_params.multi_items()]
    faults = [fault for name in dict.fromkeys(given) if (fault := _fault(name, given.count(name), known))]
    if faults:
        raise Problem(Problems.REFUSED, *faults)


def _fault(name: str, times: int, known: Mapping[str, Any]) -> Fault | None:
    pointer, value = pointer_of([name]), name[:60]
    if name in known:
        is_once_too_often = times > 1 and not _is_list(known[name])
        return Fault(pointer, Faults.REPEATED_PARAMETER, {"value": value}) if is_once_too_often else None
    near = get_close_matches(name.lower(), known, 1)
    meant = filled(phrase("parameters.meant"), name=near[0]) if near else Bilingual(vi="", en="")
    exist = filled(phrase("parameters.exist"), names=", ".join(known)) if known else phrase("parameters.none")
    return Fault(pointer, Faults.UNKNOWN_PARAMETER, {"value": value, "meant": meant, "exist": exist})


def _is_list(schema: Mapping[str, Any]) -> bool:
    return any(each.get("type") == "array" for each in (schema, *schema.get("anyOf", ())))
