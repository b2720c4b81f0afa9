"""A country's size: 8,000 communes under the packaged plan, and a year of their figures. All of it is invented."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from uuid import UUID

from shared.contracts.period import Period
from shared.contracts.submission import AcceptedSubmission
from shared.reference.load import PACKAGED

COMMUNES = 8_000
MONTHS = [f"2023-{month:02}" for month in range(1, 13)]
_PER_DISTRICT = 100


def reference_directory(directory: Path, communes: int = COMMUNES) -> Path:
    """The packaged reference data with so many communes below the province."""
    target = directory / "country"
    shutil.copytree(PACKAGED, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    with (target / "units.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    missing = communes - sum(
        row["kind"] == "commune" and row["valid_from"] <= "2023" <= row["valid_to"] for row in rows
    )
    province = next(row["key"] for row in rows if row["code"] == "20")
    key, district = 100_000, ""
    for number in range(missing):
        if number % _PER_DISTRICT == 0:
            key, district = key + 1, str(key + 1)
            rows.append(_unit(key, f"{300 + number // _PER_DISTRICT}", "district", province))
        key += 1
        rows.append(_unit(key, f"{20_000 + number}", "commune", district))
    with (target / "units.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return target


def _unit(key: int, code: str, kind: str, parent: str) -> dict[str, str]:
    name = f"Giả định {code}"
    return {
        "key": str(key), "code": code, "name": name, "kind": kind, "parent": parent,
        "valid_from": "2020-01-01", "valid_to": "",
    }  # fmt: skip


def statements(codes: list[tuple[str, str]], elements: list[str]) -> Iterator[AcceptedSubmission]:
    """One a commune: what sectors state of it at the end of the year before, all of it holding in three of four."""
    ids = Random(0)  # noqa: S311 - figures, not secrets
    received = datetime(2023, 1, 10, 3, tzinfo=UTC)
    for district, code in codes:
        yield _accepted(district, code, "2022-12", dict.fromkeys(elements, ids.random() < 0.75), received, ids)


def submissions(codes: list[tuple[str, str]], months: list[str], seed: int = 1) -> Iterator[AcceptedSubmission]:
    """Four a commune and month: poverty, labour, education, gender equality; from month to month the figures move a
    little, as they do in life. `codes` are district and commune; the months may be days, or any periods.
    """
    ids = Random(f"{seed}-{months}")  # noqa: S311 - figures, not secrets
    for passed, month in enumerate(months):
        end = Period.parse(month).end
        received = datetime(end.year + end.month // 12, end.month % 12 + 1, 4, 3, tzinfo=UTC)
        for district, code in codes:
            for readings in _figures(Random(f"{seed}-{code}"), passed):  # noqa: S311
                yield _accepted(district, code, month, readings, received, ids)


def _accepted(
    district: str, code: str, period: str, readings: dict[str, int | bool], received: datetime, ids: Random
) -> AcceptedSubmission:
    return AcceptedSubmission.model_validate(
        {
            "unit": code,
            "period": period,
            "readings": readings,
            "id": UUID(int=ids.getrandbits(128)),
            "agency": f"district-{district}",
            "district": district,
            "received_at": received,
            "digest": f"{ids.getrandbits(256):064x}",
        }
    )


def last_day(months: list[str]) -> date:
    """A day by which figures of these months have come."""
    year, number = (int(part) for part in months[-1].split("-"))
    return date(year + number // 12, number % 12 + 1, 5)


def _figures(random: Random, passed: int) -> Iterator[dict[str, int | bool]]:
    households = random.randint(400, 2000)
    poor, near = random.randint(20, households // 4), random.randint(5, households // 20)
    yield {
        "households": households + passed,
        "poor_households": max(0, poor - passed * random.randint(0, 2)),
        "near_poor_households": near,
    }
    labour: dict[str, int | bool] = {}
    for group in ("men", "women"):
        workers = random.randint(600, 3000)
        trained = random.randint(workers // 2, workers * 9 // 10)
        certified = random.randint(trained // 5, trained * 9 // 10)
        new = passed * random.randint(0, 4)
        labour |= {
            f"workers_{group}": workers,
            f"trained_{group}": trained + new,
            f"certified_{group}": certified + new,
        }
    yield labour
    six, leavers = random.randint(20, 90), random.randint(20, 90)
    yield {
        "children_six": six,
        "children_six_enrolled": six - random.randint(0, 1),
        "universal_education": True,
        "leavers": leavers,
        "leavers_continuing": random.randint(leavers // 2, leavers),
    }
    yield {"gender_equality_18_5": True}
