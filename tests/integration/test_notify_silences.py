"""Silences end: what they held back and still holds is told, once, grouped, by whichever process; real parts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from shared.contracts.status import Event
from shared.time import utc_now
from tests.changes import a_problem, a_status_change, changes_of_communes
from tests.forked import copied
from tests.integration.notify_service import NotifyService, texts
from tests.running import Service
from tests.waiting import eventually

OFFICE = "ldtbxh.vanquan@example.vn"
DIVISION = "btxh@example.vn"


async def silenced(notify: NotifyService, hours: float = 1, **match: Any) -> str:
    """Make a silence, by default for everything in Văn Quan; return its path."""
    ends_at = (utc_now() + timedelta(hours=hours)).isoformat()
    wanted = {"match": match or {"under": ["184"]}, "ends_at": ends_at, "reason": "Lũ lớn, đang khắc phục"}
    made = await notify.post("/v1/silences", await notify.key("20"), json=wanted)
    assert made.status_code == 201, made.text
    return f"/v1/silences/{made.json()['id']}"


async def end(notify: NotifyService, path: str) -> None:
    ended = await notify.post(path, await notify.key("20"), "DELETE")
    assert ended.is_success, ended.text


async def let_it_end(notify: NotifyService) -> None:
    """Let all silences reach their end, as if the time had passed."""
    async with notify.engine.begin() as connection:
        await connection.execute(text("UPDATE notify.silence SET ends_at = now()"))


async def all_is_released(notify: NotifyService, alerts: int) -> None:
    """Wait until notify has decided about everything that ended silences held back, and told it."""

    async def nothing_is_held_back() -> bool:
        return not await notify.rows(
            "SELECT 1 FROM notify.mention m JOIN notify.silence s ON s.id = m.because "
            "WHERE m.left_out = 'silenced' AND m.released_at IS NULL AND s.ends_at <= now()"
        )

    await eventually(nothing_is_held_back, explain=lambda: notify.log)
    await notify.settled(alerts)


def later(event: Event, minutes: int = 1) -> Any:
    return a_status_change(event, at=a_status_change().at + timedelta(minutes=minutes))


async def test_what_still_holds_is_told_together_and_once_when_a_silence_is_ended_early(notify: NotifyService) -> None:
    path = await silenced(notify)
    await notify.publish(*changes_of_communes(12))
    await notify.settled(alerts=12)
    assert notify.mails == []
    assert notify.messages == []
    [withheld, *_] = await notify.notices(recipient="district_office@184", status="withheld")
    again = await notify.post(f"/v1/notices/{withheld['id']}/resend", await notify.key("20"))
    assert (again.status_code, again.json()["code"]) == (409, "notice_withheld")
    await end(notify, path)
    await all_is_released(notify, 12)
    assert len(texts(notify, OFFICE)) == 1
    assert len(texts(notify, DIVISION)) == 1
    assert len(notify.messages) == 1
    notices = await notify.notices(recipient="district_office@184")
    sent = [item for item in notices if item["status"] == "sent" and item["branch"] != "silence"]
    assert {len(item["alerts"]) for item in sent} == {12}
    await end(notify, await silenced(notify))  # another silence that held nothing back
    await all_is_released(notify, 12)
    assert len(notify.mails) == 2
    climbing = await notify.rows("SELECT 1 FROM notify.escalation")
    assert len(climbing) == 12, "what is told climbs like everything else"


async def test_the_end_of_a_silence_while_the_service_is_away_is_seen_when_it_is_back(notify: NotifyService) -> None:
    await silenced(notify)
    await notify.publish(a_status_change())
    await notify.settled()
    await notify.kill()
    await let_it_end(notify)
    await notify.start()
    await all_is_released(notify, 1)
    assert len(texts(notify, OFFICE)) == len(texts(notify, DIVISION)) == 1


async def test_of_several_processes_one_tells_it(notify: NotifyService, tmp_path: Path) -> None:
    others = [Service("notify", notify.env, tmp_path / f"other-{number}.log", copied) for number in range(2)]
    try:
        for other in others:
            await other.start()
        path = await silenced(notify)
        await notify.publish(*changes_of_communes(20))
        await notify.settled(alerts=20)
        await end(notify, path)
        await all_is_released(notify, 20)
        await all_is_released(notify, 20)
        told = await notify.rows(
            "SELECT m.alert, n.recipient, n.channel, count(*) FROM notify.mention m "
            "JOIN notify.notice n ON n.id = m.notice "
            "WHERE m.left_out IS NULL AND n.branch <> 'silence' GROUP BY 1, 2, 3"
        )
        assert {row.count for row in told} == {1}
        assert len({row.alert for row in told}) == 20
    finally:
        for other in others:
            await other.stop()


async def test_what_ended_within_the_silence_is_not_told(notify: NotifyService) -> None:
    path = await silenced(notify)
    await notify.publish(a_status_change())
    await notify.settled()
    await notify.publish(later(Event.RECOVERED))
    await notify.settled(alerts=2)
    await end(notify, path)
    await all_is_released(notify, 2)
    assert notify.mails == []


async def test_a_recovery_whose_beginning_was_told_before_the_silence_is_told_after_it(notify: NotifyService) -> None:
    await notify.publish(a_status_change())
    await notify.settled()
    path = await silenced(notify)
    await notify.publish(later(Event.RECOVERED))
    await notify.settled(alerts=2)
    assert len(texts(notify, OFFICE)) == 1
    await end(notify, path)
    await all_is_released(notify, 2)
    assert len(texts(notify, OFFICE)) == 2
    assert len(texts(notify, DIVISION)) == 2


@pytest.mark.parametrize("is_over_first", [True, False])
async def test_a_recovery_after_the_silence_of_what_was_never_told_is_not_told(
    notify: NotifyService, *, is_over_first: bool
) -> None:
    path = await silenced(notify, events=["fell_behind"])
    await notify.publish(a_status_change())
    await notify.settled()
    await notify.publish(later(Event.RECOVERED))  # which the silence does not cover
    await notify.settled(alerts=2)
    if is_over_first:
        await end(notify, path)
        await all_is_released(notify, 2)
    assert notify.mails == []


async def test_a_recovery_that_no_longer_holds_is_not_told(notify: NotifyService) -> None:
    await notify.publish(a_status_change())
    await notify.settled()
    path = await silenced(notify, events=["recovered"])
    await notify.publish(later(Event.RECOVERED))
    await notify.settled(alerts=2)
    await notify.publish(later(Event.FELL_BEHIND, 2))
    await notify.settled(alerts=3)
    before = len(texts(notify, OFFICE))
    await end(notify, path)
    await all_is_released(notify, 3)
    assert len(texts(notify, OFFICE)) == before


async def test_what_another_silence_covers_still_waits_for_the_end_of_that_one(notify: NotifyService) -> None:
    first, second = await silenced(notify), await silenced(notify, under=["06280"])
    await notify.publish(a_status_change())
    await notify.settled()
    await end(notify, first)
    await all_is_released(notify, 1)
    assert notify.mails == []
    await end(notify, second)
    await all_is_released(notify, 1)
    assert len(texts(notify, OFFICE)) == 1


async def test_what_no_branch_groups_is_told_after_the_silence_each_for_itself(notify: NotifyService) -> None:
    path = await silenced(notify)
    disasters = [a_problem(criterion=None, kind="disaster") for _ in range(2)]
    await notify.publish(*disasters)
    await notify.settled(alerts=2)
    assert notify.messages == []
    await end(notify, path)
    await all_is_released(notify, 2)
    told = [
        item
        for item in await notify.notices(limit=500)
        if item["branch"] == "problem-disaster" and item["status"] != "withheld"
    ]
    ways = [(item["recipient"], item["channel"], item["alerts"][0]["alert"]) for item in told]
    assert len(ways) == len(set(ways))
    assert {alert for _, _, alert in ways} == {str(one.id) for one in disasters}


async def test_a_reminder_whose_time_came_within_a_silence_comes_after_it(notify: NotifyService) -> None:
    await notify.publish(a_status_change())
    await notify.settled()
    path = await silenced(notify)
    async with notify.engine.begin() as connection:
        await connection.execute(text("UPDATE notify.gathering SET due_at = now() WHERE due_at IS NOT NULL"))

    async def it_was_held_back() -> bool:
        return bool(await notify.rows("SELECT 1 FROM notify.mention WHERE left_out = 'silenced'"))

    await eventually(it_was_held_back, explain=lambda: notify.log)
    await notify.settled()
    assert len(texts(notify, OFFICE)) == 1
    await end(notify, path)
    await all_is_released(notify, 1)
    assert len(texts(notify, OFFICE)) == 2
    assert "Nhắc lại" in texts(notify, OFFICE)[-1]


# --- what is refused, and the reason --------------------------------------------------------------------------


async def refused(notify: NotifyService, key: str, **fields: Any) -> tuple[int, list[tuple[str, str]]]:
    """Ask for a silence; return the status of the refusal, and its faults."""
    ends_at = (utc_now() + timedelta(hours=1)).isoformat()
    wanted = {"match": {"under": ["184"]}, "ends_at": ends_at, "reason": "Lũ lớn", **fields}
    answer = await notify.post("/v1/silences", key, json=wanted)
    assert answer.is_error, answer.text
    return answer.status_code, [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


async def test_a_silence_that_means_everything_or_nothing_is_refused_with_the_right_reason(
    notify: NotifyService,
) -> None:
    province, district = await notify.key("20"), await notify.key("184")
    assert await refused(notify, province, match={}) == (400, [("/match", "no_condition")])
    assert await refused(notify, district, match={}) == (403, [("/match/under", "own_units_needed")])
    assert await refused(notify, district, match={"under": ["181"]}) == (403, [("/match/under/0", "outside_units")])
    for key in (province, district):
        assert await refused(notify, key, match={"under": ["999"]}) == (422, [("/match/under/0", "unknown_unit")])
    unknown = {"criteria": ["ntm-99"], "cohorts": ["nobody"]}
    assert await refused(notify, province, match=unknown) == (
        400,
        [("/match/criteria/0", "unknown_criterion"), ("/match/cohorts/0", "unknown_cohort")],
    )
    for recipient, code in (
        ("nobody@184", "unknown_role"),
        ("district_office@999", "unknown_unit"),
        ("district_office@20", "no_such_role_here"),
        ("district_office", "bad_recipient"),
        ("webhook@184", "unknown_role"),
    ):
        status = 422 if code == "unknown_unit" else 400
        assert await refused(notify, province, recipient=recipient) == (status, [("/recipient", code)])
    now = utc_now()
    for times, code in (
        ({"ends_at": (now - timedelta(hours=1)).isoformat()}, "end_has_passed"),
        ({"ends_at": (now + timedelta(days=32)).isoformat()}, "end_too_late"),
        (
            {
                "starts_at": (now + timedelta(days=2)).isoformat(),
                "ends_at": (now + timedelta(days=1)).isoformat(),
            },
            "bad_times",
        ),
    ):
        assert await refused(notify, province, **times) == (400, [("/ends_at", code)])
    assert (await notify.get("/v1/silences", province)).json()["items"] == []


async def test_who_may_not_end_a_silence_and_who_comes_too_late_is_told_why(notify: NotifyService) -> None:
    province, district = await notify.key("20"), await notify.key("184")
    of_all = await silenced(notify, events=["fell_behind"])
    answer = await notify.post(of_all, district, "DELETE")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "anothers_silence")
    of_another = await silenced(notify, under=["181"])
    answer = await notify.post(of_another, district, "DELETE")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "anothers_silence")
    await end(notify, of_all)
    assert (await notify.post(of_all, province, "DELETE")).json()["code"] == "silence_ended"
    nobody_s = "/v1/silences/00000000-0000-0000-0000-000000000000"
    assert (await notify.post(nobody_s, province, "DELETE")).status_code == 404
    everything_of_one = {"match": {}, "recipient": "district_office@184", "reason": "Cả phòng nghỉ"}
    wanted = {**everything_of_one, "ends_at": (utc_now() + timedelta(hours=1)).isoformat()}
    assert (await notify.post("/v1/silences", province, json=wanted)).status_code == 201


async def test_a_subscription_to_what_does_not_exist_is_refused(notify: NotifyService) -> None:
    wanted = {"url": "https://system.example.vn/hook", "unit": "184", "match": {"criteria": ["ntm-99"]}}
    answer = await notify.post("/v1/subscriptions", await notify.key("184"), json=wanted)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_criterion")
