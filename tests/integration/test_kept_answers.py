"""Answers that a process keeps as it sends them: always those of a process that has kept nothing."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from shared.nats.publishing import publish
from tests.integration.test_kept_parts import PLACES
from tests.integration.test_rebuild import scored
from tests.integration.test_scoring import poverty_report, put_on_stream
from tests.integration.test_withdrawals import a_withdrawal, settled
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

ADDRESSES = [
    "/v1/summary?months=true",
    "/v1/summary?months=true&known=now",
    "/v1/map?criterion=ntm-11&months=true",
    "/v1/nearest?criterion=ntm-11",
    "/v1/targets",
    "/v1/targets?as_of=2023-06-15",
    "/v1/statuses?criterion=ntm-11",
    "/v1/statuses?criterion=ntm-11&form=short&limit=100",
    "/v1/statuses?criterion=ntm-11&as_of=2023-06-15",
    "/v1/statuses?as_of=2023-06-15&status=behind&limit=3",
]
OF_THE_PROVINCE = [
    "/v1/series?unit=20&criterion=ntm-11",
    "/v1/series?unit=20&commitment=poverty-communes",
]
UNMOVED = {"/v1/statuses?as_of=2023-06-15&status=behind&limit=3"}
"""What a correction of after that day does not move."""
SCOPES = ("20", "180")


def asked_by(scope: str) -> list[str]:
    return [*ADDRESSES, *(OF_THE_PROVINCE if scope == "20" else ())]


async def answers_of(service: Service, keys: dict[str, str]) -> dict[tuple[str, str], str]:
    """Return the answers to everybody at all addresses."""
    answers = {}
    for scope, key in keys.items():
        async with service.client(key) as client:
            for address in asked_by(scope):
                answers[scope, address] = await answer_of(client, address)
    return answers


async def answer_of(client: httpx.AsyncClient, address: str) -> str:
    async def whole() -> httpx.Response | None:
        answer = await client.get(address)
        assert answer.status_code in (200, 202), answer.text
        return answer if answer.status_code == 200 else None

    answer: httpx.Response = await eventually(whole)
    return answer.text


def same_in(before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]) -> set[str]:
    """Return the addresses at which the province is answered the same."""
    return {address for address in asked_by("20") if before["20", address] == after["20", address]}


async def test_they_are_those_of_a_process_that_keeps_nothing(around: Surroundings, scoring: Service) -> None:
    keys = {scope: await around.key(scope, agency=f"of-{scope}") for scope in SCOPES}
    reports = [
        poverty_report("2022-12", 200, START - timedelta(days=150), unit=code, district=district)
        for code, district in PLACES.items()
    ]
    await put_on_stream(around, *reports)
    await scored(around, len(reports))
    begun = await follows(around, scoring, keys)

    correction = poverty_report("2022-12", 10, unit="06004", revision=2)
    await put_on_stream(around, correction)
    await scored(around, len(reports) + 1)
    corrected = await follows(around, scoring, keys)
    assert same_in(begun, corrected) <= UNMOVED

    await publish(around.nats, [a_withdrawal(correction)])
    await settled(around, len(reports) + 1, 1)
    withdrawn = await follows(around, scoring, keys)
    assert same_in(corrected, withdrawn) <= UNMOVED

    await around.set_day(START + timedelta(days=1))
    await follows(around, scoring, keys)


async def follows(around: Surroundings, scoring: Service, keys: dict[str, str]) -> dict[tuple[str, str], str]:
    """Return the answers once they are those of a fresh process, which are asked for anew as work may go on."""
    fresh = await around.start("scoring")

    async def same() -> dict[tuple[str, str], str] | None:
        found = await answers_of(scoring, keys)
        return found if found == await answers_of(fresh, keys) else None

    found: dict[tuple[str, str], str] = await eventually(same)
    await fresh.stop()
    return found


async def test_an_answer_is_the_same_to_who_reads_nothing_compressed(around: Surroundings, scoring: Service) -> None:
    key = await around.key("20")
    async with scoring.client(key) as client:
        packed = await client.get("/v1/summary?months=true")
        plain = await client.get("/v1/summary?months=true", headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert plain.text == packed.text
    assert {answer.headers["Vary"] for answer in (packed, plain)} == {"Accept-Encoding"}
