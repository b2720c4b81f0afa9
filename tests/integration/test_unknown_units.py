"""An unknown unit: 404 where the path names it, 422 in a query or body, at every operation of the three documents."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from services.intake.doors import openapi_examples
from shared.contract_documents.write import FOLDER
from shared.time import utc_now
from tests.running import Service, Surroundings

UNKNOWN = "99999"
NAMES = {"unit", "units", "district", "under", "commune", "code"}
"""The names of parameters and fields that name a unit."""

REQUESTS: dict[str, dict[str, Any]] = {
    "GET /v1/submissions": {"params": {"unit": UNKNOWN}},
    "POST /v1/submissions": {"json": {**openapi_examples.SUBMISSION, "unit": UNKNOWN}},
    "GET /v1/reviews-due": {"params": {"unit": UNKNOWN}},
    "GET /v1/forms/{report}": {"url": "/v1/forms/poverty-monthly", "params": {"unit": UNKNOWN, "period": "2023-06"}},
    "GET /v1/templates/{criteria}.xlsx": {
        "url": "/v1/templates/ntm-11.xlsx",
        "params": {"unit": UNKNOWN, "period": "2023-06"},
    },
    "POST /v1/uploads": {
        "params": {"unit": UNKNOWN, "dry_run": "true"},
        "content": "Mã xã;Kỳ;poor_households\n06280;2023-04;131\n".encode(),
        "headers": {"content-type": "text/csv"},
    },
    "POST /v1/evidence": {"params": {"unit": UNKNOWN, "period": "2023-06", "criterion": "ntm-11", "name": "a"}},
    "GET /v1/evidence": {"params": {"unit": UNKNOWN}},
    "POST /v1/problems": {"json": {**openapi_examples.REPORT, "unit": UNKNOWN}},
    "GET /v1/problems": {"params": {"unit": UNKNOWN}},
    "GET /v1/dossiers": {"params": {"unit": UNKNOWN}},
    "GET /v1/reports-due": {"params": {"unit": UNKNOWN}},
    "GET /v1/dossiers/{commune}/{set}": {"url": f"/v1/dossiers/{UNKNOWN}/ntm"},
    "POST /v1/dossiers/{commune}/{set}": {
        "url": f"/v1/dossiers/{UNKNOWN}/ntm",
        "json": {"step": "self_assessed", "person": "x", "answers": [{"criterion": "ntm-1", "yes": True, "note": "x"}]},
    },
    "GET /v1/statuses": {"params": {"district": UNKNOWN}},
    "GET /v1/communes/{code}": {"url": f"/v1/communes/{UNKNOWN}"},
    "GET /v1/changes": {"params": {"district": UNKNOWN}},
    "GET /v1/changes/live": {"params": {"district": UNKNOWN}},
    "GET /v1/difficulties": {"params": {"unit": UNKNOWN}},
    "GET /v1/series": {"params": {"unit": UNKNOWN, "criterion": "ntm-11"}},
    "GET /v1/export.csv": {"params": {"district": UNKNOWN}},
    "GET /v1/export.parquet": {"params": {"district": UNKNOWN}},
    **{
        f"GET /v1/reports/{{month}}.{ending}": {"url": f"/v1/reports/2023-05.{ending}", "params": {"unit": UNKNOWN}}
        for ending in ("docx", "xlsx", "pdf")
    },
    "GET /v1/recognitions": {"params": {"district": UNKNOWN}},
    "GET /v1/nearest": {"params": {"district": UNKNOWN, "criterion": "ntm-11"}},
    "POST /v1/what-if": {
        "json": {
            "submissions": [
                {"unit": UNKNOWN, "period": "2023-06", "stage": "reported", "readings": {"poor_households": 1}}
            ]
        }
    },
    "GET /v1/alerts": {"params": {"unit": UNKNOWN}},
    "GET /v1/alerts/counts": {"params": {"unit": UNKNOWN}},
    "GET /v1/notices": {"params": {"unit": UNKNOWN}},
    "GET /v1/notices/totals": {"params": {"unit": UNKNOWN}},
    "GET /v1/notices.csv": {"params": {"unit": UNKNOWN}},
    "GET /v1/routes:explain": {"params": {"unit": UNKNOWN, "event": "fell_behind", "criterion": "ntm-11"}},
    "POST /v1/silences": {
        "json": {
            "match": {"under": [UNKNOWN]},
            "reason": "Đang khắc phục",
            "ends_at": (utc_now() + timedelta(hours=1)).isoformat(),
        }
    },
    "POST /v1/subscriptions": {
        "json": {"url": "https://93.184.216.34/hook", "unit": UNKNOWN, "match": {"criteria": ["ntm-11"]}}
    },
    "GET /v1/contacts": {"params": {"unit": UNKNOWN}},
    "POST /v1/contacts": {
        "json": {"role": "district_office", "unit": UNKNOWN, "name": "Nguyễn Văn An", "emails": ["an@example.vn"]}
    },
}
WITHOUT = {"PUT /v1/contacts/{contact_id}"}
"""An operation that names a unit as well, but first the contact that it replaces."""


@pytest.fixture(scope="module")
async def services(shared_around: Surroundings, shared_intake: Service, shared_scoring: Service) -> dict[str, Service]:
    mail = {"NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_PORT": "9", "NTM_SMTP_FROM": "ntm@example.vn"}
    notify = await shared_around.start("notify", **mail)
    return {"intake": shared_intake, "scoring": shared_scoring, "notify": notify}


def _document(service: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"openapi-{service}.json").read_text(encoding="utf-8")))


def _names(schema: Any, document: dict[str, Any], seen: frozenset[str] = frozenset()) -> set[str]:
    """Return the names of all fields of a schema, at any depth."""
    if isinstance(schema, list):
        return {name for one in schema for name in _names(one, document, seen)}
    if not isinstance(schema, dict):
        return set()
    if reference := schema.get("$ref"):
        kind = reference.rpartition("/")[2]
        return set() if kind in seen else _names(document["components"]["schemas"][kind], document, seen | {kind})
    return set(schema.get("properties", {})) | {
        name for part in schema.values() for name in _names(part, document, seen)
    }


def _taking_a_unit() -> list[tuple[str, str]]:
    found = []
    for service in ("intake", "scoring", "notify"):
        document = _document(service)
        for path, item in document["paths"].items():
            for method in item.keys() & {"get", "post", "put", "delete", "patch"}:
                operation = item[method]
                names = {parameter["name"] for parameter in operation.get("parameters", [])}
                if f"{method.upper()} {path}" not in WITHOUT:
                    names |= _names(operation.get("requestBody", {}).get("content", {}), document)
                if names & NAMES:
                    found.append((service, f"{method.upper()} {path}"))
    return sorted(found)


def test_every_operation_that_names_a_unit_is_tried() -> None:
    assert {name for _, name in _taking_a_unit()} == set(REQUESTS)


@pytest.mark.parametrize(("service", "operation"), _taking_a_unit())
async def test_an_unknown_unit_has_one_status_and_one_fault(
    shared_around: Surroundings, services: dict[str, Service], service: str, operation: str
) -> None:
    method, _, path = operation.partition(" ")
    request = {"url": path, **REQUESTS[operation]}
    async with services[service].client(await shared_around.key("20")) as client:
        answer = await client.request(method, **request)
    in_path = UNKNOWN in request["url"]
    assert answer.status_code == (404 if in_path else 422), answer.text
    problem = answer.json()
    problem = problem.get("problem", problem)
    assert problem["code"] == ("not_found" if in_path else "refused")
    assert "unknown_unit" in {fault["code"] for fault in problem["errors"]}, problem
    assert UNKNOWN in problem["errors"][0]["detail"]
    described = _document(service)["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in described
