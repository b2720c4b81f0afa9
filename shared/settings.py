"""Settings from the environment (`NTM_…`). No secret has a default: a service that lacks one names it and ends."""

from __future__ import annotations

import logging
import re
import ssl
from base64 import b64decode
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self, get_args
from urllib.parse import quote, urlsplit

from pydantic import AnyHttpUrl, ByteSize, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.contracts.bilingual import Bilingual
from shared.secret_files import AWS_KEY, secret_of_file
from shared.texts import filled, phrase
from shared.tls import tls_context

_SECRET_BYTES = 24
"""The shortest secret that Standard Webhooks allow."""


def _is_server(address: str) -> bool:
    try:
        parts = urlsplit(address.strip())
        return address.strip().startswith(("nats://", "tls://")) and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        return False


class Settings(BaseSettings):
    """Settings that all services share."""

    model_config = SettingsConfigDict(env_prefix="NTM_", env_ignore_empty=True, extra="ignore")

    database_url: SecretStr = Field(description="postgresql+asyncpg://…")
    database_password: SecretStr | None = Field(default=None, description="Its password, where the URL has none.")
    database_ca_file: Path | None = Field(
        default=None, description="The authorities that vouch for the database, in PEM; with it, TLS or no connection."
    )
    database_certificate_file: Path | None = Field(default=None, description="The certificate to show the database.")
    database_key_file: Path | None = Field(default=None, description="That certificate's key.")
    nats_url: str = Field(
        default="nats://127.0.0.1:4222",
        description="The address of a server, or those of a cluster between commas; tls://… for TLS or no connection.",
    )
    nats_ca_file: Path | None = Field(
        default=None, description="The authorities that vouch for the broker, in PEM; with it, TLS or no connection."
    )
    nats_certificate_file: Path | None = Field(default=None, description="The certificate to show the broker.")
    nats_key_file: Path | None = Field(default=None, description="That certificate's key.")
    nats_seed_file: Path | None = Field(
        default=None, description="The seed of the program's user on the broker, a file of `ntm nats users`."
    )
    nats_office_seed_file: Path | None = Field(
        default=None, description="For `ntm migrate`: the seed of the user `office-migrate`, who makes the mirrors."
    )
    signing_keys_dir: Path | None = Field(
        default=None, description="The directory with the keys that sign messages; by default that of the seed."
    )
    plan: str | None = Field(
        default=None, description="The name of a plan, or of several between commas; None: all plans of the folder."
    )
    reference_dir: Path | None = Field(default=None, description="Reference data other than the packaged.")
    contacts: Path | None = Field(default=None, description="YAML of the contacts; without it nobody is told.")
    sample_cohorts: Path | None = Field(default=None, description="Invented cohort members, for samples only.")
    clock: Literal["real", "simulated"] = "real"
    evidence_store: str | None = Field(
        default=None,
        description="The store of files of evidence: file:///path or s3://bucket/prefix (with AWS_…); None: no files.",
    )
    stream_replicas: int | None = Field(
        default=None, ge=1, le=5, description="Copies of each stream in a cluster; None: those that it has, or one."
    )
    nats_store_bytes: ByteSize | None = Field(
        default=None,
        gt=0,
        description="The limit of the broker's store, such as 20GB, which the streams share; None: they get no limits.",
    )
    watched_disks: str = Field(
        default="", description="Directories between colons; operators are told when the disk of one is nearly full."
    )
    watch_seconds: float = Field(
        default=10, gt=0, description="The pause between two looks for troubles of the system."
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="The token by which Prometheus sees /metrics; None: only this machine does, by no proxy.",
    )
    log_format: Literal["json", "text"] = "json"
    log_level: str = "INFO"

    operators: str = Field(
        default="", description="Who hears of troubles of the system: mail addresses and one webhook, between commas."
    )
    operators_webhook_secret: SecretStr | None = Field(
        default=None, description="The secret (whsec_…) by which calls of that webhook are signed."
    )
    operators_told_dir: Path | None = Field(
        default=None,
        description="Where processes note what they told operators by themselves, so that one tells it for all of a "
        "machine; None: the directory of temporary files.",
    )
    smtp_host: str | None = None
    smtp_port: int = 587
    smtp_from: str | None = Field(
        default=None, description="Address, or name and address: `Điều phối NTM <ntm@example.vn>`."
    )
    smtp_starttls: bool = Field(default=True, description="Refuse to send where the server does not offer it.")
    smtp_tls: bool = Field(default=False, description="TLS from the first byte (port 465) in place of STARTTLS.")
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None

    oidc_issuer: str | None = Field(default=None, description="The issuer's URL; its tokens are taken beside keys.")
    oidc_audience: str | None = Field(default=None, description="The audience that its tokens must name.")
    oidc_client_id: str | None = Field(
        default=None, description="The issuer's name for this system: people sign in to the pages at the issuer."
    )
    oidc_client_secret: SecretStr | None = Field(default=None, description="Its secret; None: a public client.")
    oidc_name_claim: str = Field(
        default="email", description="The claim that has the name of a person's account; nobody may change his own."
    )
    oidc_jwks_url: str | None = Field(
        default=None, description="The URL of its public keys; by default its discovery document names it."
    )
    oidc_agency_claim: str = "azp"
    oidc_units_claim: str = "ntm_units"
    oidc_criteria_claim: str = "ntm_criteria"
    oidc_rate_per_minute: int = Field(default=6000, ge=1, description="Requests a minute of each token's subject.")

    intake_page: str | None = Field(
        default=None, description="The address from outside of intake's page; the other pages link to it."
    )
    scoring_page: str | None = Field(default=None, description="The same for scoring's page, the board.")
    notify_page: str | None = Field(default=None, description="The same for notify's page, the alerts.")

    @property
    def pages(self) -> dict[str, str]:
        """The addresses of the services' pages by the service, in the order of the navigation, where they are set."""
        named = {"scoring": self.scoring_page, "intake": self.intake_page, "notify": self.notify_page}
        return {name: f"{address.rstrip('/')}/" for name, address in named.items() if address}

    @property
    def nats_servers(self) -> list[str]:
        """The addresses of the broker's servers."""
        return [address.strip() for address in self.nats_url.split(",")]

    @property
    def signing_keys(self) -> Path | None:
        """The directory with the keys that sign messages; None: the broker has no users, and nothing is signed."""
        return self.signing_keys_dir or (self.nats_seed_file.parent if self.nats_seed_file else None)

    @property
    def nats_tls(self) -> ssl.SSLContext | None:
        """The way in which the broker is to prove itself; None: it is reached without TLS."""
        files = (self.nats_ca_file, self.nats_certificate_file, self.nats_key_file)
        named = any(urlsplit(address).scheme == "tls" for address in self.nats_servers)
        return tls_context("NTM_NATS", *files) if named or any(files) else None

    @property
    def database_tls(self) -> ssl.SSLContext | None:
        """The way in which the database is to prove itself; None: as its URL says."""
        files = (self.database_ca_file, self.database_certificate_file, self.database_key_file)
        return tls_context("NTM_DATABASE", *files) if any(files) else None

    @property
    def operators_mails(self) -> list[str]:
        """The mail addresses of the operators."""
        return [name for name in self._operators if "://" not in name]

    @property
    def operators_webhook(self) -> str | None:
        """The operators' webhook."""
        return next((name for name in self._operators if "://" in name), None)

    @property
    def lack_of_mail_server(self) -> Bilingual | None:
        """What to do where operators are to be told by mail, and no server or sender is named; None: nothing."""
        is_whole = not self.operators_mails or (self.smtp_host and self.smtp_from)
        return None if is_whole else phrase("settings.operators_mail_server")

    @property
    def _operators(self) -> list[str]:
        return [name.strip() for name in self.operators.split(",") if name.strip()]

    @property
    def disks(self) -> list[Path]:
        """The directories whose disks are watched."""
        return [Path(name) for name in self.watched_disks.split(":") if name]

    @property
    def plan_names(self) -> list[str]:
        """The names of the plans; none: all of the folder."""
        return [name.strip() for name in self.plan.split(",")] if self.plan else []

    @field_validator("database_url")
    @classmethod
    def _is_a_database(cls, value: SecretStr) -> SecretStr:
        if not _is_database(value.get_secret_value()):
            raise ValueError(_both(phrase("settings.database_url")))
        return value

    @field_validator("log_level")
    @classmethod
    def _is_a_level(cls, value: str) -> str:
        if value.upper() not in logging.getLevelNamesMapping():
            raise ValueError(_both(phrase("settings.log_level")))
        return value

    @field_validator("intake_page", "scoring_page", "notify_page")
    @classmethod
    def _is_a_page(cls, value: str | None) -> str | None:
        if value is not None and not _is_page_address(value):
            raise ValueError(_both(phrase("settings.page")))
        return value

    @field_validator("smtp_from")
    @classmethod
    def _has_an_address(cls, text: str | None) -> str | None:
        if text is not None and not _is_mail_address(parseaddr(text)[1]):
            raise ValueError("needs an address: Name <name@example.vn>")
        return text

    @field_validator("evidence_store")
    @classmethod
    def _is_an_object_store(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"file:///[^?#]|s3://[^/?#]", value):
            raise ValueError(_both(phrase("settings.evidence_store")))
        return value

    @field_validator("watched_disks")
    @classmethod
    def _names_directories(cls, value: str) -> str:
        if missing := [name for name in value.split(":") if name and not Path(name).is_dir()]:
            raise ValueError(f"no such directory: {', '.join(missing)}")
        return value

    @field_validator("nats_url")
    @classmethod
    def _names_servers(cls, value: str) -> str:
        if not all(map(_is_server, value.split(","))):
            raise ValueError("expected nats://host:port, or several of them between commas")
        return value

    @model_validator(mode="before")
    @classmethod
    def _secrets_may_stand_in_files(cls, given: dict[str, object]) -> dict[str, object]:
        secret_of_file(AWS_KEY)  # the object store reads it
        kinds = {name: field.annotation for name, field in cls.model_fields.items()}
        secrets = [name for name, kind in kinds.items() if kind is SecretStr or SecretStr in get_args(kind)]
        in_files = {name: secret_of_file(_variable(name)) for name in secrets}
        return {**{name: secret for name, secret in in_files.items() if secret}, **given}

    @model_validator(mode="after")
    def _database_url_has_its_password(self) -> Self:
        parts = urlsplit(self.database_url.get_secret_value())
        if self.database_password and parts.username and parts.password is None:
            user, _, hosts = parts.netloc.rpartition("@")
            login = f"{user}:{quote(self.database_password.get_secret_value(), safe='')}"
            self.database_url = SecretStr(parts._replace(netloc=f"{login}@{hosts}").geturl())
        return self

    @model_validator(mode="after")
    def _operators_can_be_told(self) -> Self:
        webhooks = [name for name in self._operators if "://" in name]
        for mail in self.operators_mails:
            if not _is_mail_address(mail):
                raise ValueError(_both(filled(phrase("settings.operator_is_no_address"), text=mail)))
        if len(webhooks) > 1 or any(not _is_http_address(url) for url in webhooks):
            raise ValueError(_both(phrase("settings.operators_webhook")))
        if webhooks and not _is_signing_secret(self.operators_webhook_secret):
            raise ValueError(_both(phrase("settings.operators_secret")))
        return self

    @model_validator(mode="after")
    def _tokens_are_for_somebody(self) -> Self:
        if self.oidc_issuer and not self.oidc_audience and not self.oidc_client_id:
            raise ValueError(
                "NTM_OIDC_ISSUER needs NTM_OIDC_AUDIENCE, else tokens made out for others would open; "
                "or NTM_OIDC_CLIENT_ID, by which people sign in there"
            )
        return self

    @model_validator(mode="after")
    def _certificates_can_be_used(self) -> Self:
        # here, so that a service names a wrong file and ends, instead of trying to connect for ever
        self.nats_tls, self.database_tls  # noqa: B018 - reads the files
        return self


def _both(words: Bilingual) -> str:
    return f"{words.vi} / {words.en}"


def _is_database(url: str) -> bool:
    try:
        return urlsplit(url).scheme == "postgresql+asyncpg"
    except ValueError:
        return False


def _is_mail_address(text: str) -> bool:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        return False
    try:
        return Address(addr_spec=text).addr_spec == text
    except (HeaderParseError, ValueError, IndexError):
        return False


def _is_http_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _is_page_address(text: str) -> bool:
    """Say whether a page can be at this address. Each page is at the root of its host and port: its files are."""
    try:
        address = AnyHttpUrl(text)
    except ValidationError:
        return False
    is_root = address.path in (None, "/") and not re.search(r"[?#\s\\]", text)
    return is_root and bool(re.match(r"https?://[^/]", text)) and address.username is None and address.password is None


def _is_signing_secret(secret: SecretStr | None) -> bool:
    text = secret.get_secret_value() if secret else ""
    try:
        return text.startswith("whsec_") and len(b64decode(text.removeprefix("whsec_"), validate=True)) >= _SECRET_BYTES
    except ValueError:
        return False


def read_settings[Kind: Settings](kind: type[Kind], **given: object) -> Kind:
    """Return settings as the environment has them, beside those that are given.

    What is wrong there ends the process with a word, without values.
    """
    try:
        return kind(**given)  # type: ignore[arg-type]  # they are checked
    except ValidationError as error:
        lines = [
            ": ".join([*map(_variable, fault["loc"]), fault["msg"].removeprefix("Value error, ")])
            for fault in error.errors()
        ]
        raise SystemExit("\n".join([f"{_WRONG.vi} / {_WRONG.en}", *lines])) from None


_WRONG = phrase("settings.wrong")


def _variable(part: int | str) -> str:
    return f"NTM_{part}".upper()


@lru_cache
def settings() -> Settings:
    """Return the settings of this process, read once."""
    return read_settings(Settings)
