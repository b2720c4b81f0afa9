"""Notify as it runs: everything that its subscribers and routes need, made once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.telling.tell import Pipeline
from shared.access.authenticator import Authenticator
from shared.service.parking import ParkingPlace
from shared.service.runtime import Runtime

type UseCase = Callable[[AsyncConnection, Pipeline, datetime], Awaitable[int]]
"""Something that is told within one transaction; how much it told."""


@dataclass(frozen=True, slots=True)
class Notify:
    """What notify holds while it runs."""

    runtime: Runtime
    authenticator: Authenticator
    parking: ParkingPlace
    pipeline: Pipeline
    telling: Callable[[UseCase], Awaitable[int]]
    wake: Callable[[], None]
