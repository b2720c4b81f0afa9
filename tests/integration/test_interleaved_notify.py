"""Another transaction of notify commits between what one reads and what it writes: nothing is lost or told wrongly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notify.alerts.alert import Occasion
from services.notify.alerts.draft import Draft
from services.notify.alerts.notice import Notice, NoticeStatus, Wording
from services.notify.api import contacts as contacts_api
from services.notify.api.delivery_reports import record
from services.notify.delivery.attempts import Attempt, attempt_values
from services.notify.delivery.channels.channel import Outcome, Result
from services.notify.delivery.channels.sms.gateway import DeliveryReport
from services.notify.delivery.worker import LEASED
from services.notify.service import Notify
from services.notify.settings import NotifySettings
from services.notify.stages.group import group
from services.notify.stages.hold import hold
from services.notify.stages.inhibit import inhibit
from services.notify.stages.render import render
from services.notify.stages.route import route
from services.notify.stages.settle import settle
from services.notify.stages.silence import silence
from services.notify.storage.attempts import record_attempts
from services.notify.storage.contacts import bring_contacts, save, stored_contacts
from services.notify.storage.notices import lease_notices
from services.notify.storage.silences import StoredSilence, add_silence, end_silence
from services.notify.storage.subscriptions import add_subscription, remove_subscription, subscription_of
from services.notify.telling.acknowledge import Responsible, acknowledge
from services.notify.telling.budget import afford
from services.notify.telling.escalate import escalate
from services.notify.telling.hand_over import notice_of
from services.notify.telling.pipeline import Pipeline
from services.notify.telling.tell import tell
from services.notify.telling.tell_gathered import tell_gathered
from services.notify.telling.tell_silenced import tell_silenced
from services.notify.telling.world_reader import WorldReader
from services.notify.world import Tariff, World
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.refs import UnitRef
from shared.contracts.status import Event
from shared.nats.signing_keys import keys_of
from shared.problems import Problem
from shared.reference.models import Branch, Contact
from shared.service.proof import Proof
from tests.changes import (
    DISTRICT_OFFICE,
    REFERENCE,
    a_branch,
    a_draft,
    a_status_change,
    an_alert,
    the_world,
)
from tests.interleaving import Work, interleaved
from tests.running import Surroundings
from tests.runtimes import a_runtime

NOW = datetime(2023, 6, 30, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
CHANGED_AT = a_status_change().at
ARRIVING, TELLING = (route, group, hold), (settle, inhibit, silence, render)
BOTH: dict[str, Any] = {"events": ["fell_behind", "recovered"]}
GROUP = {"wait": timedelta(minutes=10), "interval": timedelta(minutes=10)}
TAKES_NOTICES, TELLS_LOG = "INSERT INTO notify.notice", "INSERT INTO notify.outbox"


def pipeline(*routes: Branch, **world: Any) -> Pipeline:
    return Pipeline(ARRIVING, TELLING, WorldReader(the_world(routes=list(routes) or [a_branch(**BOTH)], **world)))


def telling(*occasions: Occasion, now: datetime = NOW, through: Pipeline | None = None) -> Work[int]:
    async def work(engine: AsyncEngine) -> int:
        async with engine.begin() as connection:
            return await tell(connection, [an_alert(one) for one in occasions], through or pipeline(), now)

    return work


def using(case: Callable[[AsyncConnection, Pipeline, datetime], Awaitable[int]], now: datetime = LATER) -> Work[int]:
    """Return the work of a use case that looks for what is due."""

    async def work(engine: AsyncEngine) -> int:
        async with engine.begin() as connection:
            return await case(connection, pipeline(), now)

    return work


def noted(order: list[str], name: str, work: Work[int]) -> Work[int]:
    """Return the work that also notes, by its name, when it has committed."""

    async def noting(engine: AsyncEngine) -> int:
        done = await work(engine)
        order.append(name)
        return done

    return noting


def a_fall_and_a_recovery() -> tuple[Occasion, Occasion]:
    return a_status_change(), a_status_change(Event.RECOVERED, at=CHANGED_AT + timedelta(minutes=1))


async def rows(around: Surroundings, query: str) -> Sequence[Any]:
    async with around.engine.connect() as connection:
        return (await connection.execute(text(query))).all()


async def known(around: Surroundings, *contacts: Contact) -> None:
    async with around.engine.begin() as connection:
        await bring_contacts(connection, contacts, NOW)


@pytest.mark.parametrize("is_in_order", [True, False])
async def test_an_alert_that_comes_at_once_with_its_end_is_ended(around: Surroundings, is_in_order: bool) -> None:
    fall, recovery = a_fall_and_a_recovery()
    first, second = (fall, recovery) if is_in_order else (recovery, fall)
    await interleaved(around.settings, telling(first), telling(second), before=TELLS_LOG)
    assert await rows(around, "SELECT id, ended_by FROM notify.alert WHERE opens") == [(fall.id, recovery.id)]


async def test_alerts_about_many_topics_are_stored_without_waiting_in_a_circle(around: Surroundings) -> None:
    units = [
        UnitRef(code=unit.code, name=unit.name, kind="commune") for unit in REFERENCE.units if unit.kind == "commune"
    ]
    falls = [a_status_change(unit=unit) for unit in units[:50]]
    recoveries = [a_status_change(Event.RECOVERED, unit=unit, at=LATER) for unit in reversed(units[:50])]
    await interleaved(around.settings, telling(*falls), telling(*recoveries), before=TELLS_LOG)
    assert await rows(around, "SELECT count(*) FROM notify.alert WHERE opens AND ended_by IS NULL") == [(0,)]


async def test_one_of_two_acknowledgements_stands(around: Surroundings) -> None:
    fall, _ = a_fall_and_a_recovery()
    await telling(fall)(around.engine)

    def by(agency: str) -> Work[int]:
        async def work(engine: AsyncEngine) -> int:
            async with engine.begin() as connection:
                taken = Responsible(agency, None, None, LATER, LATER.date())
                return len(await acknowledge(connection, [fall.id], taken))

        return work

    assert await interleaved(around.settings, by("a"), by("b"), before="DELETE FROM notify.escalation") == (1, 0)
    assert await rows(around, "SELECT acknowledged_by FROM notify.alert") == [("a",)]


async def test_an_alert_that_joins_a_gathering_while_that_is_told_is_told_next(around: Surroundings) -> None:
    await known(around, DISTRICT_OFFICE)
    grouped = pipeline(a_branch(**BOTH, group=GROUP))
    fall, recovery = a_fall_and_a_recovery()
    await telling(fall, through=grouped)(around.engine)

    async def told(engine: AsyncEngine, now: datetime = LATER) -> int:
        async with engine.begin() as connection:
            return await tell_gathered(connection, grouped, now)

    joining = telling(recovery, now=LATER, through=grouped)
    await interleaved(around.settings, told, joining, before="DELETE FROM notify.gathered")
    assert await rows(around, "SELECT alert FROM notify.gathered") == [(recovery.id,)]
    assert await told(around.engine, LATER + timedelta(hours=1)) == 1
    assert {row[0] for row in await rows(around, "SELECT alert FROM notify.mention")} == {fall.id, recovery.id}


async def test_two_workers_tell_a_gathering_once(around: Surroundings) -> None:
    await known(around, DISTRICT_OFFICE)
    grouped = pipeline(a_branch(group=GROUP))
    await telling(a_status_change(), through=grouped)(around.engine)

    async def told(engine: AsyncEngine) -> int:
        async with engine.begin() as connection:
            return await tell_gathered(connection, grouped, LATER)

    assert await interleaved(around.settings, told, told, before=TAKES_NOTICES) == (1, 0)


ESCALATING = {"escalate": [{"after_working_days": 1, "to": ["coordination_office"]}]}


async def test_an_alert_that_ends_while_it_climbs_ends_after_that(around: Surroundings) -> None:
    await known(around, DISTRICT_OFFICE)
    climbing = pipeline(a_branch(**BOTH, **ESCALATING))
    fall, recovery = a_fall_and_a_recovery()
    await telling(fall, through=climbing)(around.engine)

    async def climb(engine: AsyncEngine) -> int:
        async with engine.begin() as connection:
            return await escalate(connection, climbing, NOW + timedelta(days=7))

    await interleaved(
        around.settings, climb, telling(recovery, through=climbing), before="notify.escalation (SET|WHERE)"
    )
    told = await rows(around, "SELECT body::json ->> 'event' FROM notify.outbox ORDER BY id")
    events = [event for (event,) in told]
    assert events.index("escalated") < max(place for place, event in enumerate(events) if event == "raised")


async def test_what_a_silence_held_back_is_told_before_a_newer_alert_about_the_same(around: Surroundings) -> None:
    await known(around, DISTRICT_OFFICE)
    fall, recovery = a_fall_and_a_recovery()
    silenced = StoredSilence(
        uuid4(), {"under": ["184"]}, None, NOW - timedelta(hours=1), LATER + timedelta(hours=1), "quiet", "t", NOW, None
    )
    async with around.engine.begin() as connection:
        await add_silence(connection, silenced)
    await telling(fall)(around.engine)
    async with around.engine.begin() as connection:
        await end_silence(connection, silenced.id, "t", NOW + timedelta(minutes=1))
    order: list[str] = []
    released, newer = (
        noted(order, "released", using(tell_silenced)),
        noted(order, "newer", telling(recovery, now=LATER)),
    )
    await interleaved(around.settings, released, newer, before=TAKES_NOTICES)
    assert order == ["released", "newer"]
    query = "SELECT count(*) FROM notify.mention JOIN notify.notice ON notice = id WHERE left_out IS NULL AND alert = "
    told = [await rows(around, f"{query}'{one.id}'") for one in (fall, recovery)]
    assert told == [[(1,)], [(1,)]]


async def test_the_day_s_budget_holds_for_its_first_messages(around: Surroundings) -> None:
    world = the_world(tariff=Tariff(800, 800))

    async def affords(engine: AsyncEngine) -> bool:
        async with engine.begin() as connection:
            [draft], _ = await afford(connection, [an_sms()], world)
            return draft.not_sent is None

    assert sorted(await interleaved(around.settings, affords, affords, before="INSERT INTO notify.spending")) == [
        False,
        True,
    ]
    assert await rows(around, "SELECT parts, cost_dong FROM notify.spending") == [(1, 800)]


async def test_messages_to_several_units_are_paid_for_without_waiting_in_a_circle(around: Surroundings) -> None:
    other = UnitRef(code="06004", name="xã Đào Viên", kind="commune")
    drafts = [an_sms(), an_sms(unit=other, district=UnitRef(code="180", name="huyện Tràng Định", kind="district"))]
    world = the_world(tariff=Tariff(800, 8000))

    def affording(these: Sequence[Draft]) -> Work[list[Any]]:
        async def work(engine: AsyncEngine) -> list[Any]:
            async with engine.begin() as connection:
                decided, _ = await afford(connection, these, world)
                return [draft.recipient for draft in decided]

        return work

    there, back = await interleaved(
        around.settings, affording(drafts), affording(drafts[::-1]), before="INSERT INTO notify.spending", nth=2
    )
    assert there == back[::-1]


def an_sms(**about: Any) -> Draft:
    return a_draft(a_status_change(**about), channel="sms", wording=Wording("Xã tụt lại", None, None))


def notify_on(around: Surroundings, engine: AsyncEngine) -> Notify:
    settings = NotifySettings(
        database_url=around.settings.database_url,
        nats_url=around.settings.nats_url,
        smtp_host="127.0.0.1",
        smtp_from="ntm@example.vn",
        sms_report_token=SecretStr("token"),
    )
    proof = Proof(keys_of(around.nats), {})
    return Notify(a_runtime(around, engine, REFERENCE, proof), settings, ARRIVING, TELLING)


OFFICE = Caller("office", ("20",), (EVERYTHING,))


def asking(around: Surroundings, ask: Callable[[Notify], Awaitable[Any]]) -> Work[int]:
    """Return the work of a route: 200, or the status of its problem."""

    async def work(engine: AsyncEngine) -> int:
        try:
            await ask(notify_on(around, engine))
        except Problem as problem:
            return problem.kind.http_status
        return 200

    return work


async def test_one_of_two_equal_contacts_is_added(around: Surroundings) -> None:
    adding = asking(around, lambda notify: contacts_api.add_contact(DISTRICT_OFFICE, notify, OFFICE))
    both = await interleaved(around.settings, adding, adding, before="INSERT INTO notify.contact")
    assert sorted(both) == [200, 400]
    assert await rows(around, "SELECT count(*) FROM notify.contact") == [(1,)]


async def test_a_contact_that_is_removed_while_it_is_changed_stays_removed(around: Surroundings) -> None:
    contact_id = uuid4()
    async with around.engine.begin() as connection:
        await save(connection, contact_id, DISTRICT_OFFICE, "tests", NOW)
    changed = DISTRICT_OFFICE.model_copy(update={"digest": "daily"})
    changing = asking(around, lambda notify: contacts_api.change_contact(contact_id, changed, notify, OFFICE))
    removing = asking(around, lambda notify: contacts_api.remove_contact(contact_id, notify, OFFICE))
    both = await interleaved(around.settings, changing, removing, before="UPDATE notify.contact")
    assert both == (200, 200)
    assert await rows(around, "SELECT count(*) FROM notify.contact") == [(0,)]


async def test_the_contacts_of_the_file_leave_alone_who_is_added_at_once(around: Surroundings) -> None:
    by_people = DISTRICT_OFFICE.model_copy(update={"emails": ["other@example.vn"]})

    async def bring(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await bring_contacts(connection, [DISTRICT_OFFICE], NOW)

    adding = asking(around, lambda notify: contacts_api.add_contact(by_people, notify, OFFICE))
    await interleaved(around.settings, adding, bring, before="INSERT INTO notify.address")
    async with around.engine.connect() as connection:
        [stored] = await stored_contacts(connection)
    assert stored.contact.emails == ["other@example.vn"]


async def test_a_contact_that_is_added_while_contacts_are_read_is_told_at_once(around: Surroundings) -> None:
    reader = WorldReader(the_world())

    async def read(engine: AsyncEngine) -> World:
        async with engine.begin() as connection:
            return await reader.world(connection, NOW)

    async def add(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await save(connection, uuid4(), DISTRICT_OFFICE, "tests", NOW)
        reader.forget()

    await interleaved(around.settings, read, add, before="FROM notify.subscription")
    world = await read(around.engine)
    assert world.contacts == {(DISTRICT_OFFICE.role, DISTRICT_OFFICE.unit): [DISTRICT_OFFICE]}


async def a_leased_notice(around: Surroundings, channel: str = "email") -> Notice:
    """Tell of a change, and lease the notice that tells it."""
    await known(around, DISTRICT_OFFICE)
    await telling(a_status_change(), through=pipeline(a_branch(channels=[channel])))(around.engine)
    async with around.engine.begin() as connection:
        [row] = await lease_notices(connection, channel, LATER, LATER + timedelta(minutes=1), 10)
    return notice_of(row, [], {}, None)


def recording(notice: Notice, outcome: Outcome) -> Work[int]:
    attempt = Attempt(notice, LATER, LATER, LATER, outcome, NoticeStatus(outcome.result.value), None)

    async def work(engine: AsyncEngine) -> int:
        async with engine.begin() as connection:
            return len(await record_attempts(connection, [attempt_values(attempt)]))

    return work


@pytest.mark.parametrize("names_request", [True, False])
async def test_a_report_that_comes_before_its_attempt_is_recorded_counts(
    around: Surroundings, names_request: bool
) -> None:
    notice = await a_leased_notice(around, "sms")
    report = DeliveryReport("provider-1", True, "", notice.request_id if names_request else None)
    reporting = asyncio.create_task(record(report, notify_on(around, around.engine)))
    await asyncio.sleep(0.3)
    await recording(notice, Outcome(Result.SENT, "", provider_id="provider-1"))(around.engine)
    assert await reporting == 1
    assert await rows(around, "SELECT status FROM notify.notice") == [("delivered",)]


async def test_two_attempts_under_one_lease_are_recorded_once(around: Surroundings) -> None:
    notice = await a_leased_notice(around)
    sent = recording(notice, Outcome(Result.SENT, ""))

    async def leased_again(engine: AsyncEngine) -> int:
        async with engine.begin() as connection:
            return len(await lease_notices(connection, "email", LATER + timedelta(hours=1), LATER, 10))

    assert await interleaved(around.settings, sent, leased_again, before="UPDATE notify.notice") == (0, 1)
    assert await rows(around, "SELECT status FROM notify.notice") == [("sending",)]


async def test_no_call_is_made_for_a_subscription_that_is_removed_while_an_event_is_told(around: Surroundings) -> None:
    subscription = uuid4()
    unit = next(unit for unit in REFERENCE.units if unit.code == "184")
    async with around.engine.begin() as connection:
        await add_subscription(
            connection,
            {"id": subscription, "agency": "a", "unit": unit.key, "url": "https://example.vn/hook", "match": {},
             "secret": "whsec_" + "a" * 32, "created_at": NOW},
        )  # fmt: skip

    async def remove(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            assert await subscription_of(connection, subscription)
            await remove_subscription(connection, subscription)

    await interleaved(around.settings, telling(a_status_change()), remove, before=TAKES_NOTICES)
    notify = notify_on(around, around.engine)
    await notify.deliveries["webhook"].lease()
    assert notify.deliveries["webhook"].room() > 0
    query = "SELECT status, due_at FROM notify.notice WHERE channel = 'webhook'"
    assert await rows(around, query) == [("withheld", None)]


async def test_what_is_due_already_comes_before_what_a_transaction_would_hand_over(around: Surroundings) -> None:
    delivery = notify_on(around, around.engine).deliveries["email"]
    due_again = await a_leased_notice(around)  # its lease ended long ago
    delivery.take([due_again] * LEASED)
    await delivery.lease()
    assert delivery.room() == 0
    async with around.engine.begin() as connection:
        await connection.execute(text("UPDATE notify.notice SET due_at = NULL"))
    await delivery.lease()
    assert delivery.room() > 0
