"""The system of `ntm up --empty`, whose services reach broker, database and gateways by way of the runner.

Started as `python -m tests.faults.launch DATA PORTS_FROM TODAY`, so that the runner can kill it as a machine would.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import date
from pathlib import Path

from deploy.local.running_system import RunningSystem
from deploy.local.sample import CONTACTS
from deploy.local.system import SERVICES, Options, Ports, run


async def _ready(_system: RunningSystem) -> None:
    pass


def main(data: Path, ports_from: int, today: date) -> None:
    """Run the system until a signal."""
    services = {name: f"tests.faults.routed:{name}" for name in SERVICES}
    options = Options(data=data, ports=Ports.starting_at(ports_from), today=today, contacts=CONTACTS, services=services)
    asyncio.run(run(options, _ready))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), date.fromisoformat(sys.argv[3]))
