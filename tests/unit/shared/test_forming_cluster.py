"""A cluster that does not know all its servers yet is waited for; a store without room is not."""

from __future__ import annotations

import pytest
from nats.js.errors import APIError

from services.cli import migrate
from shared.nats.streams import finds_no_room


@pytest.mark.parametrize(
    ("err_code", "description", "is_full"),
    [
        (10005, "no suitable peers for placement", False),
        (10005, "no suitable peers for placement, peer offline", False),
        (10005, "no suitable peers for placement, insufficient storage", True),
        (10047, "insufficient storage resources available", True),
        (10028, "resource limits exceeded for account", True),
        (10058, "stream name already in use with a different configuration", False),
    ],
)
def test_a_full_store_is_told_from_a_cluster_without_enough_servers(
    err_code: int, description: str, is_full: bool
) -> None:
    assert finds_no_room(err_code, description) == is_full


async def test_the_work_is_done_once_the_cluster_knows_its_servers() -> None:
    answers: list[Exception | str] = [
        APIError(code=400, err_code=10005, description="no suitable peers for placement"),
        APIError(code=503, err_code=10008, description="JetStream system temporarily unavailable"),
        "made",
    ]

    async def work() -> str:
        answer = answers.pop(0)
        if isinstance(answer, APIError) and answer.code == 503:
            raise APIError.from_error({"code": 503, "err_code": 10008, "description": answer.description})
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await migrate._once_led(work) == "made"


async def test_another_error_is_told_at_once() -> None:
    async def work() -> None:
        raise APIError(code=400, err_code=10058, description="stream name already in use")

    with pytest.raises(APIError, match="10058"):
        await migrate._once_led(work)
