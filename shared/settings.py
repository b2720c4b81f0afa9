"""Settings from the environment (`NTM_…`). No secret has a default: a service that lacks one names it and ends."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings that all services share."""

    model_config = SettingsConfigDict(env_prefix="NTM_", extra="ignore")

    database_url: SecretStr = Field(description="postgresql+asyncpg://…")
    nats_url: str = Field(
        default="nats://127.0.0.1:4222", description="The address of a server, or those of a cluster between commas."
    )
    nats_seed_file: Path | None = Field(
        default=None, description="The seed of the program's user on the broker, a file of `ntm nats users`."
    )
    nats_office_seed_file: Path | None = Field(
        default=None, description="For `ntm migrate`: the seed of the user `office-migrate`, who makes the mirrors."
    )
    plan: str | None = Field(
        default=None, description="The name of a plan, or of several between commas; None: all plans of the folder."
    )
    reference_dir: Path | None = Field(default=None, description="Reference data other than the packaged.")
    contacts: Path | None = Field(default=None, description="YAML of the contacts; without it nobody is told.")
    sample_cohorts: Path | None = Field(default=None, description="Invented cohort members, for samples only.")
    clock: Literal["real", "simulated"] = "real"
    stream_replicas: int | None = Field(
        default=None, ge=1, le=5, description="Copies of each stream in a cluster; None: those that it has, or one."
    )
    log_format: Literal["json", "text"] = "json"
    log_level: str = "INFO"

    oidc_issuer: str | None = Field(default=None, description="The issuer's URL; its tokens are taken beside keys.")
    oidc_audience: str | None = Field(default=None, description="The audience that its tokens must name.")
    oidc_jwks_url: str | None = Field(
        default=None, description="The URL of its public keys; by default its discovery document names it."
    )
    oidc_agency_claim: str = "azp"
    oidc_units_claim: str = "ntm_units"
    oidc_criteria_claim: str = "ntm_criteria"
    oidc_rate_per_minute: int = Field(default=6000, ge=1, description="Requests a minute of each token's subject.")

    @property
    def nats_servers(self) -> list[str]:
        """The addresses of the broker's servers."""
        return [address.strip() for address in self.nats_url.split(",")]

    @property
    def plan_names(self) -> list[str]:
        """The names of the plans; none: all of the folder."""
        return [name.strip() for name in self.plan.split(",")] if self.plan else []

    @field_validator("nats_url")
    @classmethod
    def _names_servers(cls, value: str) -> str:
        if not all(urlsplit(address.strip()).hostname for address in value.split(",")):
            raise ValueError("expected nats://host:port, or several of them between commas")
        return value

    @model_validator(mode="after")
    def _tokens_are_for_somebody(self) -> Self:
        if self.oidc_issuer and not self.oidc_audience:
            raise ValueError("NTM_OIDC_ISSUER needs NTM_OIDC_AUDIENCE: else tokens made out for others would open")
        return self


@lru_cache
def settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()
