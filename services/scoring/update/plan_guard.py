"""The guard of the rules: nobody judges a system's state by other plans or another version than its own.

A state is judged by one version of the reference data. It goes over to another one as a whole (`reference_switch`), and
every process takes that up before it changes the state again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment
from services.scoring.judging.version import JUDGING
from services.scoring.storage.begun_plans import begun_plans, record_plans, version_and_begun_plans
from services.scoring.storage.judged_version import (
    digest_judged_by,
    judged_version,
    judging_of_state,
    lower_judging,
    record_judging,
    record_version,
)
from services.scoring.storage.locks import lock_days
from services.scoring.texts import phrase
from services.scoring.update.transaction import Transaction
from shared.contracts.bilingual import Bilingual
from shared.reference.load import Plans, Reference
from shared.service.reference_follower import ReferenceInUse
from shared.texts import filled

log = structlog.get_logger()


class OtherPlanError(Exception):
    """The state was judged by another plan than those that are to judge now."""

    def __init__(self, own: Sequence[str], other: Sequence[str]) -> None:
        words = filled(phrase("plan_guard.other_plan"), own=",".join(own), other=",".join(other))
        self.words: Bilingual = words
        super().__init__(self.words.in_both)


class OtherVersionError(Exception):
    """The state has gone over to another version of the reference data than the one that is to judge now."""

    def __init__(self, own: int, other: int) -> None:
        self.words: Bilingual = filled(phrase("plan_guard.other_version"), own=own, other=other)
        super().__init__(self.words.in_both)


async def check_version(connection: AsyncConnection, number: int) -> None:
    """Raise OtherVersionError where the state was judged by another version."""
    own = await judged_version(connection) or 0
    if own != number:
        raise OtherVersionError(own, number)


async def version_of_state(connection: AsyncConnection, in_use: ReferenceInUse) -> Plans:
    """Return the plans of the version by which the state is judged; take that up where another process brought it.

    A rebuild must be held off. UnusableVersionError where this program cannot use the version: it then judges nothing.
    """
    return await _taken_up(await judged_version(connection), in_use)


async def _taken_up(number: int | None, in_use: ReferenceInUse) -> Plans:
    if number is not None and number != in_use.number:
        await in_use.take_up(number)
    return in_use.plans


async def take_version(connection: AsyncConnection, in_use: ReferenceInUse, today: date, now: datetime) -> None:
    """Take up the version of the state. Record it at the first start: the newest, or the files where there is a state.

    UnusableVersionError where this program cannot use that version; OtherPlanError as in `take_plans`.
    """
    await lock_days(connection)
    if (number := await judged_version(connection)) is None:
        is_new = not await begun_plans(connection)
        await record_version(connection, number := in_use.number if is_new else 0, None, now)
        if is_new:
            await record_judging(connection, JUDGING, now)
    await lower_judging(connection, JUDGING)
    if number == 0:
        await _compare_files(connection, in_use, now)
    await take_plans(connection, await version_of_state(connection, in_use), today, now)


async def _compare_files(connection: AsyncConnection, in_use: ReferenceInUse, now: datetime) -> None:
    """Record by which files the state is judged until a version is installed, and say loudly where these are others.

    The process goes on: files come with programs, and what they change of plans that have begun is to be installed.
    """
    own, recorded = in_use.digest_of_files, await digest_judged_by(connection)
    if recorded is None:
        await record_version(connection, 0, own, now)
    in_use.facts["reference_files_differ"] = differ = recorded not in (None, own)
    if differ:
        remedy = "ntm reference install DIR --reason …, or ntm rebuild"
        log.error("reference data differ from those of the state", files=own, state=recorded, remedy=remedy)


async def other_judging(connection: AsyncConnection) -> Bilingual | None:
    """Say by which version of judging the state was judged; None where it is this program's, or there is no state.

    Programs go on by their own: what changes is judged by it. So a state counts as of the oldest version that may have
    judged any of it, and never as of a newer one before a rebuild has judged all of it.
    """
    if await judged_version(connection) is None or (own := await judging_of_state(connection)) == JUDGING:
        return None
    return filled(phrase("plan_guard.other_judging"), own=own or 0, program=JUDGING)


async def plans_of_state(connection: AsyncConnection, plans: Plans) -> Sequence[Reference]:
    """Return the plans by which the state is judged, in the order of their time; none before the first start.

    OtherPlanError where one of them is not among `plans`.
    """
    return _known(await begun_plans(connection), plans)


def _known(begun: Collection[str], plans: Plans) -> Sequence[Reference]:
    known = plans.among(begun)
    if len(known) < len(begun):
        raise OtherPlanError(sorted(begun), plans.ids)
    return known


async def take_plans(connection: AsyncConnection, plans: Plans, today: date, now: datetime) -> None:
    """Record the plans that have begun at the first start; OtherPlanError where the state was judged by another one."""
    await lock_days(connection)
    if not await plans_of_state(connection, plans):
        await record_plans(connection, [reference.plan.id for reference in plans.begun(today)], now)


async def transaction_of_state(connection: AsyncConnection, in_use: ReferenceInUse, moment: Moment) -> Transaction:
    """Return the transaction with the plans by which the state is judged, of the version by which it is judged.

    A rebuild must be held off. Raises what `version_of_state` and `plans_of_state` raise.
    """
    number, begun = await version_and_begun_plans(connection)
    plans = await _taken_up(number, in_use)
    *former, in_force = _known(begun, plans) or plans.begun(moment.on)
    return Transaction(connection, in_force, moment, former)
