"""Gatherings and contacts as their rows stand in the database, through notify's use cases."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from services.notify.storage.contacts import save
from services.notify.storage.silences import StoredSilence, add_silence
from services.notify.telling.tell_gathered import tell_gathered
from shared.contracts.status import Event
from tests.changes import DISTRICT_OFFICE, a_branch, a_contact, a_status_change
from tests.integration.test_interleaved_notify import BOTH, CHANGED_AT, GROUP, NOW, known, pipeline, rows, telling
from tests.running import Surroundings


async def test_a_withheld_notice_delays_nothing(around: Surroundings) -> None:
    await known(around, DISTRICT_OFFICE)
    grouped = pipeline(a_branch(**BOTH, group={"wait": timedelta(minutes=1), "interval": timedelta(hours=6)}))
    ends = NOW + timedelta(minutes=5)
    async with around.engine.begin() as connection:
        await add_silence(connection, StoredSilence(uuid4(), {"under": ["184"]}, None, NOW, ends, "t", "t", NOW, None))
    await telling(a_status_change(), through=grouped)(around.engine)
    async with around.engine.begin() as connection:
        await tell_gathered(connection, grouped, NOW + timedelta(minutes=2))
    assert await rows(around, "SELECT status FROM notify.notice") == [("withheld",)]
    recovery = a_status_change(Event.RECOVERED, at=CHANGED_AT + timedelta(minutes=1))
    await telling(recovery, now=ends, through=grouped)(around.engine)
    assert await rows(around, "SELECT due_at, told_at FROM notify.gathering") == [(ends + timedelta(minutes=1), None)]


async def test_a_notice_that_goes_out_delays_the_next_by_the_interval(around: Surroundings) -> None:
    await known(around, DISTRICT_OFFICE)
    grouped = pipeline(a_branch(**BOTH, group=GROUP))
    await telling(a_status_change(), through=grouped)(around.engine)
    told_at = NOW + timedelta(minutes=30)
    async with around.engine.begin() as connection:
        await tell_gathered(connection, grouped, told_at)
    recovery = a_status_change(Event.RECOVERED, at=CHANGED_AT + timedelta(minutes=1))
    await telling(recovery, now=told_at - timedelta(minutes=5), through=grouped)(around.engine)
    assert await rows(around, "SELECT due_at FROM notify.gathering") == [(told_at + timedelta(minutes=10),)]


async def test_urls_of_contacts_that_lead_to_no_service_are_known(around: Surroundings) -> None:
    telegram = "tgram://123456789:abcdefg_hijklmnop/12315544/"
    contact = a_contact("poverty_division", "20", services=["zalo://nobody", telegram])
    async with around.engine.begin() as connection:
        await save(connection, uuid4(), contact, "tests", NOW)  # as a former version stored it
        world = await pipeline().world_reader.world(connection, NOW)
    assert world.no_services == {"zalo://nobody"}
