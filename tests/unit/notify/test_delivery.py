"""Delivery with a database that fails for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from services.notify.alerts.notice import Notice
from services.notify.delivery.channels.channel import Outcome, Result, Session
from services.notify.delivery.worker import HANDED_OVER, DeliveryWorker
from shared.service.clock import Clock
from shared.time import utc_now
from tests.unit.notify.test_channels import a_notice, some_settings


class Taking:
    """A channel that takes everything."""

    sessions = 3

    def __init__(self) -> None:
        self.taken: list[Notice] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        yield self

    async def deliver(self, notice: Notice) -> Outcome:
        self.taken.append(notice)
        return Outcome(Result.SENT, "taken")

    async def close(self) -> None:
        """Do nothing: this channel keeps no connection."""


class Broken:
    """A database that raises an error that no repetition mends."""

    def begin(self) -> Any:
        raise ValueError("a row that cannot be")


def a_delivery(channel: Taking) -> DeliveryWorker:
    async def watch(*_: Any) -> None:
        """Do nothing after attempts."""

    nothing: Any = None
    broken: Any = Broken()
    return DeliveryWorker("email", channel, broken, nothing, some_settings(), watch, None, Clock())


async def test_what_cannot_be_recorded_ends_the_delivery_and_with_it_the_service() -> None:
    channel = Taking()
    delivery = a_delivery(channel)
    leased_until = utc_now() + timedelta(seconds=60)
    delivery.take([a_notice(leased_until=leased_until) for _ in range(5)])
    with pytest.raises(ValueError, match="a row that cannot be"):
        await asyncio.wait_for(delivery.run(), 20)
    assert len(channel.taken) == channel.sessions  # each session waited for the record of its first attempt


async def test_there_is_room_for_so_many_and_none_once_it_stops() -> None:
    delivery = a_delivery(Taking())
    assert delivery.room() == HANDED_OVER
    delivery.take([a_notice(leased_until=utc_now())] * 20)
    assert delivery.room() == HANDED_OVER - 20
