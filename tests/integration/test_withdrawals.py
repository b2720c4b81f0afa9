"""Withdrawals: a figure is taken back, in any order, and verdicts, sums, receipts and the past follow."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.scoring.judging.changes import Moment
from services.scoring.storage.tables import SubmissionRow, TakenBackRow
from services.scoring.update.arrivals import Arrival
from services.scoring.update.rebuild import rebuild
from services.scoring.update.score import score
from services.scoring.update.take_back import take_back, taking_back_of
from services.scoring.update.transaction import Transaction
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission, Review, Withdrawal
from shared.nats.cloud_events import Message, cloud_event
from shared.nats.publishing import publish
from shared.stable_id import stable_id
from tests.binding_plan import binding_plans, binding_reference
from tests.builders import as_published
from tests.integration.test_reviews import decided, post, poverty, receipt, reviewed
from tests.integration.test_scoring import BORDER, changes, count, no_target_moved, poverty_report
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")


def a_withdrawal(of: AcceptedSubmission, on: date = START) -> Message:
    """Build the message by which a submission is withdrawn."""
    withdrawal = Withdrawal(
        id=stable_id(of.id, "withdrawn"),
        submission=of.id,
        reason="Gửi nhầm xã.",
        agency="district-180",
        at=datetime(on.year, on.month, on.day, 5, tzinfo=UTC),
        unit=of.unit,
        period=of.period,
    )
    subject = subjects.withdrawal(of.district, of.unit)
    body = withdrawal.model_dump_json().encode()
    return cloud_event(
        subject, body, event_id=withdrawal.id, kind="submission.withdrawn", source="intake", at=withdrawal.at
    )


def a_return(of: AcceptedSubmission) -> Message:
    """Build the message by which a submission is returned to its sender."""
    review = Review(
        id=stable_id(of.id, "returned", "province"),
        submission=of.id,
        decision="returned",
        reason="Chưa trừ 3 hộ.",
        agency="province",
        at=datetime(2023, 6, 30, 6, tzinfo=UTC),
        unit=of.unit,
        period=of.period,
    )
    subject = subjects.review(of.district, of.unit)
    body = review.model_dump_json().encode()
    return cloud_event(subject, body, event_id=review.id, kind="submission.returned", source="intake", at=review.at)


async def settled(around: Surroundings, submissions: int, takings: int) -> None:
    """Wait until scoring has taken everything into account."""

    async def is_settled() -> bool:
        counted = await count(around, SubmissionRow), await count(around, TakenBackRow)
        return counted == (submissions, takings) and await no_target_moved(around)

    await eventually(is_settled)


async def standing(around: Surroundings, service: str = "scoring", element: str = "poor_households") -> dict[str, int]:
    """Return the figures of an element by period."""
    query = text(f"SELECT period, value FROM {service}.reading WHERE element = :element")  # noqa: S608 - ours
    async with around.engine.connect() as connection:
        return {row.period: int(row.value) for row in await connection.execute(query, {"element": element})}


async def verdict(scoring: Service, key: str, **asked: Any) -> Any:
    """Return the status of criterion 11 in the commune, and its value."""
    async with scoring.client(key) as client:
        statuses = (await client.get(f"/v1/communes/{BORDER}", params=asked)).json()["statuses"]
    found = [one["assessment"] for one in statuses if one["criterion"]["key"] == "ntm-11"]
    return found[0] if found else None


async def test_a_withdrawn_figure_counts_no_longer_and_what_stood_before_stands_again(
    around: Surroundings, scoring: Service
) -> None:
    baseline, right = poverty_report("2022-12", 200), poverty_report("2023-05", 164)
    wrong, later = poverty_report("2023-05", 90, revision=2), poverty_report("2023-06", 80)
    await publish(around.nats, [as_published(one) for one in (baseline, right, wrong, later)])
    await settled(around, 4, 0)
    assert (await changes(around))[-1]["after"] == "met"

    await publish(around.nats, [a_withdrawal(later), a_withdrawal(wrong)])
    await settled(around, 4, 2)
    assert await standing(around) == {"2022-12": 200, "2023-05": 164}
    told = (await changes(around))[-1]
    assert (told["event"], told["before"], told["after"]) == ("changed", "met", "on_track")
    assert told["cause"] == "withdrawal"
    assert told["submission"] in (str(later.id), str(wrong.id))
    sums = await changes(around, subjects.ALL_TARGETS)
    assert {one["event"] for one in sums if one["cause"] == "withdrawal"} <= {"changed"}
    assert (await rebuild(around.engine, around.nats, binding_plans(), START)).differences == []


async def test_the_last_figure_withdrawn_leaves_no_data_and_the_report_is_overdue_again(
    around: Surroundings, scoring: Service
) -> None:
    await around.set_day(date(2023, 7, 20))
    wrong = poverty_report("2023-06", 90, date(2023, 7, 1))
    await publish(around.nats, [as_published(wrong)])
    await settled(around, 1, 0)
    await publish(around.nats, [a_withdrawal(wrong, date(2023, 7, 20))])
    await settled(around, 1, 1)
    assert await standing(around) == {}
    told = await changes(around)
    assert told[-1]["after"] == "no_data"
    assert not {"lost", "fell_behind"} & {one["event"] for one in told if one["cause"] == "withdrawal"}
    assert (await rebuild(around.engine, around.nats, binding_plans(), date(2023, 7, 20))).differences == []


def arrived(body: bytes) -> Arrival:
    return Arrival(AcceptedSubmission.model_validate_json(body), body=body.decode())


async def test_the_order_of_arrival_changes_nothing(around: Surroundings) -> None:
    first, second = poverty_report("2023-05", 164), poverty_report("2023-05", 90, revision=2)
    third, verified = poverty_report("2023-05", 150, revision=3), poverty_report("2023-05", 90, stage="verified")
    verified = verified.model_copy(update={"reviews": second.id})
    messages = [*map(as_published, (first, second, third, verified)), a_withdrawal(second), a_withdrawal(third)]
    moment = Moment(on=START, at=datetime(2023, 6, 30, 8, tzinfo=UTC))
    for order in itertools.islice(itertools.permutations(messages), 0, None, 13):
        async with around.engine.connect() as connection:
            transaction = Transaction(connection, binding_reference(), moment)
            for message in order:
                if subjects.is_in(message.subject, subjects.ALL_SUBMISSIONS):
                    await score(transaction, [arrived(message.body)])
                else:
                    taking = taking_back_of(message.subject, message.body)
                    assert taking
                    await take_back(transaction, [taking])
            rows = await connection.execute(
                text("SELECT element, period, value, revision, submission FROM scoring.reading")
            )
            assert {row.submission for row in rows} == {first.id}
            statuses = await connection.execute(text("SELECT criterion, status FROM scoring.status"))
            assert ("ntm-11", "no_data") not in [tuple(row) for row in statuses]
            await connection.rollback()


async def test_a_withdrawal_that_comes_before_its_submission_twice_keeps_the_figure_out(
    around: Surroundings, scoring: Service
) -> None:
    wrong = poverty_report("2023-05", 90)
    withdrawal = a_withdrawal(wrong)
    again = {name: value for name, value in withdrawal.headers.items() if name != "Nats-Msg-Id"}
    await publish(around.nats, [withdrawal])
    await publish(around.nats, [Message(withdrawal.subject, withdrawal.body, again)])
    await settled(around, 0, 1)
    await publish(around.nats, [as_published(wrong)])
    await settled(around, 1, 1)
    assert await standing(around) == {}
    assert (await rebuild(around.engine, around.nats, binding_plans(), START, switch=True)).differences == []


async def test_the_past_shows_the_figure_until_the_day_on_which_it_was_withdrawn(
    around: Surroundings, scoring: Service
) -> None:
    await around.set_day(date(2023, 8, 10))
    baseline = poverty_report("2022-12", 200, date(2023, 1, 10))
    wrong = poverty_report("2023-05", 90, date(2023, 6, 5))
    await publish(around.nats, [as_published(baseline), as_published(wrong), a_withdrawal(wrong, date(2023, 8, 1))])
    await settled(around, 2, 1)
    key = await around.key("20", agency="province")
    assert (await verdict(scoring, key))["status"] == "behind"
    assert (await verdict(scoring, key, as_of="2023-07-31"))["status"] == "met"
    assert (await verdict(scoring, key, as_of="2023-08-01"))["status"] == "behind"


async def test_a_returned_figure_says_so_where_reported_figures_count(around: Surroundings, scoring: Service) -> None:
    reported = poverty_report("2023-05", 90)
    await publish(around.nats, [as_published(poverty_report("2022-12", 200)), as_published(reported)])
    await settled(around, 2, 0)
    await publish(around.nats, [a_return(reported)])
    await settled(around, 2, 1)
    shown = await verdict(scoring, await around.key("20", agency="province"))
    assert shown["status"] == "met"
    remarks = {one["detail"]["vi"] for part in shown["parts"] for one in part["warnings"]}
    assert remarks == {"province đã trả lại số liệu này để sửa: Chưa trừ 3 hộ."}
    assert (await rebuild(around.engine, around.nats, binding_plans(), START)).differences == []


@pytest.fixture(scope="module")
async def commune(shared_around: Surroundings) -> str:
    return await shared_around.key(BORDER, agency="commune")


@pytest.fixture(scope="module")
async def district(shared_around: Surroundings) -> str:
    return await shared_around.key("180", agency="district")


async def withdraw(service: Service, key: str, submission_id: str, reason: str = "Gửi nhầm xã.") -> tuple[int, Any]:
    async with service.client(key) as client:
        answer = await client.post(f"/v1/submissions/{submission_id}/withdraw", json={"reason": reason})
    return answer.status_code, answer.json()


async def withdrawn(service: Service, key: str, submission_id: str) -> Any:
    """Wait until the receipt shows the withdrawal."""

    async def look() -> Any:
        found = await receipt(service, key, submission_id)
        return found if found["withdrawal"] else None

    return await eventually(look)


async def test_a_sender_withdraws_with_a_reason_and_the_same_again_gets_the_first_record(
    shared_around: Surroundings, shared_intake: Service, commune: str
) -> None:
    first = await post(shared_intake, commune, poverty(200, "2022-01"))
    wrong = await post(shared_intake, commune, poverty(190, "2022-01", revision=2))
    answers = await asyncio.gather(*(withdraw(shared_intake, commune, wrong, f"lần {n}") for n in range(5)))
    assert {status for status, _ in answers} == {202}
    assert len({record["reason"] for _, record in answers}) == 1
    tracked = await withdrawn(shared_intake, commune, wrong)
    assert tracked["withdrawal"] == answers[0][1]
    assert tracked["submission"]["readings"]["poor_households"] == 190
    assert (await receipt(shared_intake, commune, first))["withdrawal"] is None
    assert (await standing(shared_around, "intake"))["2022-01"] == 200
    assert (await withdraw(shared_intake, commune, wrong, "muộn"))[1] == answers[0][1]


async def test_what_was_withdrawn_does_not_come_back_by_a_repeated_request_and_its_number_is_free(
    shared_intake: Service, commune: str
) -> None:
    await post(shared_intake, commune, poverty(200, "2022-02"))
    wrong = poverty(190, "2022-02", revision=2)
    sent = await post(shared_intake, commune, wrong)
    assert (await withdraw(shared_intake, commune, sent))[0] == 202
    await withdrawn(shared_intake, commune, sent)
    async with shared_intake.client(commune) as client:
        refused = await client.post("/v1/submissions", json=wrong)
    assert (refused.status_code, refused.json()["code"]) == (409, "withdrawn")
    assert "lần 3" in refused.json()["errors"][0]["detail"]
    await post(shared_intake, commune, poverty(195, "2022-02", revision=2))
    await post(shared_intake, commune, poverty(190, "2022-02", revision=3))


async def test_rights_follow_sending_and_reviewing(
    shared_around: Surroundings, shared_intake: Service, commune: str, district: str
) -> None:
    stranger = await shared_around.key("184", agency="stranger")
    neighbour = await shared_around.key(BORDER, agency="neighbour")
    sent = await post(shared_intake, commune, poverty(200, "2022-03"))
    assert (await withdraw(shared_intake, stranger, sent))[0] == 404
    assert (await withdraw(shared_intake, neighbour, sent))[0] == 403
    assert (await withdraw(shared_intake, commune, sent, "   "))[0] == 422
    made = (await decided(shared_intake, district, sent, "verified"))["result"]
    await reviewed(shared_intake, commune, sent)
    status, problem = await withdraw(shared_intake, commune, sent)
    assert (status, problem["errors"][0]["code"]) == (403, "raised_by_others")
    assert (await withdraw(shared_intake, district, sent))[0] == 202
    for one in (sent, made):
        await withdrawn(shared_intake, district, one)
    assert "2022-03" not in await standing(shared_around, "intake")
    async with shared_intake.client(district) as client:
        answer = await client.post(f"/v1/submissions/{sent}/review", json={"decision": "verified"})
    assert (answer.status_code, answer.json()["code"]) == (409, "withdrawn")


async def test_a_verification_that_is_withdrawn_leaves_what_was_reported(
    shared_around: Surroundings, shared_intake: Service, commune: str, district: str
) -> None:
    sent = await post(shared_intake, commune, poverty(200, "2022-04"))
    made = (await decided(shared_intake, district, sent, "verified"))["result"]
    assert (await withdraw(shared_intake, district, made))[0] == 202
    await withdrawn(shared_intake, district, made)
    query = text("SELECT stage FROM intake.reading WHERE period = '2022-04' AND element = 'poor_households'")
    async with shared_around.engine.connect() as connection:
        assert await connection.scalar(query) == "reported"


async def test_the_log_and_the_receipts_still_agree(
    shared_around: Surroundings, shared_intake: Service, shared_scoring: Service, commune: str
) -> None:
    sent = await post(shared_intake, commune, poverty(200, "2022-05"))
    await withdraw(shared_intake, commune, sent)
    await withdrawn(shared_intake, commune, sent)

    async def is_scored() -> bool:
        async with shared_around.engine.connect() as connection:
            query = text("SELECT count(*) FROM scoring.taken_back WHERE submission = :id")
            return bool(await connection.scalar(query, {"id": UUID(sent)}))

    await eventually(is_scored)
    await shared_around.ntm("audit", "verify", status=0)


async def test_a_status_begins_later_when_the_earlier_of_two_reports_is_withdrawn_on_the_day_of_the_later(
    around: Surroundings,
) -> None:
    day = date(2023, 7, 3)
    earlier, later = poverty_report("2023-06", 300), poverty_report("2023-06", 290, day, revision=2)
    withdrawal = a_withdrawal(earlier, day)
    await publish(around.nats, [as_published(earlier), as_published(later), withdrawal])
    for on, report in ((START, earlier), (day, later)):
        async with around.engine.begin() as connection:
            transaction = Transaction(connection, binding_reference(), Moment(on, report.received_at))
            await score(transaction, [arrived(report.model_dump_json().encode())])
    async with around.engine.begin() as connection:
        taking = taking_back_of(withdrawal.subject, withdrawal.body)
        assert taking
        await take_back(Transaction(connection, binding_reference(), Moment(day, taking.at)), [taking])
    compared = await rebuild(around.engine, around.nats, binding_plans(), day)
    assert [difference for difference in compared.differences if difference.startswith("status")] == []
