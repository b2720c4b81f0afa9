"""Damage in each column of notify's tables: no worker ends by it, and everybody else is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import ColumnElement, Table, false, insert, literal_column, select, text, update
from sqlalchemy.exc import IntegrityError

from deploy.local.postbox import GatewayKeys, Postbox
from services.notify.alerts.alert import Occasion
from services.notify.service import Notify
from services.notify.settings import NotifySettings
from services.notify.stages.group import group
from services.notify.stages.hold import hold
from services.notify.stages.inhibit import inhibit
from services.notify.stages.render import render
from services.notify.stages.route import route
from services.notify.stages.settle import settle
from services.notify.stages.silence import silence
from services.notify.storage.contacts import import_contacts
from services.notify.storage.silences import StoredSilence, add_silence
from services.notify.storage.subscriptions import add_subscription
from services.notify.storage.tables import (
    AddressRow,
    AlertRow,
    AttemptRow,
    ContactRow,
    EscalationRow,
    GatheredRow,
    GatheringRow,
    MentionRow,
    NoticeRow,
    SilenceRow,
    SubscriptionRow,
)  # fmt: skip
from services.notify.telling.tell import tell
from shared.contracts.refs import CriterionRef, UnitRef
from shared.nats.signing_keys import keys_of
from shared.postgres.statements import table_of
from shared.reference.models import Unit
from shared.service.proof import Proof
from shared.time import utc_now
from tests.changes import LABOUR, POVERTY, REFERENCE, a_contact, a_status_change, an_alert
from tests.damage import damages
from tests.integration.notify_service import MailServer
from tests.integration.webhook_receiver import Receiver, listening
from tests.running import Surroundings
from tests.runtimes import a_runtime
from tests.waiting import eventually

STRUCK, SOUND = "184", "180"
"""The district whose rows are damaged, and another one."""
DAY = date(2023, 6, 30)
UNITS = REFERENCE.units

alert, gathering, gathered, notice, mention, escalation, attempt, contact, address, silenced, subscription = (
    table_of(row)
    for row in (
        AlertRow, GatheringRow, GatheredRow, NoticeRow, MentionRow, EscalationRow, AttemptRow, ContactRow, AddressRow,
        SilenceRow, SubscriptionRow,
    )
)  # fmt: skip
TABLES = (alert, contact, gathering, notice, silenced, subscription, gathered, mention, escalation, address, attempt)
"""In the order in which they can be filled."""


def struck_row(table: Table) -> ColumnElement[bool]:
    """Say which rows of a table belong to the struck district."""
    ids = select(alert.c.id).where(alert.c.district == UNITS.known(STRUCK)[0].key)
    notices = select(notice.c.id).where(notice.c.recipient.like(f"%@{STRUCK}"))
    conditions: dict[Table, ColumnElement[bool]] = {
        alert: alert.c.id.in_(ids),
        gathering: gathering.c.recipient.like(f"%@{STRUCK}"),
        gathered: gathered.c.alert.in_(ids),
        notice: notice.c.id.in_(notices),
        mention: mention.c.notice.in_(notices),
        escalation: escalation.c.alert.in_(ids),
        attempt: attempt.c.notice.in_(notices),
        contact: contact.c.unit == STRUCK,
        address: address.c.contact.in_(select(contact.c.id).where(contact.c.unit == STRUCK)),
        silenced: silenced.c.reason == STRUCK,
        subscription: subscription.c.unit == UNITS.known(STRUCK)[0].key,
    }
    return conditions[table]


@pytest.fixture
async def mail_port(tmp_path: Path) -> AsyncIterator[int]:
    mail_server = MailServer(Postbox(tmp_path, GatewayKeys("api-key", "secret-key")))
    await mail_server.start()
    yield mail_server.port
    await mail_server.stop()


@asynccontextmanager
async def running(around: Surroundings, mail_port: int) -> AsyncIterator[Notify]:
    """Begin notify in this process: the tests call what its workers call, and its deliveries run.

    Raises what a delivery ended by.
    """
    settings = NotifySettings(
        database_url=around.settings.database_url,
        smtp_host="127.0.0.1",
        smtp_port=mail_port,
        smtp_starttls=False,
        smtp_from="ntm@example.vn",
        wait_share=0,
        webhook_allow_private=True,
    )
    runtime = a_runtime(around, around.engine, REFERENCE, Proof(keys_of(around.nats), {}))
    notify = Notify(runtime, settings, [route, group, hold], [settle, inhibit, silence, render])
    async with asyncio.TaskGroup() as deliveries:
        tasks = [deliveries.create_task(worker.run()) for worker in notify.deliveries.values()]
        yield notify
        for task in tasks:
            task.cancel()


def changes(criterion: CriterionRef, place: int) -> list[Occasion]:
    """Build the fall of a commune of each of the two districts."""
    found = []
    for code in (STRUCK, SOUND):
        unit, district = UNITS.communes(DAY, code)[place], UNITS.known(code)[0]
        found.append(a_status_change(unit=reference_to(unit), district=reference_to(district), criterion=criterion))
    return list(found)


def reference_to(unit: Unit) -> UnitRef:
    return UnitRef(code=unit.code, name=unit.title_in("vi"), kind=unit.kind)


async def told(notify: Notify, occasions: Sequence[Occasion]) -> None:
    alerts = [an_alert(occasion) for occasion in occasions]
    await notify._transact(lambda connection, pipeline, now: tell(connection, alerts, pipeline, now))


async def work(notify: Notify, is_struck: ColumnElement[bool] = false()) -> None:
    """Do what is due until nothing is, but for notices that are struck."""
    notify.forget_world()
    for _ in range(20):
        if not sum([await work() for work in (notify.tell_gathered, notify.tell_silenced, notify.escalate)]):
            break
    else:
        raise AssertionError("the work finds no end")

    async def all_is_delivered() -> bool:
        for worker in notify.deliveries.values():
            worker.wake()
        due = select(notice.c.id).where(notice.c.due_at.is_not(None), ~is_struck)
        async with notify.engine.connect() as connection:
            return not (await connection.execute(due)).first()

    await eventually(all_is_delivered)


async def fill(notify: Notify, url: str) -> None:
    """Fill each table for both districts; alerts are told, silenced, and gathered to be told."""
    now = utc_now()
    async with notify.engine.begin() as connection:
        offices = [a_contact("district_office", code) for code in (STRUCK, SOUND)]
        await import_contacts(connection, [*offices, a_contact("coordination_office", "20")], "tests", now)
        for code in (STRUCK, SOUND):
            await add_subscription(
                connection,
                {
                    "id": uuid4(), "agency": code, "unit": UNITS.known(code)[0].key, "url": url,
                    "match": {"on": "status"}, "secret": "whsec_" + "A" * 32, "created_at": now,
                },
            )  # fmt: skip
    notify.forget_world()
    await told(notify, changes(POVERTY, 0))
    await work(notify)
    async with notify.engine.begin() as connection:
        for code in (STRUCK, SOUND):
            match, ends_at = {"under": [code], "criteria": ["ntm-12"]}, now + timedelta(hours=1)
            await add_silence(connection, StoredSilence(uuid4(), match, None, now, ends_at, code, "tests", now, None))
    await told(notify, changes(LABOUR, 0))
    await work(notify)
    await told(notify, changes(POVERTY, 1))


async def make_due(around: Surroundings) -> None:
    """Let silences have ended, notices be due again, and alerts climb."""
    async with around.engine.begin() as connection:
        await connection.execute(update(silenced).values(ends_at=utc_now()))
        await connection.execute(update(escalation).values(due_at=utc_now()))
        again = {"due_at": utc_now(), "status": "created", "retry_until": utc_now() + timedelta(hours=1)}
        await connection.execute(update(notice).where(notice.c.text.is_not(None)).values(again))


type Rows = dict[Table, list[dict[str, Any]]]


async def stored(around: Surroundings) -> Rows:
    async with around.engine.connect() as connection:
        return {table: [dict(row) for row in (await connection.execute(select(table))).mappings()] for table in TABLES}


async def put_back(around: Surroundings, rows: Rows) -> None:
    async with around.engine.begin() as connection:
        await connection.execute(text(f"TRUNCATE {', '.join(table.fullname for table in TABLES)}"))
        for table, content in rows.items():
            await connection.execute(insert(table), content)


async def heard(notify: Notify) -> Counter[tuple[Any, ...]]:
    """Return who was told what of the sound district, how often."""
    query = (
        select(alert.c.id, notice.c.recipient, notice.c.channel, notice.c.status, notice.c.step, mention.c.left_out)
        .join_from(mention, alert, alert.c.id == mention.c.alert)
        .join(notice, notice.c.id == mention.c.notice)
        .where(alert.c.district == UNITS.known(SOUND)[0].key)
    )
    async with notify.engine.connect() as connection:
        return Counter(tuple(row) for row in await connection.execute(query))


async def test_damage_in_any_column_ends_no_worker_and_keeps_nobody_else_from_being_told(
    around: Surroundings, mail_port: int
) -> None:
    async with listening(Receiver()) as url:
        async with running(around, mail_port) as notify:
            await fill(notify, url)
        await make_due(around)
        rows = await stored(around)
        assert all(rows.values()), [table.name for table, content in rows.items() if not content]
        new = changes(LABOUR, 1)

        async def all_that_is_due(is_struck: ColumnElement[bool] = false()) -> Counter[tuple[Any, ...]]:
            async with running(around, mail_port) as notify:
                await told(notify, new)
                await work(notify, is_struck)
                return await heard(notify)

        sound, wrong = await all_that_is_due(), {}
        assert {(channel, step) for _, _, channel, _, step, _ in sound} >= {("email", 0), ("email", 1), ("webhook", 0)}
        for table in TABLES:
            for damage in damages(table):
                await put_back(around, rows)
                async with around.engine.begin() as connection:
                    spoilt = (
                        update(table).where(struck_row(table)).values({damage.column: literal_column(damage.value)})
                    )
                    try:
                        async with connection.begin_nested():
                            assert (await connection.execute(spoilt)).rowcount
                    except IntegrityError:  # a key, which can be only one row's
                        continue
                name = f"{damage.column} = {damage.value}"
                try:
                    after = await all_that_is_due(struck_row(notice))
                except BaseException as error:  # noqa: BLE001 - each is a fault, and shown
                    wrong[name] = repr(error)[:300] + repr(getattr(error, "exceptions", ""))
                    continue
                if missing := sound - after:
                    wrong[name] = f"missing: {missing}"
    assert wrong == {}
