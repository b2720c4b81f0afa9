"""Settings that cannot be used: each ends the process by a word that names the setting and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from services.intake.settings import settings as intake_settings
from services.notify.settings import NotifySettings
from services.scoring.settings import ScoringSettings
from shared.nats.unreachable import BrokerUnreachableError
from shared.service.settings import ServiceSettings
from shared.settings import Settings, read_settings

OPERATOR = "it@example.vn"
SERVER = {"NTM_SMTP_HOST": "mail.example.vn", "NTM_SMTP_FROM": "NTM <ntm@example.vn>"}


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NTM_DATABASE_URL", "postgresql+asyncpg://ntm:hunter22@x/y")


def words_of(monkeypatch: pytest.MonkeyPatch, kind: type[Settings] = ServiceSettings, **env: str) -> str:
    """Return the words by which the process ends where the environment adds this."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        read_settings(kind)
    return str(ended.value)


def test_settings_that_cannot_be_used_end_the_process_with_a_word_and_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    words = words_of(monkeypatch, NTM_OPERATORS="https://a.example/x", NTM_SMTP_PORT="many")
    assert "NTM_SMTP_PORT: " in words
    assert "integer" in words
    assert "hunter22" not in words
    monkeypatch.delenv("NTM_SMTP_PORT")
    assert "NTM_OPERATORS_WEBHOOK_SECRET" in words_of(monkeypatch)


@pytest.mark.parametrize("name", ["NTM_INTAKE_PAGE", "NTM_SCORING_PAGE", "NTM_NOTIFY_PAGE"])
@pytest.mark.parametrize(
    "address",
    ["figures.example.vn", "javascript:alert(1)", "ftp://x.vn", "https://", "https://x.vn/path", "https://x.vn/?a=1",
     "https://x.vn#a", "https://a:b@x.vn", "https://x.vn:port", "https://x y.vn", "https:x.vn", "https:///x.vn"],
)  # fmt: skip
def test_the_address_of_a_page_is_the_root_of_a_host(monkeypatch: pytest.MonkeyPatch, name: str, address: str) -> None:
    words = words_of(monkeypatch, **{name: address})
    assert f"{name}: " in words
    assert "https://solieu.example.vn" in words
    assert "needs the root address" in words


def test_pages_whose_addresses_are_set_stand_in_the_order_of_the_navigation(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings(ServiceSettings).pages == {}
    monkeypatch.setenv("NTM_NOTIFY_PAGE", "https://bao.example.vn/")
    monkeypatch.setenv("NTM_INTAKE_PAGE", "")
    monkeypatch.setenv("NTM_SCORING_PAGE", "http://127.0.0.1:8002")
    pages = read_settings(ServiceSettings).pages
    assert list(pages.items()) == [("scoring", "http://127.0.0.1:8002/"), ("notify", "https://bao.example.vn/")]


@pytest.mark.parametrize("lacking", ["NTM_SMTP_HOST", "NTM_SMTP_FROM"])
@pytest.mark.parametrize("kind", [ServiceSettings, ScoringSettings, NotifySettings])
@pytest.mark.parametrize("operators", [OPERATOR, f" {OPERATOR} ,", f"https://a.example/x,{OPERATOR}"])
def test_operators_who_are_told_by_mail_need_a_mail_server_and_a_sender(
    monkeypatch: pytest.MonkeyPatch, lacking: str, kind: type[Settings], operators: str
) -> None:
    monkeypatch.setenv("NTM_OPERATORS_WEBHOOK_SECRET", "whsec_" + "c2VjcmV0" * 6)
    named = {name: value for name, value in SERVER.items() if name != lacking}
    assert lacking in words_of(monkeypatch, kind, NTM_OPERATORS=operators, **named)


def test_operators_who_are_told_by_a_webhook_alone_need_no_mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NTM_OPERATORS", "https://a.example/x")
    monkeypatch.setenv("NTM_OPERATORS_WEBHOOK_SECRET", "whsec_" + "c2VjcmV0" * 6)
    assert read_settings(ServiceSettings).operators_webhook


def test_an_empty_mail_server_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    env = {**SERVER, "NTM_SMTP_HOST": ""}
    assert "NTM_SMTP_HOST: " in words_of(monkeypatch, NotifySettings, **env)
    assert "NTM_SMTP_HOST" in words_of(monkeypatch, NTM_OPERATORS=OPERATOR, **env)


@pytest.mark.parametrize(
    "name",
    [
        "NTM_NATS_SEED_FILE",
        "NTM_SIGNING_KEYS_DIR",
        "NTM_REFERENCE_DIR",
        "NTM_SAMPLE_COHORTS",
        "NTM_CONTACTS",
    ],
)
def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    words = words_of(monkeypatch, **{name: str(tmp_path / "nowhere")})
    assert f"{name}={tmp_path}/nowhere" in words


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("NTM_DATABASE_URL", "postgresql://ntm:hunter22@x/y", "postgresql+asyncpg://"),
        ("NTM_DATABASE_URL", "x hunter22", "postgresql+asyncpg://"),
        ("NTM_LOG_LEVEL", "loud", "WARNING"),
        ("NTM_PLAN", "lang-son-2023,nowhere", "NTM_PLAN"),
    ],
)
def test_a_value_that_cannot_be_used_is_answered_with_what_can(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, remedy: str
) -> None:
    words = words_of(monkeypatch, **{name: value})
    assert name in words
    assert remedy in words
    assert "hunter22" not in words


def test_intake_reads_the_settings_of_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NTM_OPERATORS", OPERATOR)
    intake_settings.cache_clear()
    with pytest.raises(SystemExit, match="NTM_SMTP_HOST"):
        intake_settings()


@pytest.mark.parametrize(
    "url",
    ["http://nats:4222", "nats:4222", "nats://nats:99999", "nats://nats:0", "nats://a:4222;nats://b:4222",
     "nats://a:4222,", "NATS://nats:4222", "nats://"],
)  # fmt: skip
def test_an_address_at_which_no_broker_can_be_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    words = words_of(monkeypatch, NTM_NATS_URL=url)
    assert "NTM_NATS_URL" in words
    assert "nats://host:port" in words


@pytest.mark.parametrize(
    "url", ["nats://nats:4222", "tls://10.1.2.3", "nats://a:1, nats://[::1]:2", "nats://user:password@nats:4222"]
)
def test_one_or_several_servers_are_an_ordinary_setting(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("NTM_NATS_URL", url)
    assert read_settings(Settings).nats_url == url


def test_a_server_that_cannot_be_reached_is_named_without_its_password() -> None:
    words = str(BrokerUnreachableError(["nats://ntm:hunter22@nats:4222", "tls://b:1"], TimeoutError()))
    assert "nats://nats:4222, tls://b:1" in words
    assert "hunter22" not in words


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NTM_SMTP_PASSWORD_FILE", str(tmp_path / "mail"))
    (tmp_path / "mail").write_text("của máy chủ thư\n")
    found = read_settings(ServiceSettings).smtp_password
    assert found
    assert found.get_secret_value() == "của máy chủ thư"


def test_a_secret_in_the_environment_and_in_a_file_or_in_a_useless_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mail").write_text("hunter23")
    words = words_of(
        monkeypatch, NTM_SMTP_PASSWORD="hunter24", NTM_SMTP_PASSWORD_FILE=str(tmp_path / "mail")
    )  # fmt: skip
    assert "chỉ đặt một trong hai: NTM_SMTP_PASSWORD" in words
    assert "set one of the two, NTM_SMTP_PASSWORD" in words
    assert "hunter" not in words
    monkeypatch.delenv("NTM_SMTP_PASSWORD")
    missing = words_of(monkeypatch, NTM_SMTP_PASSWORD_FILE=str(tmp_path / "none"))
    assert f"NTM_SMTP_PASSWORD_FILE names cannot be read: {tmp_path / 'none'}" in missing
    (tmp_path / "empty").touch()
    assert "is empty" in words_of(monkeypatch, NTM_SMTP_PASSWORD_FILE=str(tmp_path / "empty"))
    monkeypatch.delenv("NTM_SMTP_PASSWORD_FILE")
    assert "AWS_SECRET_ACCESS_KEY_FILE" in words_of(
        monkeypatch, AWS_SECRET_ACCESS_KEY_FILE=str(tmp_path / "none")
    )  # fmt: skip


def test_the_password_of_the_database_may_stand_beside_its_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a/b@c:d\n")
    monkeypatch.setenv("NTM_DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    assert "hunter22" in read_settings(ServiceSettings).database_url.get_secret_value(), "the URL has one"
    monkeypatch.setenv("NTM_DATABASE_URL", "postgresql+asyncpg://ntm@x:5432/y?ssl=require")
    url = make_url(read_settings(ServiceSettings).database_url.get_secret_value())
    assert (url.username, url.password, url.host, url.port) == ("ntm", "a/b@c:d", "x", 5432)
    assert url.query == {"ssl": "require"}
