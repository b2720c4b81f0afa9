"""Settings from the environment (`NTM_…`). There is no default secret: what is missing is named at the start."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What every service needs to know of its surroundings."""

    model_config = SettingsConfigDict(env_prefix="NTM_", extra="ignore")

    database_url: SecretStr = Field(description="postgresql+asyncpg://…")
    nats_url: str = "nats://127.0.0.1:4222"
    nats_token: SecretStr | None = None
    plan: str = "lang-son-2023"
    reference_dir: Path | None = Field(default=None, description="Reference data other than the packaged.")
    contacts: Path | None = Field(default=None, description="YAML of the contacts; without it nobody is told.")
    sample_cohorts: Path | None = Field(default=None, description="Invented cohort members, for samples only.")
    clock: Literal["real", "simulated"] = "real"
    stream_replicas: int = 1
    log_format: Literal["json", "text"] = "json"
    log_level: str = "INFO"


@lru_cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
