"""The catalogue of troubles, the mail about them, and the settings that name the operators."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from shared.contracts.bilingual import Bilingual
from shared.operations.catalogue import CATALOGUE, Code
from shared.operations.direct_tellings import DirectTellings, is_due
from shared.operations.letter import Told, document, letter
from shared.operations.reporter import Check, Operations
from shared.service.runtime import background
from shared.settings import Settings
from shared.time import utc_now
from tests.waiting import eventually

SINCE = datetime(2026, 1, 5, 1, 30, tzinfo=UTC)
SECRET = "whsec_" + "c2VjcmV0" * 6


def settings(**values: object) -> Settings:
    return Settings.model_validate({"database_url": "postgresql+asyncpg://x/y", **values})


def told(code: Code, service: str = "intake", details: str = "91 %", **values: object) -> Told:
    words, remedy = CATALOGUE[code]
    one = Told(service, code, "raised", SINCE, None, words, remedy, Bilingual(vi=details, en=details))
    return one._replace(**values)  # type: ignore[arg-type]


def test_every_code_has_words_and_a_remedy_in_both_languages() -> None:
    assert set(CATALOGUE) == set(Code)
    for words, remedy in CATALOGUE.values():
        assert words.vi
        assert words.en
        assert remedy.vi
        assert remedy.en


def test_a_mail_says_what_is_wrong_since_when_and_what_to_do_each_code_once() -> None:
    ended = told(Code.PARKED, standing="ended", ended_at=SINCE + timedelta(hours=2))
    subject, text = letter([ended, told(Code.DISK), told(Code.DISK, "scoring")])
    assert subject == "[NTM] Cần xử lý: Đĩa đầy hoặc gần đầy. (và 1 việc khác)"
    vietnamese, english = text.split("----------")
    assert vietnamese.count("Đĩa đầy hoặc gần đầy.") == 1
    for part in ("[disk: intake, scoring]", "08:30 05/01/2026", "df -h", "Đã hết: Có tin nhắn", "đến 10:30 05/01/2026"):
        assert part in vietnamese
    assert "A disk is full" in english
    assert "docker compose restart nats" in english


def test_no_secret_and_no_line_break_of_an_error_reaches_a_mail_or_a_call() -> None:
    bad = told(Code.BROKER, details="failed at nats://user:hunter22@nats\r\nBcc: x@example.vn; 0912345678")
    subject, text = letter([bad])
    assert "\n" not in subject
    assert "\nBcc" not in text
    for secret in ("hunter22", "0912345678"):
        assert secret not in text + str(document([bad]))


@pytest.mark.parametrize(
    "operators",
    [
        "someone",
        "a@b@c",
        "mailto:it@example.vn",
        "it@example.vn;an@example.vn",
        "<it@example.vn>",
        "https://a.example, https://b.example",
        "ftp://a.example",
        "http://",
    ],
)
def test_operators_that_cannot_be_told_are_refused(operators: str) -> None:
    with pytest.raises(ValidationError, match="NTM_OPERATORS"):
        settings(operators=operators, operators_webhook_secret=SECRET)


def test_a_webhook_needs_a_secret() -> None:
    for secret in (None, "whsec_short", "no secret"):
        with pytest.raises(ValidationError, match="NTM_OPERATORS_WEBHOOK_SECRET"):
            settings(operators="https://a.example/x", operators_webhook_secret=secret)
    named = settings(operators="it@example.vn, https://a.example/x", operators_webhook_secret=SecretStr(SECRET))
    assert (named.operators_mails, named.operators_webhook) == (["it@example.vn"], "https://a.example/x")


@pytest.mark.parametrize("is_named", [True, False])
def test_processes_of_a_machine_tell_a_trouble_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_named: bool
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shared = settings(operators_told_dir=tmp_path / "told") if is_named else settings()
    one, now = DirectTellings(shared), utc_now()
    if is_named:  # containers share the named directory alone
        (tmp_path / "told").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "of another container"))
    other = DirectTellings(shared)
    with one.turn("broker.mail", now) as turn:
        assert turn.is_due
        with other.turn("broker.mail", now) as at_the_same_time:
            assert not at_the_same_time.is_due
        turn.done()
    with other.turn("broker.mail", now) as later:
        assert not later.is_due
        assert later.told_at == turn.told_at
    with DirectTellings(shared).turn("broker.mail", now) as after_a_restart:
        assert not after_a_restart.is_due


def test_containers_that_tell_operators_share_what_they_have_told() -> None:
    compose = yaml.safe_load((Path(__file__).parents[3] / "docker-compose.yml").read_text())
    tell = {name: part for name, part in compose["services"].items() if "migrate" in part.get("depends_on", {})}
    assert {"intake", "scoring", "notify", "backup"} == tell.keys()
    for name, part in tell.items():
        mounted = [volume.partition(":")[2] for volume in part["volumes"] if volume.startswith("told:")]
        assert mounted == [part["environment"]["NTM_OPERATORS_TOLD_DIR"]], name


async def test_a_trouble_that_two_checks_look_for_ends_when_neither_finds_it() -> None:
    operations, found = Operations("intake", settings()), {"first": True, "second": True}

    def check(name: str) -> Check:
        async def look() -> dict[Code, Bilingual | None]:
            return {Code.DISK: None} if found[name] else {}

        return look

    def is_raised() -> bool:
        return operations._reports[Code.DISK].is_raised

    watches = [operations.watch([Code.DISK], check(name), every_seconds=0, failures=1) for name in found]
    async with background(*watches):
        await eventually(lambda: Code.DISK in operations._reports and is_raised())
        found["first"] = False
        for _ in range(100):
            await asyncio.sleep(0)
            assert is_raised()
        found["second"] = False
        await eventually(lambda: not is_raised())


def test_what_comes_and_goes_is_told_directly_at_most_once_an_hour() -> None:
    assert is_due(None, SINCE, SINCE)
    assert not is_due(SINCE, SINCE, SINCE + timedelta(hours=23))
    assert is_due(SINCE, SINCE, SINCE + timedelta(hours=24))
    assert not is_due(SINCE, SINCE + timedelta(minutes=30), SINCE + timedelta(minutes=40))
    assert is_due(SINCE, SINCE + timedelta(minutes=30), SINCE + timedelta(minutes=61))
