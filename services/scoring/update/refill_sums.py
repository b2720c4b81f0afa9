"""The sums of districts and the province, filled again from the figures after a migration that asks for it."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from itertools import batched

import structlog

from services.scoring.judging.aggregates import increments_by_target
from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import Increment
from services.scoring.judging.inheritance import judged_by
from services.scoring.storage.increments import add_increments, clear_increments, step
from services.scoring.storage.locks import hold_off_workers
from services.scoring.storage.readings import readings_of, units_with_readings
from services.scoring.storage.refills import is_to_be_filled, note_filled
from services.scoring.storage.targets import mark_moved
from services.scoring.update.transaction import Transaction

log = structlog.get_logger()

_UNITS_AT_ONCE = 500


async def refill_sums(transaction: Transaction) -> bool:
    """Fill the sums again where a migration has asked for it, and have them judged; return whether it had.

    The other workers wait meanwhile, and a process that waited here finds the sums filled.
    """
    connection, reference = transaction.connection, transaction.reference
    if not await is_to_be_filled(connection, step.name):
        return False
    await hold_off_workers(connection)
    if not await is_to_be_filled(connection, step.name):
        return False
    sums: defaultdict[tuple[str, int, date], Increment] = defaultdict(Increment)
    families = {reference.lineage.family(unit) for unit in await units_with_readings(connection)}
    for some in batched(sorted(families), _UNITS_AT_ONCE):
        units = [unit for family in some for unit in family]
        stored = await readings_of(connection, units, reference.plan.horizon)
        figures = judged_by({unit: stored.get(unit, Figures()) for unit in units}, reference)
        for unit in units:
            for key, increment in increments_by_target(unit, figures, reference.targets, reference):
                sums[key] += increment
    await clear_increments(connection)
    await add_increments(connection, sums)
    targets = {(commitment.id, unit.key) for commitment, unit in reference.targets}
    await mark_moved(connection, targets, transaction.moment.on)
    await note_filled(connection, step.name)
    log.info("sums filled again", increments=len(sums))
    return True
