"""The backups that are kept, and the time of the next one."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from shared.backup.retention import Retention, due_after, is_too_old, made_at, name_at, newest, superfluous

NOW = datetime(2026, 11, 28, 19, 0, tzinfo=UTC)  # 29 November, 02:00 in Vietnam
AT_TWO = time(2, 0)


def daily(days: int) -> list[str]:
    return [name_at(NOW - timedelta(days=day)) for day in range(days)]


def test_a_name_tells_the_moment() -> None:
    assert name_at(NOW) == "ntm-20261128T190000Z.backup"
    assert made_at(name_at(NOW)) == NOW
    for other in ("ntm-20261128T190000Z.backup.age", "ntm-20261399T190000Z.backup", "notes.txt", ""):
        assert made_at(other) is None


def test_of_two_years_seven_days_four_weeks_and_twelve_months_stay() -> None:
    names = daily(730)
    kept = [name for name in names if name not in superfluous(names, Retention(), NOW)]
    days = [made for name in kept if (made := made_at(name))]
    assert days[:7] == [NOW - timedelta(days=day) for day in range(7)]
    assert len(kept) == 7 + 3 + 11  # the newest of a week and of a month is one of the days
    assert days[-1] == datetime(2025, 12, 30, 19, tzinfo=UTC)  # the last one of December in Vietnam


def test_pruning_every_day_keeps_the_same_as_pruning_once() -> None:
    kept: list[str] = []
    for name in reversed(daily(400)):
        kept.append(name)
        kept = [one for one in kept if one not in superfluous(kept, Retention(), NOW)]
    assert sorted(kept) == sorted(set(daily(400)) - set(superfluous(daily(400), Retention(), NOW)))


def test_the_newest_always_stays_and_other_files_are_never_touched() -> None:
    names = [*daily(3), "notes.txt", ".ntm-20261128T190000Z.backup.unfinished"]
    assert superfluous(names, Retention(0, 0, 0), NOW) == [
        name_at(NOW - timedelta(days=2)),
        name_at(NOW - timedelta(days=1)),
    ]
    assert superfluous([], Retention(), NOW) == []


def test_of_several_backups_of_one_day_the_last_stays() -> None:
    names = [name_at(NOW + timedelta(hours=hour)) for hour in range(3)]
    assert superfluous(names, Retention(), NOW + timedelta(hours=3)) == names[:2]


def test_the_next_is_due_at_the_time_and_one_that_was_missed_at_once() -> None:
    assert due_after(None, NOW, AT_TWO) == NOW
    assert due_after(NOW, NOW, AT_TWO) == NOW + timedelta(days=1)
    assert due_after(NOW, NOW + timedelta(hours=23), AT_TWO) == NOW + timedelta(days=1)
    before = NOW - timedelta(seconds=1)
    assert due_after(NOW - timedelta(days=1), before, AT_TWO) == NOW
    assert due_after(NOW - timedelta(days=1), NOW, AT_TWO) == NOW
    late = NOW + timedelta(hours=9)
    assert due_after(NOW - timedelta(days=3), late, AT_TWO) == late


def test_the_newest_of_other_files_is_none() -> None:
    assert newest(["notes.txt"], NOW) is None
    assert newest(daily(3), NOW) == NOW


def test_one_of_a_day_to_come_hinders_no_other_and_stays() -> None:
    """The machine's clock was wrong when it was made."""
    wrong = name_at(NOW + timedelta(days=400))
    names = [wrong, *daily(3)]
    assert newest(names, NOW) == NOW
    assert superfluous(names, Retention(1, 0, 0), NOW) == list(reversed(daily(3)[1:]))
    assert newest([wrong], NOW) is None
    assert newest([name_at(NOW + timedelta(minutes=5))], NOW) == NOW + timedelta(minutes=5)  # another machine's clock


def test_the_newest_is_too_old_or_none_was_made_for_too_long() -> None:
    longest, hour = timedelta(hours=26), timedelta(hours=1)
    assert not is_too_old(NOW - 26 * hour, NOW - 99 * hour, NOW, longest)
    assert is_too_old(NOW - 27 * hour, NOW, NOW, longest)
    assert not is_too_old(None, NOW - hour, NOW, longest)
    assert is_too_old(None, NOW - 27 * hour, NOW, longest)
