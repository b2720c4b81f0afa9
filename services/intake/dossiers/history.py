"""The steps that were taken about a commune, up to the newest that the stream holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from nats.js.errors import NotFoundError

from services.intake.projection.read_after_write import newest_projected
from services.intake.rules.dossier import Dossier
from services.intake.storage import dossiers
from shared.contracts import subjects
from shared.contracts.dossier import DossierLogged
from shared.problems import Problem, Problems
from shared.reference.models import CriteriaSet, Unit
from shared.service.runtime import Runtime

_PATIENCE_SECONDS = 10
"""The longest wait for the table, in seconds: a step is taken by people, who would rather wait than begin again."""

_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class History:
    """The steps of all dossiers of a commune in order, and the newest one's number in the stream, 0 without steps."""

    steps: Sequence[DossierLogged]
    newest: int

    def of(self, criteria_set: CriteriaSet) -> list[DossierLogged]:
        """Return the steps of the dossier for a set."""
        return [step for step in self.steps if step.criteria_set == criteria_set.id]

    def dossier(self, criteria_set: CriteriaSet) -> Dossier:
        """Return the dossier for a set as it stands."""
        return Dossier.of(criteria_set, self.of(criteria_set))


def subject_of(unit: Unit, runtime: Runtime) -> str:
    """Return the subject of a commune's dossiers."""
    district = runtime.reference.units.district(unit)
    return subjects.dossier(district.code if district else None, unit.code)


async def history_of(runtime: Runtime, unit: Unit) -> History:
    """Return the steps about a commune, once the tables hold the newest one of the stream; problem 503 until then."""
    try:
        newest = await runtime.nats.jetstream().get_last_msg(subjects.STATUS_STREAM, subject_of(unit, runtime))
    except NotFoundError:
        return History([], 0)
    if runtime.proof.fault_of_kept(subjects.STATUS_STREAM, newest):  # once it is parked the table has all the others
        await newest_projected(runtime.nats, subjects.ALL_DOSSIERS, subject_of(unit, runtime))
        async with runtime.engine.connect() as connection:
            return History(await dossiers.steps_of(connection, unit.key), newest.seq or 0)
    event_id = UUID((newest.headers or {})["ce-id"])
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while True:
        async with runtime.engine.connect() as connection:
            if await dossiers.is_kept(connection, event_id):  # perhaps of an earlier commune with this code
                return History(await dossiers.steps_of(connection, unit.key), newest.seq or 0)
        if asyncio.get_running_loop().time() > deadline:
            raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"})
        await asyncio.sleep(_PAUSE_SECONDS)
