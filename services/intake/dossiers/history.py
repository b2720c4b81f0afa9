"""The steps that were taken about a commune, up to the newest that the stream holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from nats.js.errors import NotFoundError

from services.intake.projection.read_after_write import DOSSIERS, find_after_projection
from services.intake.rules.dossier import Dossier
from services.intake.storage import dossiers
from shared.contracts import subjects
from shared.contracts.dossier import DossierLogged
from shared.problems import Problem, Problems
from shared.reference.models import CriteriaSet, Unit
from shared.service.runtime import Runtime


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
    event_id = UUID((newest.headers or {})["ce-id"])

    async def look() -> list[DossierLogged] | None:
        async with runtime.engine.connect() as connection:
            steps = await dossiers.steps_of(connection, unit.key)
        return steps if any(step.id == event_id for step in steps) else None

    steps = await find_after_projection(runtime.nats, subjects.STATUS_STREAM, DOSSIERS, look)
    if steps is None:
        raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"})
    return History(steps, newest.seq or 0)
