"""Scoring as it runs: everything that its subscribers and routes need, made once."""

from __future__ import annotations

from dataclasses import dataclass

from shared.access.authenticator import Authenticator
from shared.service.outbox import Relay
from shared.service.parking import ParkingPlace
from shared.service.polling_worker import PollingWorker
from shared.service.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Scoring:
    """What scoring holds while it runs."""

    runtime: Runtime
    authenticator: Authenticator
    parking: ParkingPlace
    relay: Relay
    targets: PollingWorker
