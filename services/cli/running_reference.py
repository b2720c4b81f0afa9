"""The reference data of a running system: the newest installed version, else the files that it was started with."""

from __future__ import annotations

from dataclasses import dataclass

from nats.aio.client import Client

from deploy.local.clients import broker, database, settings_of
from deploy.local.running_system import RunningSystem
from services.cli.console import errors
from shared.reference.archive import SAMPLE_COHORTS, Files, unpack
from shared.reference.load import Plans, load_for
from shared.service.proof import Proof
from shared.service.reference_versions import UnusableVersionError, loaded, newest_number, version_at


@dataclass(frozen=True, slots=True)
class RunningReference:
    """The reference data of a running system, with the number, digest and plan's name of their version."""

    number: int
    digest: str | None
    plan: str | None
    """The names of its plans; None: all plans of the directory."""
    plans: Plans
    sample: Files
    """The file of invented cohort members, where the system has one."""
    newest: int
    """The number of the newest version; another than `number` where that one cannot be used."""


async def running_reference(system: RunningSystem, nats: Client) -> RunningReference:
    """Return the reference data that the system runs on: the newest version that can be used, as its services take."""
    settings, newest = settings_of(system), await newest_number(nats)
    async with database(system) as engine:
        proof = await Proof.of(engine, nats)
    for number in range(newest, 0, -1):
        try:
            installed = await version_at(nats, number, proof)
            version, plans = installed.version, loaded(installed, settings)
        except UnusableVersionError as error:
            errors.print(str(error), style="yellow", highlight=False, markup=False)
            continue
        sample = {name: text for name, text in unpack(version.archive).items() if name == SAMPLE_COHORTS}
        return RunningReference(number, version.digest, version.plan, plans, sample, newest)
    file = settings.sample_cohorts
    sample = {SAMPLE_COHORTS: file.read_text(encoding="utf-8-sig")} if file else {}
    return RunningReference(0, None, settings.plan, load_for(settings), sample, newest)


async def plans_of(system: RunningSystem) -> Plans:
    """Return the plans that the system runs on, each with the definitions."""
    async with broker(system) as nats:
        return (await running_reference(system, nats)).plans
