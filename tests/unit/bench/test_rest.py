"""Where services spend their time, read from py-spy's output."""

from __future__ import annotations

from tests.bench.rest import Look, by_function, by_room, looks, room_of, table

BENCH = 'process 1:"python -m tests.bench.scoring year"'
SERVICE = f'{BENCH};process 2:"python -m uvicorn services.scoring.app:app --port 1"'
SCORE = "score (services/scoring/update/score.py:57)"
RAW = [
    f"{BENCH};main (tests/bench/scoring.py:9);score (services/scoring/update/score.py:57) 90",
    f"{SERVICE};Config.load_app (uvicorn/config.py:4);import_module (importlib/__init__.py:88) 80",
    f"{SERVICE};lifespan (services/scoring/app.py:40);load (shared/reference/load.py:9) 70",
    f"{SERVICE};{SCORE};Judge.criterion (services/scoring/judging/judge.py:100) 3",
    f"{SERVICE};{SCORE};Judge.criterion (services/scoring/judging/judge.py:120);__new__ (fractions.py:7) 2",
    f"{SERVICE};_read_loop (nats/aio/client.py:5) 5",
]


def of_scoring(*more: str) -> list[Look]:
    return [look for look in looks([*RAW, *more]) if look.program == "scoring"]


def test_the_start_of_a_service_does_not_count_and_the_benchmark_stands_apart() -> None:
    assert [(look.program, look.times) for look in looks(RAW)] == [
        ("bench", 90),
        ("scoring", 3),
        ("scoring", 2),
        ("scoring", 5),
    ]


def test_a_look_counts_in_the_room_of_the_innermost_function() -> None:
    assert by_room(of_scoring()) == {"services/scoring/judging": 3, "Python itself": 2, "nats": 5}


def test_a_look_counts_for_each_function_of_ours_that_was_at_work() -> None:
    functions = by_function(of_scoring())
    assert functions["score (services/scoring/update/score.py)"] == 5
    assert functions["Judge.criterion (services/scoring/judging/judge.py)"] == 5
    assert not any("nats" in name for name in functions)


def test_rooms_are_ours_by_two_folders_and_libraries_by_name() -> None:
    files = ("services/intake/app.py", "shared/nats/publishing.py", "asyncpg/connection.py", "asyncio/events.py")
    assert [room_of(file) for file in files] == ["services/intake", "shared/nats", "asyncpg", "Python itself"]


def test_the_table_leaves_out_small_shares() -> None:
    counted = by_room(of_scoring(f"{SERVICE};tiny (orjson/__init__.py:1) 0"))
    assert table("room", counted, 10, 20).splitlines()[2] == "| nats | 50.0 % |"
    assert "orjson" not in table("room", counted, 10, 20)
