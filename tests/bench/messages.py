"""The mails and SMS of a sample year by office and channel, and those of them that ask for nothing.

`python -m tests.bench.messages DATA` counts what a system has sent after `ntm up --sample --data DATA`.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from pathlib import Path

from sqlalchemy import text

from deploy.local.clients import database
from deploy.local.running_system import RunningSystem

_SENT = text(
    """
    SELECT split_part(notice.recipient, '@', 1) AS office, notice.channel, notice.id,
           coalesce(bool_or(alert.opens), false) AS asks, count(*) AS alerts
    FROM notify.notice
    JOIN notify.mention ON mention.notice = notice.id AND mention.left_out IS NULL
    JOIN notify.alert ON alert.id = mention.alert
    WHERE notice.status IN ('created', 'sending', 'sent', 'delivered') AND notice.channel IN ('email', 'sms')
    GROUP BY notice.id
    """
)


async def count(data: Path) -> None:
    """Print how many mails and SMS each kind of office got, how many ask for nothing, and the alerts they tell."""
    counted: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    async with database(RunningSystem.find(data)) as engine, engine.connect() as connection:
        for row in await connection.execute(_SENT):
            for office in (row.office, "all"):
                numbers = counted[office, row.channel]
                numbers[0] += 1
                numbers[1] += not row.asks
                numbers[2] += row.alerts
    print(f"{'office':28}{'channel':9}{'messages':>9}{'ask for nothing':>17}{'alerts':>8}")
    for (office, channel), (messages, idle, alerts) in sorted(counted.items()):
        print(f"{office:28}{channel:9}{messages:>9}{idle:>17}{alerts:>8}")


if __name__ == "__main__":
    asyncio.run(count(Path(sys.argv[1])))
