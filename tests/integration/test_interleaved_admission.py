"""Two processes of intake decide about the same submission, or use one `Idempotency-Key`, at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from nats.aio.msg import Msg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake.admission import history_reader
from services.intake.admission.accept import Admission, content_digest
from services.intake.admission.candidate import Posted
from services.intake.admission.group_commit import GroupCommit
from services.intake.doors.reviews import Decision, review
from services.intake.doors.withdrawals import withdraw
from services.intake.dossiers import history, scoring_judgement
from services.intake.dossiers.take_step import Step, take_step
from services.intake.projection import read_after_write
from services.intake.projection.scoring_progress import ScoringProgress
from services.intake.service import FILLED, Intake
from services.intake.storage import receipts
from services.intake.storage.tables import ParkedRow
from shared.access.authenticator import Authenticator
from shared.access.caller import EVERYTHING, Caller
from shared.contracts import subjects
from shared.contracts.dossier import DossierEntry
from shared.contracts.judgement import Judgement
from shared.contracts.submission import Receipt
from shared.problems import Problem, Problems
from shared.reference.load import load
from shared.service.parking import ParkingPlace
from shared.service.proof import Proof
from shared.service.runtime import background
from shared.service.wholeness import Wholeness
from tests.builders import a_posted_submission
from tests.integration.test_reviews import BORDER, post, receipt
from tests.interleaving import Work, engine_of, interleaved
from tests.running import Service, Surroundings
from tests.runtimes import a_runtime
from tests.waiting import eventually

REFERENCE = load()
DISTRICT = Caller("district", ("180",), (EVERYTHING,), "k1")
OTHER_DISTRICT = Caller("other-district", ("180",), (EVERYTHING,), "k2")
PROVINCE = Caller("province", ("20",), (EVERYTHING,), "k3")
COMMUNE = Caller("commune", (BORDER,), (EVERYTHING,), "k4")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process waits while another one, a test's lock or a busy machine takes its time."""
    monkeypatch.setattr(history_reader, "_SECONDS", 60)
    monkeypatch.setattr(read_after_write, "_PATIENCE_SECONDS", 60)
    monkeypatch.setattr(history, "_PATIENCE_SECONDS", 60)
    monkeypatch.setattr(scoring_judgement, "JUDGEMENT_SECONDS", 60)


type Outcome = dict[str, Any] | str
"""The record that a request was answered with, or the code of its problem."""


@asynccontextmanager
async def intake_over(around: Surroundings, engine: AsyncEngine) -> AsyncIterator[Intake]:
    """Yield the doors and the admission of a process of intake, without its projections."""
    runtime = a_runtime(around, engine, REFERENCE, await Proof.of(engine, around.nats))
    group_commit = GroupCommit(runtime)
    async with background(group_commit.run()):
        yield Intake(
            runtime,
            engine.execution_options(isolation_level="AUTOCOMMIT"),
            Authenticator(engine),
            Admission(runtime, group_commit),
            ScoringProgress(runtime),
            ParkingPlace(engine, ParkedRow),
            Wholeness(runtime, "intake", FILLED, ParkedRow),
        )


def by_a_process(around: Surroundings, door: Callable[[Intake], Awaitable[Any]]) -> Work[Outcome]:
    """Return the work of a process of its own that answers a request. That it could not is a failure of the test."""

    async def work(engine: AsyncEngine) -> Outcome:
        async with intake_over(around, engine) as intake:
            try:
                record = await door(intake)
            except Problem as problem:
                if problem.kind is Problems.UNAVAILABLE:
                    raise
                return problem.kind.code
        return record if isinstance(record, dict) else record.model_dump(mode="json")

    return work


def reviewing(around: Surroundings, caller: Caller, submission: str, decision: str) -> Work[Outcome]:
    reason = "Chưa đủ chữ ký." if decision == "returned" else None
    wish = Decision.model_validate({"decision": decision, "reason": reason})
    return by_a_process(around, lambda intake: review(intake, Posted(caller), UUID(submission), wish))


def withdrawing(around: Surroundings, caller: Caller, submission: str) -> Work[Outcome]:
    return by_a_process(around, lambda intake: withdraw(intake, caller, UUID(submission), "Gửi nhầm xã.", None))


def accepting(around: Surroundings, key: str, *items: dict[str, Any], whole: bool = False) -> Work[Outcome]:
    posted = Posted(COMMUNE_OF_ALL, request=key, request_digest=content_digest(repr(items).encode()))

    async def door(intake: Intake) -> dict[str, Any]:
        accept = intake.admission.accept_whole if whole else intake.admission.accept
        outcomes = await accept(list(items), posted)
        return {"items": [str(one.id) if isinstance(one, Receipt) else one.kind.code for one in outcomes]}

    return by_a_process(around, door)


COMMUNE_OF_ALL = Caller("all", ("20",), (EVERYTHING,), "k5")


@pytest.fixture(scope="module")
async def reported(shared_around: Surroundings, shared_intake: Service) -> Callable[[str], Awaitable[str]]:
    key = await shared_around.key("20", agency="commune")

    async def send(period: str) -> str:
        readings = {"households": 1000, "poor_households": 100, "near_poor_households": 0}
        item = a_posted_submission(unit=BORDER, period=period, readings=readings, confirmed=True)
        submission = await post(shared_intake, key, item)
        await receipt(shared_intake, key, submission)
        return submission

    return send


def codes(outcomes: tuple[Outcome, Outcome]) -> list[str]:
    """Return the decisions that were made, and the codes of problems."""
    return sorted(one if isinstance(one, str) else one["decision"] for one in outcomes)


async def decisions_about(around: Surroundings, submission: str) -> list[str]:
    reviews = await around.published(subjects.ALL_REVIEWS)
    return [
        data for one in reviews if submission in (data := one.data.decode()) and f'"submission":"{submission}"' in data
    ]


_LAST_LOOK = "FROM intake.withdrawal"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((DISTRICT, "verified"), (PROVINCE, "returned")),
        ((PROVINCE, "returned"), (DISTRICT, "verified")),
        ((DISTRICT, "returned"), (PROVINCE, "returned")),
        ((DISTRICT, "verified"), (OTHER_DISTRICT, "verified")),
        ((DISTRICT, "verified"), (PROVINCE, "confirmed")),
        ((PROVINCE, "confirmed"), (DISTRICT, "returned")),
    ],
)
async def test_of_two_offices_that_decide_about_a_submission_at_once_one_does(
    shared_around: Surroundings,
    reported: Callable[[str], Awaitable[str]],
    first: tuple[Caller, str],
    second: tuple[Caller, str],
) -> None:
    submission = await reported(next(_periods))
    outcomes = await interleaved(
        shared_around.settings,
        reviewing(shared_around, first[0], submission, first[1]),
        reviewing(shared_around, second[0], submission, second[1]),
        before=_LAST_LOOK,
        nth=2,
    )
    assert outcomes == ("reviewed", outcomes[1])
    assert not isinstance(outcomes[1], str)
    assert outcomes[1]["decision"] == second[1]
    assert len(await decisions_about(shared_around, submission)) == 1


_periods = iter([f"20{year}-{month:02}" for year in range(20, 23) for month in range(1, 13)])


async def test_the_same_decision_of_an_office_at_once_is_one(
    shared_around: Surroundings, reported: Callable[[str], Awaitable[str]]
) -> None:
    for decision in ("verified", "returned"):
        submission = await reported(next(_periods))
        work = reviewing(shared_around, DISTRICT, submission, decision)
        one, other = await interleaved(shared_around.settings, work, work, before=_LAST_LOOK, nth=2)
        assert one == other
        assert not isinstance(one, str)
        assert len(await decisions_about(shared_around, submission)) == 1


async def test_decisions_about_two_submissions_of_a_commune_at_once_are_both_made(
    shared_around: Surroundings, reported: Callable[[str], Awaitable[str]]
) -> None:
    for first, second in (("verified", "verified"), ("returned", "verified"), ("verified", "returned")):
        one, other = await reported(next(_periods)), await reported(next(_periods))
        outcomes = await interleaved(
            shared_around.settings,
            reviewing(shared_around, DISTRICT, one, first),
            reviewing(shared_around, PROVINCE, other, second),
            before=_LAST_LOOK,
            nth=2,
        )
        assert codes(outcomes) == sorted([first, second])


async def test_who_withdraws_a_figure_that_is_verified_meanwhile_needs_the_right_to(
    shared_around: Surroundings, reported: Callable[[str], Awaitable[str]]
) -> None:
    submission = await reported(next(_periods))
    outcomes = await interleaved(
        shared_around.settings,
        withdrawing(shared_around, COMMUNE, submission),
        reviewing(shared_around, DISTRICT, submission, "verified"),
        before=_LAST_LOOK,
        nth=2,
    )
    assert outcomes[0] == "out_of_scope"
    assert not isinstance(outcomes[1], str)


async def test_what_is_verified_while_it_is_withdrawn_is_withdrawn(
    shared_around: Surroundings, shared_intake: Service, reported: Callable[[str], Awaitable[str]]
) -> None:
    submission = await reported(next(_periods))
    verified, withdrawn = await interleaved(
        shared_around.settings,
        reviewing(shared_around, DISTRICT, submission, "verified"),
        withdrawing(shared_around, COMMUNE, submission),
        before=_LAST_LOOK,
        nth=2,
    )
    assert not isinstance(verified, str)
    assert not isinstance(withdrawn, str)
    key = await shared_around.key("20", agency="reader")
    assert (await withdrawal_shown(shared_intake, key, verified["result"]))["reason"] == "Gửi nhầm xã."
    again = reviewing(shared_around, PROVINCE, verified["result"], "confirmed")
    assert await again(shared_around.engine) == "withdrawn"


async def withdrawal_shown(service: Service, key: str, submission: str) -> dict[str, Any]:
    """Return the withdrawal on a receipt, once it has come to the tables."""

    async def shown() -> Any:
        return (await receipt(service, key, submission))["withdrawal"]

    withdrawal: dict[str, Any] = await eventually(shown)
    return withdrawal


@asynccontextmanager
async def submissions_behind(around: Surroundings) -> AsyncIterator[None]:
    """Let no submission come to the tables, while reviews and withdrawals do."""
    async with around.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE intake.submission IN SHARE MODE"))
        yield


async def review_shown(around: Surroundings, submission: str) -> None:
    async def is_shown() -> bool:
        async with around.engine.connect() as connection:
            return bool((await receipts.reviews_of(connection, [UUID(submission)]))[UUID(submission)])

    await eventually(is_shown)


@pytest.mark.parametrize("stage", ["verified", "confirmed"])
async def test_a_figure_whose_next_stage_is_not_in_the_tables_yet_is_not_returned(
    shared_around: Surroundings, reported: Callable[[str], Awaitable[str]], stage: str
) -> None:
    submission = await reported(next(_periods))
    return_it = reviewing(shared_around, DISTRICT, submission, "returned")
    async with submissions_behind(shared_around):
        raised = await reviewing(shared_around, PROVINCE, submission, stage)(shared_around.engine)
        assert isinstance(raised, dict)
        await review_shown(shared_around, submission)
        returned = asyncio.ensure_future(return_it(shared_around.engine))
        await asyncio.wait([returned], timeout=1)
    assert await returned == "reviewed"
    assert len(await decisions_about(shared_around, submission)) == 1


async def test_what_an_office_made_of_a_submission_is_withdrawn_with_it_though_it_is_not_in_the_tables_yet(
    shared_around: Surroundings, shared_intake: Service, reported: Callable[[str], Awaitable[str]]
) -> None:
    submission = await reported(next(_periods))
    withdraw_it = withdrawing(shared_around, PROVINCE, submission)
    async with submissions_behind(shared_around):
        verified = await reviewing(shared_around, DISTRICT, submission, "verified")(shared_around.engine)
        assert isinstance(verified, dict)
        await review_shown(shared_around, submission)
        withdrawn = asyncio.ensure_future(withdraw_it(shared_around.engine))
        await asyncio.wait([withdrawn], timeout=1)
    assert isinstance(await withdrawn, dict)
    key = await shared_around.key("20", agency="reader")
    assert (await withdrawal_shown(shared_intake, key, verified["result"]))["reason"] == "Gửi nhầm xã."


def a_figure(unit: str, period: str, children: int = 20) -> dict[str, Any]:
    return {"unit": unit, "period": period, "readings": {"children_six": children}}


_BEFORE_DECIDING = "FROM intake.submission"
"""The look for earlier requests with the key. No process brings anything to the tables, so it finds none."""


@pytest.mark.parametrize("whole", [False, True])
async def test_of_two_arrays_with_one_key_at_once_one_is_accepted(around: Surroundings, whole: bool) -> None:
    key, period = str(uuid4()), next(_periods)
    first = [a_figure("06256", period), a_figure("06268", period), a_figure("06274", period)]
    second = [a_figure("06277", period), a_figure("06280", period)]
    before = await around.stored(subjects.SUBMISSIONS_STREAM)
    one, other = await interleaved(
        around.settings,
        accepting(around, key, *first, whole=whole),
        accepting(around, key, *second, whole=whole),
        before=_BEFORE_DECIDING,
    )
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    assert one["items"] == ["key_used"] * 3
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == before + 2
    assert len({UUID(item) for item in other["items"]}) == 2


async def test_of_an_array_and_a_longer_one_with_one_key_in_one_process_one_is_accepted(around: Surroundings) -> None:
    key, period = str(uuid4()), next(_periods)
    before = await around.stored(subjects.SUBMISSIONS_STREAM)
    item = a_figure("06256", period)
    async with intake_over(around, around.engine) as intake:
        bodies = [[item], [a_figure("06268", period), a_figure("06274", period)]]
        posts = [
            Posted(COMMUNE_OF_ALL, request=key, request_digest=content_digest(repr(body).encode())) for body in bodies
        ]
        outcomes = await asyncio.gather(
            *(intake.admission.accept(body, posted) for body, posted in zip(bodies, posts, strict=True))
        )
        late = await intake.admission.accept(bodies[1], posts[1])
    assert isinstance(outcomes[0][0], Receipt)
    for refused in (*outcomes[1], *late):
        assert isinstance(refused, Problem)
        assert refused.kind.code == "key_used"
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == before + 1


async def test_the_same_array_with_one_key_at_once_gets_the_same_receipts(around: Surroundings) -> None:
    period = next(_periods)
    items = [a_figure("06256", period), a_figure("06268", period), a_figure("06274", period)]
    work = accepting(around, str(uuid4()), *items)
    before = await around.stored(subjects.SUBMISSIONS_STREAM)
    one, other = await interleaved(around.settings, work, work, before=_BEFORE_DECIDING)
    assert one == other
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == before + 3


async def test_an_item_that_was_refused_at_first_is_accepted_when_the_request_is_repeated(around: Surroundings) -> None:
    """The key is the request's own, so that it stands in the way of no item that came not through at first."""
    key, period = str(uuid4()), next(_periods)
    contradicts = {"unit": "06268", "period": period, "readings": {"poor_households": 900}}
    whole = {"unit": "06268", "period": period, "readings": {"households": 300}}
    work = accepting(around, key, a_figure("06256", period), contradicts)
    sent = await accepting(around, str(uuid4()), whole)(around.engine)
    first = await work(around.engine)
    larger = accepting(
        around, str(uuid4()), {**whole, "revision": 2, "readings": {"households": 1000}, "confirmed": True}
    )
    assert isinstance(await larger(around.engine), dict)
    second = await work(around.engine)
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert isinstance(sent, dict)
    assert (first["items"][0], first["items"][1]) == (second["items"][0], "refused")
    assert UUID(second["items"][1])


async def test_of_two_steps_of_a_dossier_with_one_key_at_once_one_is_taken(
    around: Surroundings, intake: Service
) -> None:
    unit, ntm, event_id = REFERENCE.units.known("06280")[-1], REFERENCE.sets["ntm"], uuid4()
    # both processes stand before the first one asks scoring, whose answer it does not await for long
    stands: asyncio.Queue[None] = asyncio.Queue()

    def step(person: str, may_begin: asyncio.Event) -> Work[Outcome]:
        answers = [{"criterion": "ntm-11", "yes": True, "note": "Đã kiểm tra."}]
        entry = DossierEntry.model_validate({"step": "self_assessed", "person": person, "answers": answers})

        async def door(process: Intake) -> dict[str, Any]:
            stands.put_nowait(None)
            await may_begin.wait()
            steps = await take_step(process, Posted(PROVINCE), Step(unit, ntm, entry, event_id))
            return {"persons": [taken.person for taken in steps]}

        return by_a_process(around, door)

    # scoring is asked between the look at the dossier and the step; it answers the first when the second has its answer
    asked: asyncio.Queue[Msg] = asyncio.Queue()
    await around.nats.subscribe(subjects.JUDGEMENT, cb=asked.put)
    judgement = Judgement(criteria=[], recognitions=[]).model_dump_json().encode()
    async with engine_of(around.settings, "first") as one, engine_of(around.settings, "second") as two:
        begins, follows = asyncio.Event(), asyncio.Event()
        first = asyncio.ensure_future(step("Lò Thị Mai", begins)(one))
        second = asyncio.ensure_future(step("Hoàng Văn Nam", follows)(two))
        for _ in range(2):
            await stands.get()
        begins.set()
        first_question = await asked.get()
        follows.set()
        await (await asked.get()).respond(judgement)
        assert await second == {"persons": ["Hoàng Văn Nam"]}
        await first_question.respond(judgement)

        async def answer_again() -> None:
            while True:  # until the tables hold the second one's step, the first may ask once more
                await (await asked.get()).respond(judgement)

        async with background(answer_again()):
            assert await first == "key_used"
    assert len(await around.published(subjects.ALL_DOSSIERS)) == 1
