"""Reads the decisions on recognition, and says what they come to beside the communes' statuses."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.known_at import known_at
from services.scoring.judging.inheritance import judged_by
from services.scoring.judging.measures import Figures
from services.scoring.judging.recognition import recognitions
from services.scoring.judging.verdicts import criteria_of, judge_criterion
from services.scoring.storage import queries
from shared.contracts.recognition import Recognition
from shared.contracts.status import Status
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit

type Statuses = Mapping[int, Mapping[CriterionKey, Status]]


async def recognitions_of(
    connection: AsyncConnection, communes: Mapping[int, Unit], reference: Reference, today: date
) -> dict[int, list[Recognition]]:
    """The communes' recognitions as they are, by the plan's sets. Decisions may be older than all other figures."""
    elements = {one.recognition.element for one in reference.plan_sets if one.recognition}
    decisions = await queries.readings_of(connection, list(communes), date.min, elements)
    statuses: defaultdict[int, dict[CriterionKey, Status]] = defaultdict(dict)
    for (unit, key), row in (await queries.statuses_of(connection, list(communes))).items():
        statuses[unit][key] = Status(row.status)
    return _told(communes, decisions, statuses, reference, today)


async def recognitions_then(
    connection: AsyncConnection, communes: Mapping[int, Unit], reference: Reference, on: date
) -> dict[int, list[Recognition]]:
    """The communes' recognitions as they were known to be at a day."""
    known = await known_at(connection, communes, reference, on)

    def tell() -> dict[int, list[Recognition]]:
        statuses = {
            unit: _judged(communes[unit], figures, reference, on)
            for unit, figures in judged_by(known, reference).items()
            if unit in communes
        }
        return _told(communes, known, statuses, reference, on)

    # all communes at once take a while: the loop has to go on meanwhile
    return await asyncio.to_thread(tell)


def _judged(commune: Unit, figures: Figures, reference: Reference, on: date) -> dict[CriterionKey, Status]:
    return {
        key: judge_criterion(key, commune, figures, reference, on).status for key in criteria_of(commune, reference)
    }


def _told(
    communes: Mapping[int, Unit], decisions: Mapping[int, Figures], statuses: Statuses, reference: Reference, on: date
) -> dict[int, list[Recognition]]:
    return {
        unit: recognitions(reference.plan_sets, decisions.get(unit, {}), statuses.get(unit, {}), on)
        for unit in communes
    }
