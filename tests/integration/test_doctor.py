"""`ntm doctor` names what is wrong with a running system, and what to do."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from nats.js.api import StreamConfig
from sqlalchemy import text

from deploy.local.clients import settings_of
from services.cli import checks
from services.cli.checks import Finding, examine
from shared.access.agency_keys import Terms, add_key
from shared.backup.retention import name_at
from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.contracts.trouble import TroubleReported
from shared.operations.catalogue import Code
from shared.operations.reporter import Operations, report_once
from shared.service.runtime import background
from shared.time import utc_now
from tests.builders import a_posted_submission
from tests.certificates import HERE, Authority
from tests.integration.test_reviews import post
from tests.running import Service, Surroundings, ntm
from tests.waiting import eventually


async def found(around: Surroundings, backups: Path | None = None, **settings: Any) -> list[Finding]:
    """Return what is found wrong, but that services of which a test has started none do not answer."""
    system = around.as_running_system()
    chosen = settings_of(system).model_copy(update=settings)
    started = {service.name for service in around.services}
    findings = await examine(system, chosen, None, backups)
    return [one for one in findings if one.is_wrong and not ({*one.parts} <= {"intake", "scoring", "notify"} - started)]


def words_about(findings: list[Finding], *parts: str) -> str:
    assert [one for one in findings if one.parts == parts], findings
    return " ".join(one.words.in_both for one in findings if one.parts == parts)


@pytest.fixture(scope="module")
async def whole(shared_around: Surroundings, shared_intake: Service, shared_scoring: Service) -> Surroundings:
    await shared_around.start("notify", NTM_SMTP_HOST=HERE, NTM_SMTP_FROM="ntm@example.vn")
    return shared_around


async def test_of_a_system_that_is_well_nothing_is_found(whole: Surroundings, tmp_path: Path) -> None:
    (tmp_path / name_at(utc_now())).touch()
    key = await whole.key("20")
    await post(whole.services[0], key, a_posted_submission(unit="06280", period="2023-05"))
    assert await found(whole, tmp_path) == []
    said = await whole.ntm("doctor", "--backups", str(tmp_path))
    assert "Không phát hiện sự cố" in said
    assert "NTM_KEY" in said  # what was not looked at is named


async def test_with_a_key_it_names_the_roles_that_nobody_answers_for(whole: Surroundings) -> None:
    key = await whole.key("20")
    findings = json.loads(await whole.ntm("doctor", "--json", "--key", key, status=1))
    (gaps,) = [one for one in findings if one["is_wrong"]]
    assert gaps["parts"] == ["notify"]
    assert "@" not in gaps["words"]["vi"]
    assert "ntm contacts" in gaps["remedy"]["en"]


async def test_a_trouble_that_services_reported_is_told_once_with_all_of_them(whole: Surroundings) -> None:
    details = Bilingual(vi="luồng STATUS: 91 %", en="stream STATUS: 91 %")
    for service in ("scoring", "notify"):
        await report_once(whole.nats, service, Code.DISK, is_raised=True, details=details)
    assert "91 %" in words_about(await found(whole), "notify", "scoring")
    for service in ("scoring", "notify"):
        await report_once(whole.nats, service, Code.DISK, is_raised=False)
    assert await found(whole) == []


async def test_backups_of_which_nothing_is_heard_for_longer_than_a_day_are_named(
    whole: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await report_once(whole.nats, "backup", Code.BACKUP, is_raised=False)
    assert await found(whole) == []
    monkeypatch.setattr(checks, "LONGEST_HOURS", 0)
    assert "không báo gì" in words_about(await found(whole), "backup")
    monkeypatch.undo()
    (tmp_path / name_at(utc_now())).touch()
    assert await found(whole, tmp_path) == []
    operations = Operations("backup", whole.settings)
    operations.attach(whole.nats)
    async with background(operations.run()):
        operations.cleared(Code.BACKUP)
        before = await eventually(lambda: said_of_backups(whole, None))
        operations.again(Code.BACKUP)
        assert (await eventually(lambda: said_of_backups(whole, before))).state == "cleared"


async def said_of_backups(around: Surroundings, before: TroubleReported | None) -> TroubleReported | None:
    """Return what the service of backups has reported last, unless it is what it had reported before."""
    subject = subjects.trouble("backup", Code.BACKUP)
    message = await around.nats.jetstream().get_last_msg(subjects.OPERATIONS_STREAM, subject)
    reported = TroubleReported.model_validate_json(message.data or b"")
    return reported if reported != before else None


async def test_a_service_that_is_not_ready_says_why(whole: Surroundings) -> None:
    js = whole.nats.jetstream()
    config = (await js.stream_info(subjects.TRIAL_STREAM)).config
    await js.delete_stream(subjects.TRIAL_STREAM)
    try:

        async def is_said() -> bool:
            findings = await found(whole)
            return {"intake", "scoring", "notify"} <= {part for one in findings for part in one.parts}

        await eventually(is_said)
        findings = await found(whole)
        assert subjects.TRIAL_STREAM in words_about(findings, "NATS")
    finally:
        await js.add_stream(StreamConfig(name=config.name, subjects=config.subjects, allow_direct=True))


async def test_a_service_that_does_not_answer_is_named(around: Surroundings) -> None:
    findings = await examine(around.as_running_system(), around.settings, None, None)
    assert {part for one in findings for part in one.parts if part in {"intake", "scoring", "notify"}} == {
        "intake",
        "scoring",
        "notify",
    }


async def test_what_nobody_processes_and_a_missing_consumer_are_found(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = await around.start("intake")
    scoring = await around.start("scoring")
    await scoring.stop()
    await post(intake, await around.key("20"), a_posted_submission(unit="06280", period="2023-05"))
    monkeypatch.setattr(checks, "LATE", timedelta(0))
    assert "SUBMISSIONS" in words_about(await found(around), "scoring")
    durable = subjects.CONSUMERS["scoring"][subjects.ALL_SUBMISSIONS]
    await around.nats.jetstream().delete_consumer(subjects.SUBMISSIONS_STREAM, durable)
    findings = await found(around)
    assert durable in words_about(findings, "scoring")


async def test_a_missing_stream_and_one_with_other_settings_are_found(around: Surroundings) -> None:
    js = around.nats.jetstream()
    await js.delete_stream(subjects.ALERTS_STREAM)
    config = (await js.stream_info(subjects.REFUSALS_STREAM)).config
    await js.update_stream(config.evolve(max_age=3600.0))
    said = words_about(await found(around), "NATS")
    assert subjects.ALERTS_STREAM in said
    assert "REFUSALS: max_age" in said


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE scoring.alembic_version SET version_num = '0016'", "scoring 0017"),
        ("UPDATE notify.alembic_version SET version_num = '9999'", "phiên bản mới hơn"),
    ],
)
async def test_a_schema_of_another_version_is_found(around: Surroundings, statement: str, words: str) -> None:
    async with around.engine.begin() as connection:
        await connection.execute(text(statement))
    assert words in words_about(await found(around), "PostgreSQL")


async def test_keys_and_certificates_that_end_soon_and_old_backups_are_found(
    around: Surroundings, tmp_path: Path
) -> None:
    soon, now = utc_now() + timedelta(days=3), utc_now()
    await add_key(around.engine, "y-te", "Phòng Y tế", ["184"], ["*"], Terms(soon))
    certificate, _ = Authority(tmp_path / "ca").issue(HERE, (now - timedelta(days=300), soon))
    (tmp_path / name_at(now - timedelta(days=3))).touch()
    findings = await found(around, tmp_path, nats_certificate_file=certificate)
    assert "Phòng Y tế" in words_about(findings, "y-te")
    assert str(certificate) in words_about(findings, "NTM_NATS_CERTIFICATE_FILE")
    assert str(tmp_path) in words_about(findings, "backup")


async def test_clocks_that_differ_are_found(around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    await around.start("intake")
    monkeypatch.setattr(checks, "utc_now", lambda: utc_now() - timedelta(minutes=2))
    findings = await found(around)
    assert {part for one in findings for part in one.parts if "nhanh hơn" in one.words.vi} == {"intake", "PostgreSQL"}


def test_an_answer_that_took_long_makes_no_clock_wrong() -> None:
    asked = utc_now() - timedelta(minutes=2)
    assert not list(checks._clock("scoring", asked, asked))
    assert list(checks._clock("scoring", asked - timedelta(seconds=10), asked))


async def test_while_notify_is_not_ready_nobody_is_sent_to_change_the_key() -> None:
    answers = {503: [], 403: [False]}
    for status, found_wrong in answers.items():
        transport = httpx.MockTransport(lambda _, status=status: httpx.Response(status))
        async with httpx.AsyncClient(transport=transport) as client:
            findings = await checks._contact_gaps(client, "http://notify")
        assert [one.is_wrong for one in findings] == found_wrong


async def test_without_broker_and_database_the_rest_is_still_looked_at(around: Surroundings, tmp_path: Path) -> None:
    away = around.as_running_system().model_copy(
        update={
            "nats_url": "nats://127.0.0.1:9",
            "database_url": "postgresql+asyncpg://ntm:secret-word@127.0.0.1:9/ntm",
        }
    )
    away.write(tmp_path)
    said = await ntm("doctor", status=1, NTM_DATA=str(tmp_path))
    assert "NATS: " in said
    assert "PostgreSQL: " in said
    assert "scoring" in said
    assert "secret-word" not in said


async def test_an_environment_that_names_half_a_system_is_told_what_it_lacks(tmp_path: Path) -> None:
    said = await ntm("doctor", status=1, NTM_DATA=str(tmp_path), NTM_NATS_URL="nats://127.0.0.1:9", NTM_CLOCK="real")
    assert "NTM_DATABASE_URL" in said
    assert "NTM_CLOCK" not in said
