"""The steps that were taken about a commune, up to the newest that the stream holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from services.intake.projection.read_after_write import is_projected, newest_of
from services.intake.rules.dossier import Dossier
from services.intake.storage import dossiers
from services.intake.storage.dossiers import StoredStep
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
    """The steps of all dossiers of a commune in order, and the newest one's number in the stream, 0 without steps.

    `damaged`: steps of which the content cannot be read, so that nobody knows how the dossiers stand.
    """

    steps: Sequence[DossierLogged]
    damaged: Sequence[StoredStep]
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
    newest = await newest_of(runtime.nats, subject_of(unit, runtime))
    if not newest:
        return History([], [], 0)
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while not await is_projected(runtime.nats, subjects.ALL_DOSSIERS, newest):
        if asyncio.get_running_loop().time() > deadline:
            raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"})
        await asyncio.sleep(_PAUSE_SECONDS)
    async with runtime.engine.connect() as connection:
        return History(*await dossiers.steps_of(connection, unit.key), newest)
