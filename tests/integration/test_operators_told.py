"""Operators have a mail of what is wrong with intake and scoring, from its real cause to a mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from nats.aio.client import Client

from deploy.local.uvicorn_options import UVICORN_ENV, uvicorn_command
from shared.contracts import subjects
from shared.nats.cloud_events import cloud_event
from shared.nats.publishing import publish
from shared.time import utc_now
from tests.builders import a_posted_submission
from tests.forked import copied
from tests.integration.notify_service import NotifyService, notify_service
from tests.running import Service, Surroundings
from tests.servers import NatsServer
from tests.waiting import eventually

OPERATOR = "it@example.vn"


@dataclass
class Watched:
    """Intake, scoring, and a notify that tells the operators by mail."""

    around: Surroundings
    notify: NotifyService
    intake: Service
    scoring: Service

    async def hears(self, code: str, *services: str, words: str = "") -> None:
        """Wait for mails that name the code, its services and these words."""

        def all_of_it() -> bool:
            texts = [mail.text for mail in self.notify.mails if OPERATOR in mail.to and f"[{code}: " in mail.text]
            return all(any(part in text for text in texts) for part in (code, *services, words))

        await eventually(all_of_it, explain=lambda: str([mail.text for mail in self.notify.mails]))

    async def post(self) -> None:
        """Have a submission taken and scored."""
        async with self.intake.client(await self.around.key("20", agency=f"agency-{uuid4().hex[:8]}")) as client:
            taken = await client.post("/v1/submissions", json=a_posted_submission())
        assert taken.status_code == 202, taken.text

        async def is_stored() -> bool:
            query = "SELECT EXISTS (SELECT FROM intake.submission) AND EXISTS (SELECT FROM scoring.submission)"
            return bool((await self.notify.rows(query))[0][0])

        await eventually(is_stored)


@pytest.fixture
async def watched(
    around: Surroundings, tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[Watched]:
    intake, scoring = await around.start("intake"), await around.start("scoring")
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, []) as notify:
        notify.env["NTM_OPERATORS"] = OPERATOR
        await notify.start()
        yield Watched(around, notify, intake, scoring)


async def test_a_message_that_intake_and_scoring_cannot_process(watched: Watched) -> None:
    for subject in (subjects.submission("184", "06280"), subjects.withdrawal("184", "06280")):
        lame = cloud_event(subject, b'{"id": 5}', event_id=uuid4(), kind="test", source="test", at=utc_now())
        await publish(watched.around.nats, [lame])
    await watched.hears("parked", "intake", "scoring", words="ntm parked replay")


@pytest.mark.parametrize("name", ["intake", "scoring"])
async def test_tables_that_lack_what_was_acknowledged(watched: Watched, name: str) -> None:
    await watched.post()
    service: Service = getattr(watched, name)
    await service.stop()
    async with watched.around.engine.begin() as connection:
        await connection.exec_driver_sql(f"TRUNCATE {name}.submission CASCADE")
    await service.spawn()
    await watched.hears("tables", name, words="ntm rebuild")


async def test_a_stream_that_lacks_what_the_tables_hold(watched: Watched) -> None:
    await watched.post()
    await watched.intake.stop()
    await watched.around.nats.jetstream().purge_stream(subjects.SUBMISSIONS_STREAM)
    await watched.intake.start()
    await watched.hears("stream", "intake", words="ntm audit repair")


_MAILS = {
    "NTM_OPERATORS": f"https://ops.example.vn/x, {OPERATOR}",
    "NTM_OPERATORS_WEBHOOK_SECRET": "whsec_" + 8 * "c2Vj",
}


@pytest.mark.parametrize("env", [{}, {"NTM_SMTP_HOST": "", "NTM_SMTP_FROM": ""}, {"NTM_SMTP_FROM": "ntm@example.vn"}])
@pytest.mark.parametrize("name", ["intake", "scoring"])
async def test_a_service_that_could_not_mail_its_operators_says_so_and_ends(
    around: Surroundings, tmp_path: Path, name: str, env: Mapping[str, str]
) -> None:
    log = tmp_path / "out"
    env = {**around.env, **around.user(name), **UVICORN_ENV, **_MAILS, **env}
    process = await copied(uvicorn_command(f"services.{name}.app:app", 1), env, log)
    assert await process.wait() == 1
    words = log.read_text()
    assert "Cấu hình không dùng được" in words
    assert "khai NTM_SMTP_HOST" in words
    assert "set NTM_SMTP_HOST" in words
    assert "Traceback" not in words


async def test_daily_backups_that_could_not_mail_their_operators_say_so_and_end(
    around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NTM_OPERATORS", OPERATOR)
    assert "set NTM_SMTP_HOST" in await around.ntm("backup", str(tmp_path), "--daily-at", "02:00", status=1)
    monkeypatch.setenv("NTM_OPERATORS", "nobody")
    assert "NTM_OPERATORS" in await around.ntm("audit", "verify", status=1)
