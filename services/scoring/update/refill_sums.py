"""The sums of districts and the province, filled again after a migration, and where they are damaged."""

from __future__ import annotations

import structlog

from services.scoring.storage.increments import clear_increments, step
from services.scoring.storage.locks import hold_off_workers
from services.scoring.storage.refills import is_to_be_filled, note_filled
from services.scoring.update.begin_plan import fill_sums
from services.scoring.update.transaction import Transaction

log = structlog.get_logger()


async def refill_sums(transaction: Transaction) -> bool:
    """Fill the sums again where that was asked for, and have them judged; return whether it was.

    The other workers wait meanwhile, and a process that waited here finds the sums filled.
    """
    connection = transaction.connection
    if not await is_to_be_filled(connection, step.name):
        return False
    await hold_off_workers(connection)
    if not await is_to_be_filled(connection, step.name):
        return False
    await clear_increments(connection)
    for own in transaction.of_each_plan:
        await fill_sums(own)
    await note_filled(connection, step.name)
    log.info("sums filled again", plans=[own.reference.plan.id for own in transaction.of_each_plan])
    return True
