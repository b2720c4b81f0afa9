"""Messages that are properly signed and whose content is nonsense: readers go on with the next, commands end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from services.scoring.storage.tables import TakenBackRow
from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.contracts.parked_message import Parked
from shared.contracts.reference_version import ReferenceVersion
from shared.contracts.submission import Refusal
from shared.contracts.trouble import TroubleReported
from shared.nats.cloud_events import Message
from shared.nats.publishing import publish
from shared.postgres.statements import table_of
from shared.time import utc_now
from tests.builders import as_published
from tests.changes import a_dossier_step, a_problem, a_status_change, a_target_change
from tests.integration.notify_service import as_message
from tests.integration.test_scoring import poverty_report
from tests.integration.test_withdrawals import a_return, a_withdrawal
from tests.running import Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

DEEP = b"[" * 3000 + b"]" * 3000
WORDS = Bilingual(vi="x", en="x")
BODIES = (b"", b"null", b"7", b"{}", b"[1, 2]", b"{", b"\xff\xfe", b'"\\u0000"', DEEP, b'{"id": ' + DEEP + b"}")
VALUES = (
    None,
    7,
    "a\x00b",
    [None],
    {"nonsense": [None]},
    10**400,
    "99999",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
)


def genuine() -> list[Message]:
    """Build one message of each family, as its publisher does."""
    report = poverty_report("2023-05", 164)
    now = utc_now()
    parked = Parked(
        id=uuid4(), service="scoring", stream="SUBMISSIONS", sequence=1, subject="x", reason="x", at=now, state="parked"
    )
    trouble = TroubleReported(
        id=uuid4(), service="scoring", code="disk", state="raised", since=now, at=now, words=WORDS, remedy=WORDS
    )
    refusal = Refusal(id=uuid4(), agency="district-180", received_at=now, problem={"status": 400}, submission={})
    version = ReferenceVersion(id=uuid4(), digest="x", plan=None, author="x", reason="x", at=now, archive=b"eA==")
    events = [as_message(event) for event in (a_status_change(), a_target_change())]
    others = {
        subjects.parked("scoring"): parked,
        subjects.trouble("scoring", "disk"): trouble,
        subjects.refusal("district-180"): refusal,
        subjects.reference("20"): version,
        subjects.alert("06280", "raised"): trouble,
        subjects.rules("20"): trouble,
        subjects.problem("06280"): a_problem(),
        subjects.dossier("184", "06280"): a_dossier_step(),
    }
    return [
        as_published(report),
        a_return(report),
        a_withdrawal(report),
        *events,
        *(Message(subject, body.model_dump_json().encode()) for subject, body in others.items()),
    ]


def malformed(message: Message) -> Iterator[Message]:
    """Yield messages on the same subject with nonsense in the place of the body, or of each of its fields."""
    body: dict[str, Any] = json.loads(message.body)
    spoilt = [json.dumps({**body, "id": str(uuid4()), name: value}) for name in body for value in VALUES]
    lacking = [json.dumps({key: value for key, value in body.items() if key != name}) for name in body]
    for other in (*BODIES, *(text.encode() for text in (*spoilt, *lacking))):
        yield Message(message.subject, other, {**message.headers, "Nats-Msg-Id": str(uuid4())})


async def commands_end(around: Surroundings) -> None:
    """Run each command that reads the streams: `around.ntm` sees no traceback."""
    for command in (
        ("rebuild", "--verify"),
        ("audit", "verify"),
        ("audit", "repair"),
        ("operations", "--all"),
        ("reference", "list"),
        ("parked",),
    ):
        await around.ntm(*command, status=None)


async def test_no_command_ends_with_a_traceback_beside_signed_nonsense(around: Surroundings) -> None:
    for message in genuine():
        await publish(around.nats, list(malformed(message)))
    await commands_end(around)


async def test_signed_nonsense_stops_no_service(around: Surroundings) -> None:
    for message in genuine():
        await publish(around.nats, list(islice(malformed(message), 0, None, 11)))
    mail = {"NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_PORT": "9", "NTM_SMTP_FROM": "ntm@example.vn"}
    services = [await around.start(name, **mail, NTM_LOG_FORMAT="json") for name in ("intake", "scoring", "notify")]
    reports = [poverty_report("2022-12", 200), poverty_report("2023-04", 200)]
    await publish(around.nats, [as_published(report) for report in reports])
    await publish(around.nats, [a_return(reports[0]), a_withdrawal(reports[1])])

    async def are_taken() -> bool:
        taken_back = table_of(TakenBackRow)
        async with around.engine.connect() as connection:
            ids = set((await connection.scalars(select(taken_back.c.submission))).all())
        return {report.id for report in reports} <= ids

    await eventually(are_taken, 60, explain=lambda: services[1].log.read_text()[-3000:])
    await around.ntm("rebuild", "--verify", status=None)
    for service in services:
        assert "worker died" not in service.log.read_text()
        await service.stop()
        await service.start()
