"""`ntm agency` as a program, on a real database."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.access.agency_keys import ListedKey, list_keys
from tests.running import Surroundings, ntm


@pytest.fixture
def data(shared_around: Surroundings, tmp_path: Path) -> Path:
    """The directory through which the program finds the parts."""
    shared_around.as_running_system().write(tmp_path)
    return tmp_path


async def agency(data: Path, *arguments: str, status: int = 0) -> str:
    """Run `ntm agency`; return its output."""
    return await ntm("agency", *arguments, "--data", str(data), status=status)


async def keys_of(around: Surroundings, agency_id: str) -> list[ListedKey]:
    return [key for key in await list_keys(around.engine) if key.agency == agency_id]


async def test_a_key_is_shown_once_and_its_terms_kept(shared_around: Surroundings, data: Path) -> None:
    printed = await agency(
        data, "add", "Phòng LĐTBXH Bình Gia", "--unit", "181", "--criteria", "ntm-11,ntm-12",
        "--expires", "2099-12-31", "--rate", "600",
    )  # fmt: skip
    found = re.search(r"ntm_([0-9a-f]{12})_([\w-]{43})", printed)
    assert found
    listed = await agency(data, "list")
    assert found[1] in listed
    assert found[2] not in listed
    (key,) = await keys_of(shared_around, "phong-ldtbxh-binh-gia")
    assert (key.units, key.criteria, key.rate_per_minute) == (("181",), ("ntm-11", "ntm-12"), 600)
    assert key.expires_at == datetime(2099, 12, 31, 17, tzinfo=UTC), "the end of that day in Vietnam"
    assert key.state == "active"


async def test_a_key_may_end_after_so_many_days(shared_around: Surroundings, data: Path) -> None:
    await agency(data, "add", "Ninety", "--unit", "20", "--expires", "90")
    (key,) = await keys_of(shared_around, "ninety")
    assert key.expires_at
    assert abs(key.expires_at - key.created_at - timedelta(days=90)) < timedelta(minutes=1)


async def test_a_key_is_rotated_and_revoked(shared_around: Surroundings, data: Path) -> None:
    await agency(data, "add", "Rotated", "--unit", "184")
    printed = await agency(data, "rotate", "Rotated", "--overlap", "30m")
    assert re.search(r"ntm_[0-9a-f]{12}_[\w-]{43}", printed)
    old, new = await keys_of(shared_around, "rotated")
    assert (old.state, new.state) == ("replaced", "active")
    assert old.expires_at
    assert old.expires_at - new.created_at <= timedelta(minutes=30)
    assert "Keys of rotated revoked: 1" in await agency(data, "revoke", "rotated", "--key", old.id)
    assert [key.state for key in await keys_of(shared_around, "rotated")] == ["revoked", "active"]
    assert "Keys of rotated revoked: 1" in await agency(data, "revoke", "rotated")


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("add", "X", "--unit", "99999"), 2, "No unit"),
        (("add", "X", "--unit", "20", "--criteria", "ntm-99"), 2, "No criterion"),
        (("add", "X", "--unit", "20", "--expires", "2001-01-01"), 2, "over already"),
        (("add", "X", "--unit", "20", "--expires", "31/12/2099"), 2, "write a day"),
        (("add", "X", "--unit", "20", "--expires", "9" * 30), 2, "write a day"),
        (("add", "X", "--unit", "20", "--rate", "0"), 2, "rate"),
        (("add", "?", "--unit", "20"), 2, "letters and digits"),
        (("rotate", "nobody"), 1, "there is no agency nobody"),
        (("rotate", "nobody", "--overlap", "soon"), 2, "write 30m"),
        (("revoke", "nobody"), 1, "there is no agency nobody"),
        (("revoke", "nobody", "--key", "0"), 1, "there is no agency nobody"),
    ],
)
async def test_a_wrong_command_says_what_is_wrong(
    data: Path, arguments: tuple[str, ...], status: int, told: str
) -> None:
    assert told in await agency(data, *arguments, status=status)
