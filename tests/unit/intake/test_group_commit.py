"""Groups of submissions: no more messages in one than an atomic batch holds, and all requests that are there."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

import pytest

from services.intake.admission.candidate import Candidate, Refused, Ruling
from services.intake.admission.group_commit import GroupCommit, _Group, _screened
from shared.nats.publishing import BATCH_LIMIT


def a_candidate(*, reviewed: bool) -> Candidate:
    """Return a submission of which the group needs to know only whether a review comes with it."""
    candidate = object.__new__(Candidate)
    object.__setattr__(candidate, "ruling", object.__new__(Ruling) if reviewed else None)
    return candidate


@pytest.mark.parametrize(("reviewed", "taken"), [(False, BATCH_LIMIT), (True, BATCH_LIMIT // 2)])
async def test_a_group_takes_no_more_messages_than_a_batch_holds(reviewed: bool, taken: int) -> None:
    desk = object.__new__(GroupCommit)
    posts = [_Group.of([a_candidate(reviewed=reviewed)]) for _ in range(BATCH_LIMIT + 1)]
    desk._groups = cast("deque[_Group]", deque(posts))
    first = desk._take()
    assert len(first) == taken
    assert sum(group.size for group in first) == BATCH_LIMIT
    assert len(first) + len(desk._groups) == len(posts)


async def test_requests_that_are_at_the_door_come_along() -> None:
    desk = object.__new__(GroupCommit)
    desk._groups, desk._waiting, desk._woken = deque(), 0, asyncio.Event()

    def take(items: int) -> None:
        desk._groups.append(_Group.of([a_candidate(reviewed=False)] * items))
        desk._waiting += items
        desk._woken.set()

    async def come_one_after_the_other(requests: int) -> None:
        for _ in range(requests):
            await asyncio.sleep(0)
            take(1)

    async with asyncio.TaskGroup() as door:
        door.create_task(come_one_after_the_other(5))
        assert len(await desk._next()) == 5
        desk._waiting = 0
        take(BATCH_LIMIT)
        door.create_task(come_one_after_the_other(5))
        assert [group.size for group in await desk._next()] == [BATCH_LIMIT]


async def test_what_cannot_be_screened_fails_alone() -> None:
    def screen() -> list[Candidate | Refused]:
        raise ZeroDivisionError

    one, other = _Group(1, 1, screen), _Group.of([a_candidate(reviewed=False)])
    assert list(_screened([one, other])) == [other]
    with pytest.raises(ZeroDivisionError):
        await one.answer
    assert len(other.items) == 1
