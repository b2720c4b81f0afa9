"""Parameters that an operation does not have, or that come twice: no list answers as if they had not been given."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from shared.contract_documents.write import FOLDER
from tests.running import Service, Surroundings

OPERATIONS = [
    (service, method.upper(), path, [one for one in operation.get("parameters", ()) if one["in"] == "query"])
    for service in ("intake", "scoring", "notify")
    for path, item in json.loads((FOLDER / f"openapi-{service}.json").read_text(encoding="utf-8"))["paths"].items()
    for method, operation in item.items()
    if "{gateway}" not in path  # an SMS gateway reports in words of its own
]


@pytest.fixture(scope="module")
async def services(
    shared_around: Surroundings, shared_intake: Service, shared_scoring: Service
) -> dict[str, tuple[Service, str]]:
    mail = {"NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_PORT": "9", "NTM_SMTP_FROM": "ntm@example.vn"}
    notify, key = await shared_around.start("notify", **mail), await shared_around.key("20")
    return {"intake": (shared_intake, key), "scoring": (shared_scoring, key), "notify": (notify, key)}


async def ask(
    services: dict[str, tuple[Service, str]], service: str, method: str, path: str, query: str, language: str = "vi"
) -> tuple[int, Any]:
    running, key = services[service]
    async with running.client(key) as client:
        answer = await client.request(method, f"{path}?{query}", headers={"Accept-Language": language})
    return answer.status_code, answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


@pytest.mark.parametrize(("service", "method", "path", "parameters"), OPERATIONS)
async def test_a_parameter_that_the_operation_does_not_have_is_named_with_those_that_there_are(
    services: dict[str, tuple[Service, str]], service: str, method: str, path: str, parameters: list[dict[str, Any]]
) -> None:
    address = re.sub(r"{\w+}", "06280", path)
    status, problem = await ask(services, service, method, address, "zzqx=1")
    assert (status, [(error["pointer"], error["code"]) for error in problem["errors"]]) == (
        422,
        [("/zzqx", "unknown_parameter")],
    )
    assert "zzqx" in problem["detail"]
    assert all(one["name"] in problem["detail"] for one in parameters)
    for one in parameters:
        name = one["name"]
        slip, schemas = f"{name[:-1]}{name[-1] * 2}", (one["schema"], *one["schema"].get("anyOf", ()))
        status, problem = await ask(services, service, method, address, f"{slip}=1", "en")
        assert status == 422
        assert f"Do you mean {name}?" in problem["detail"]
        if not any(schema.get("type") == "array" for schema in schemas):
            status, problem = await ask(services, service, method, address, f"{name}=1&{name}=2")
            assert (status, problem["errors"][0]["code"]) == (422, "repeated_parameter")


async def test_a_misspelt_filter_is_answered_with_the_right_word_in_both_languages(
    services: dict[str, tuple[Service, str]],
) -> None:
    words = {}
    for language in ("vi", "en"):
        status, problem = await ask(services, "scoring", "GET", "/v1/statuses", "critrion=ntm-11", language)
        assert status == 422
        words[language] = problem["detail"]
    names = "district, criterion, status, cohort, overdue, q, as_of, form, cursor, limit"
    assert words == {
        "vi": f"Không có tham số critrion. Có phải ý bạn là criterion? Địa chỉ này nhận các tham số: {names}.",
        "en": f"There is no parameter critrion. Do you mean criterion? This address takes: {names}.",
    }


async def test_a_parameter_may_come_as_often_as_its_list_is_long(services: dict[str, tuple[Service, str]]) -> None:
    status, _ = await ask(services, "scoring", "GET", "/v1/changes", "event=met&event=lost")
    assert status == 200
