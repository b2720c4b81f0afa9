"""A commune is recognised step by step, by the offices whose turn it is, and may lose the recognition again."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import httpx
from sqlalchemy import text

from shared.contracts import subjects
from shared.contracts.dossier import DossierLogged
from shared.reference.load import load
from tests.integration.test_scoring import poverty_report, put_on_stream
from tests.running import Service, Surroundings
from tests.waiting import eventually

REFERENCE = load()
NTM = [f"ntm-{criterion.number}" for criterion in REFERENCE.sets["ntm"].criteria]
ADVANCED = [f"advanced-{criterion.number}" for criterion in REFERENCE.sets["advanced"].criteria]
DECISION = {"number": "2145/QĐ-UBND", "date": "2023-06-28"}
BORDER = "06004"


class Office:
    """An office with its key."""

    def __init__(self, intake: Service, key: str, unit: str = "06280", criteria_set: str = "ntm") -> None:
        self.intake, self.key, self.path = intake, key, f"/v1/dossiers/{unit}/{criteria_set}"

    async def post(self, step: str, *, key: str | None = None, **content: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        async with self.intake.client(self.key) as client:
            return await client.post(self.path, json={"step": step, **content}, headers=headers)

    async def takes(self, step: str, **content: Any) -> Any:
        answer = await self.post(step, **content)
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def is_refused(self, status: int, step: str, **content: Any) -> Any:
        answer = await self.post(step, **content)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def looks(self) -> Any:
        async with self.intake.client(self.key) as client:
            answer = await client.get(self.path)
        assert answer.status_code == 200, answer.text
        return answer.json()


def yes(*criteria: str, note: str | None = None) -> list[dict[str, Any]]:
    return [{"criterion": criterion, "yes": True, "note": note} for criterion in criteria or NTM]


async def offices(
    around: Surroundings, intake: Service, unit: str = "06280", criteria_set: str = "ntm", district: str = "184"
) -> tuple[Office, Office, Office]:
    """Return the offices of the commune, its district, and the province."""
    keys = [await around.key(code, agency=f"office-{code}") for code in (unit, district, "20")]
    commune, of_district, province = (Office(intake, key, unit, criteria_set) for key in keys)
    return commune, of_district, province


async def appraised(commune: Office, district: Office, province: Office, criteria: list[str] = NTM) -> None:
    for office, step in ((commune, "self_assessed"), (district, "verified"), (province, "appraised")):
        await office.takes(step, answers=yes(*criteria))


async def events(around: Surroundings, unit: str, district: str = "184") -> list[DossierLogged]:
    return [
        DossierLogged.model_validate_json(message.data)
        for message in await around.published(subjects.dossier(district, unit))
    ]


async def recognised(scoring: Service, key: str, unit: str, criteria_set: str = "ntm") -> Any:
    async with scoring.client(key) as client:
        found = (await client.get("/v1/recognitions", params={"set": criteria_set})).json()["items"]
    return next(one["recognition"] for one in found if one["unit"]["code"] == unit)


async def test_a_commune_is_recognised_by_all_steps_and_scoring_knows_it(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    commune, district, province = await offices(around, intake)
    begun = await commune.takes("self_assessed", answers=yes(), person="Lý Văn Nam")
    assert (begun["state"], begun["open_step"], begun["may_take"]) == ("self_assessed", "verified", [])
    (turn,) = begun["turns"]
    assert (turn["step"], turn["working_days"], turn["due"]) == ("verified", 15, "2023-07-21")
    assert (begun["steps"][0]["person"], begun["steps"][0]["agency"]) == ("Lý Văn Nam", "office-06280")

    missing = await province.is_refused(409, "decided", **DECISION)
    assert missing["code"] == "out_of_turn"
    assert missing["errors"][0]["code"] == "step_missing_criteria"
    assert "thẩm tra" in missing["detail"]

    await district.takes("verified", answers=yes(note="Đã kiểm tra."))
    labour = Office(intake, await around.key("20", criteria=("ntm-11", "ntm-12"), agency="labour"))
    partly = await labour.takes("appraised", answers=yes("ntm-11", "ntm-12"))
    assert partly["state"] == "verified"
    assert "ntm-11" not in [key for turn in partly["turns"] for key in turn["criteria"]]
    await labour.is_refused(403, "appraised", answers=yes("ntm-5"))
    rest = [key for key in NTM if key not in ("ntm-11", "ntm-12")]
    assert (await province.takes("appraised", answers=yes(*rest)))["open_step"] == "decided"
    await province.takes("decided", **DECISION)
    whole = await province.takes("recognised")
    assert (whole["state"], whole["turns"]) == ("recognised", [])
    assert (whole["steps"][-1]["number"], whole["steps"][-1]["date"]) == (DECISION["number"], DECISION["date"])

    async def is_known() -> bool:
        found = await recognised(scoring, province.key, "06280")
        return (found["state"], found["since"]) == ("recognised", "2023-06-28")

    await eventually(is_known)
    logged = await events(around, "06280")
    steps = ["self_assessed", "verified", "appraised", "appraised", "decided", "recognised"]
    assert [event.step for event in logged] == steps
    assert [event.completes for event in logged] == [True, True, False, True, True, True]
    assert [turn.sector for turn in logged[2].ended] == []
    assert [turn.step for turn in logged[4].ended] == ["decided"]

    await province.takes("withdrawal_due", reason="Ba tiêu chí không còn đạt.")
    await province.takes("withdrawn", number="9/QĐ-UBND", date="2023-06-30")

    async def is_withdrawn() -> bool:
        return bool((await recognised(scoring, province.key, "06280"))["state"] == "withdrawn")

    await eventually(is_withdrawn)


async def test_of_two_who_decide_at_once_one_gets_409_that_names_the_step(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    other_intake = await around.start("intake")
    for unit in ("06280", "06283", "06286"):
        commune, district, province = await offices(around, intake, unit)
        await appraised(commune, district, province)
        other = Office(other_intake, await around.key("20", agency="chair"), unit)
        answers = await asyncio.gather(
            province.post("decided", **DECISION), other.post("decided", number="7/QĐ-UBND", date="2023-06-29")
        )
        assert sorted(answer.status_code for answer in answers) == [202, 409]
        refused = next(answer.json() for answer in answers if answer.status_code == 409)
        assert refused["errors"][0]["code"] == "step_taken"
        assert "quyết định công nhận" in refused["detail"]
        assert [event.step for event in await events(around, unit)].count("decided") == 1  # type: ignore[comparison-overlap]


async def test_sectors_that_appraise_at_once_are_all_heard(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    commune, district, province = await offices(around, intake)
    await commune.takes("self_assessed", answers=yes())
    await district.takes("verified", answers=yes())
    answers = await asyncio.gather(*(province.post("appraised", answers=yes(key)) for key in NTM[:4]))
    assert [answer.status_code for answer in answers] == [202] * 4
    assert len((await province.looks())["steps"]) == 6


async def test_two_who_return_at_once_return_one_step(around: Surroundings, intake: Service, scoring: Service) -> None:
    commune, district, province = await offices(around, intake)
    await commune.takes("self_assessed", answers=yes())
    await district.takes("verified", answers=yes())
    seen = {"open_step": "appraised"}
    answers = await asyncio.gather(*(province.post("returned", reason=f"Thiếu {number}.", **seen) for number in (1, 2)))
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert (await province.looks())["open_step"] == "verified"


async def test_a_yes_against_the_figures_needs_a_reason_and_the_judgement_stands_beside_it(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    commune, district, _ = await offices(around, intake, BORDER, district="180")
    await put_on_stream(around, poverty_report("2023-06", 300, date(2023, 6, 30)))

    async def is_judged() -> bool:
        poverty = next(one for one in (await commune.looks())["criteria"] if one["criterion"] == "ntm-11")
        return bool(poverty["judged"]["judged"] == "not_met")

    await eventually(is_judged)
    refused = await commune.is_refused(422, "self_assessed", answers=yes())
    assert [(fault["pointer"], fault["code"]) for fault in refused["errors"]] == [
        ("/answers/10/note", "judged_not_met")
    ]
    others = [key for key in NTM if key != "ntm-11"]
    answers = [*yes(*others), *yes("ntm-11", note="Rà soát lại còn 8 %.")]
    await commune.takes("self_assessed", answers=answers)
    poverty = next(one for one in (await district.looks())["criteria"] if one["criterion"] == "ntm-11")
    assert poverty["answers"]["self_assessed"]["judged"] == "not_met"
    assert poverty["answers"]["self_assessed"]["note"] == "Rà soát lại còn 8 %."
    assert "30 %" in poverty["judged"]["reason"]["vi"]


async def test_without_scoring_nobody_assesses_and_everybody_may_look_and_return(
    around: Surroundings, intake: Service
) -> None:
    commune, district, province = await offices(around, intake)
    refused = await commune.is_refused(503, "self_assessed", answers=yes())
    assert refused["code"] == "unavailable"
    assert (await commune.looks())["recognition"] is None
    scoring = await around.start("scoring")
    await appraised(commune, district, province)
    await scoring.stop()
    assert (await province.takes("returned", reason="Sai mẫu."))["open_step"] == "appraised"


async def test_the_advanced_set_needs_a_commune_that_is_recognised(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    advanced = await offices(around, intake, criteria_set="advanced")
    refused = await advanced[0].is_refused(409, "self_assessed", answers=yes(*ADVANCED))
    assert refused["errors"][0]["code"] == "recognised_before_needed"
    ntm = await offices(around, intake)
    await appraised(*ntm)
    await ntm[2].takes("decided", **DECISION)
    await advanced[0].is_refused(409, "self_assessed", answers=yes(*ADVANCED))
    await ntm[2].takes("recognised")
    await appraised(*advanced, ADVANCED)
    await advanced[2].takes("decided", **DECISION)
    assert (await advanced[2].takes("recognised"))["state"] == "recognised"
    assert len((await ntm[2].looks())["steps"]) == 5


async def test_a_step_under_one_key_is_taken_once(around: Surroundings, intake: Service, scoring: Service) -> None:
    commune, district, _ = await offices(around, intake)
    await commune.takes("self_assessed", answers=yes())
    first = await district.takes("verified", key="a", answers=yes())
    assert (await district.takes("verified", key="a", answers=yes()))["steps"] == first["steps"]
    refused = await district.is_refused(409, "verified", key="a", answers=yes(note="Khác."))
    assert refused["code"] == "key_used"


async def test_what_does_not_exist_or_is_not_the_keys_is_refused(around: Surroundings, intake: Service) -> None:
    key = await around.key("184")
    for path, status in (("99999/ntm", 404), ("06280/other", 404), ("184/ntm", 404), ("06004/ntm", 403)):
        async with intake.client(key) as client:
            looked = await client.get(f"/v1/dossiers/{path}")
            posted = await client.post(f"/v1/dossiers/{path}", json={"step": "self_assessed", "answers": yes()})
        assert (looked.status_code, posted.status_code) == (status, status), path


async def test_the_list_tells_the_dossiers_of_the_keys_communes_by_whose_turn_it_is(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    commune, district, _ = await offices(around, intake)
    await commune.takes("self_assessed", answers=yes())
    await district.looks()
    elsewhere = await around.key("180", agency="elsewhere")
    for key, turn, expected in (
        (district.key, "verified", ["06280"]),
        (district.key, "decided", []),
        (elsewhere, "verified", []),
    ):
        async with intake.client(key) as client:
            found = (await client.get("/v1/dossiers", params={"turn": turn})).json()["items"]
        assert [one["unit"]["code"] for one in found] == expected


async def test_the_list_comes_in_pages(around: Surroundings, intake: Service, scoring: Service) -> None:
    province = await around.key("20", agency="province")
    for unit in ("06280", "06283", "06286"):
        office = Office(intake, province, unit)
        await office.takes("self_assessed", answers=yes())
        await office.looks()
    seen, cursor = [], None
    async with intake.client(province) as client:
        while True:
            parameters = {"limit": 2, "turn": "verified"} | ({"cursor": cursor} if cursor else {})
            found = (await client.get("/v1/dossiers", params=parameters)).json()
            seen.append([one["unit"]["code"] for one in found["items"]])
            if (cursor := found["next"]) is None:
                break
        assert (await client.get("/v1/dossiers", params={"cursor": "x"})).status_code == 400
    assert [len(page) for page in seen] == [2, 1]
    assert {code for page in seen for code in page} == {"06280", "06283", "06286"}


async def test_a_commune_that_was_recognised_before_loses_the_recognition_when_the_figures_say_so(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    _, _, province = await offices(around, intake, BORDER, district="180")
    decision = {"ntm_recognised": True}
    await put_on_stream(around, poverty_report("2022-12-28", 0, readings=decision, stage="confirmed"))

    async def judged_due(due: bool | None) -> bool:
        known = (await province.looks())["recognition"]
        return bool(known["state"] == "recognised" and known["withdrawal_due"] is due)

    await eventually(lambda: judged_due(None))
    assert (await province.looks())["open_step"] == "withdrawal_due"
    refused = await province.is_refused(409, "self_assessed", answers=yes())
    assert refused["errors"][0]["code"] == "already_recognised"
    refused = await province.is_refused(422, "withdrawal_due")
    assert [fault["code"] for fault in refused["errors"]] == ["withdrawal_not_judged"]
    failing = {f"recognised_{number:02}": False for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)}
    await put_on_stream(around, poverty_report("2023-06", 0, readings=failing, stage="confirmed"))
    await eventually(lambda: judged_due(True))
    await eventually(lambda: steps_are(province, ["withdrawal_due"]))
    due = await province.looks()
    assert due["steps"][0]["withdrawal_judged_due"] is True
    assert [turn["step"] for turn in due["turns"]] == ["withdrawn"]
    kept = await province.takes("returned", reason="Xã đã khắc phục.")
    assert (kept["state"], kept["turns"]) == ("recognised", [])
    await province.takes("withdrawal_due")
    await province.takes("withdrawn", number="9/QĐ-UBND", date="2023-06-30")

    async def is_withdrawn() -> bool:
        return bool((await recognised(scoring, province.key, BORDER))["state"] == "withdrawn")

    await eventually(is_withdrawn)
    again = await province.takes("self_assessed", answers=yes(*NTM[10:]))
    assert (again["state"], again["open_step"]) == (None, "self_assessed")


async def steps_are(office: Office, steps: list[str]) -> bool:
    return [step["step"] for step in (await office.looks())["steps"]] == steps


async def test_the_system_itself_says_that_a_withdrawal_is_due_and_takes_it_back(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    _, _, province = await offices(around, intake, BORDER, district="180")
    await put_on_stream(around, poverty_report("2022-12-28", 0, readings={"ntm_recognised": True}, stage="confirmed"))
    numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 15, 16, 18]

    async def report(failing: list[int], revision: int) -> None:
        figures = {f"recognised_{number:02}": number not in failing for number in numbers}
        report = poverty_report("2023-06", 0, readings=figures, stage="confirmed", revision=revision)
        await put_on_stream(around, report)

    await report(numbers[:5], 1)  # 5 of 19 are fewer than 30 %
    await report(numbers[:6], 2)  # 6 of 19 without a key criterion are due from 50 %

    async def fails(count: int) -> bool:
        return len((await province.looks())["recognition"]["failing"]) == count

    await eventually(lambda: fails(6))
    await report(numbers[:9], 3)
    await eventually(lambda: fails(9))
    assert (await province.looks())["steps"] == []
    await report(numbers[:10], 4)  # 10 of 19, among them the key criterion 10
    await eventually(lambda: steps_are(province, ["withdrawal_due"]))
    [step] = (await province.looks())["steps"]
    assert (step["agency_name"], step["withdrawal_judged_due"]) == ("Hệ thống NTM", True)
    assert "10/19 tiêu chí hiện chưa đạt" in step["reason"]
    assert [turn["step"] for turn in step["turns"]] == ["withdrawn"]

    await report(numbers[:11], 5)  # it is due already
    await eventually(lambda: fails(11))
    await report(numbers[:4], 6)
    await eventually(lambda: steps_are(province, ["withdrawal_due", "returned"]))
    shown = await province.looks()
    assert (shown["state"], shown["turns"]) == ("recognised", [])
    assert "Hệ thống rút đề nghị" in shown["steps"][1]["reason"]

    await report(numbers[:10], 7)
    await eventually(lambda: steps_are(province, ["withdrawal_due", "returned", "withdrawal_due"]))
    await province.takes("returned", reason="Xã đang khắc phục, tỉnh cho thêm thời gian.")
    await report(numbers[1:10], 8)  # one holds again: what the office has settled stays settled
    await eventually(lambda: fails(9))
    assert (await province.looks())["state"] == "recognised"
    await report(numbers[1:11], 9)  # a further one fails
    await eventually(lambda: steps_are(province, ["withdrawal_due", "returned"] * 2 + ["withdrawal_due"]))
    again = await around.ntm("rebuild", "--verify")
    assert "The same." in again
    posted = await events(around, BORDER, "180")
    async with around.engine.begin() as connection:
        await connection.execute(text("TRUNCATE intake.dossier_step"))
    await around.nats.jetstream().delete_consumer(subjects.STATUS_STREAM, "intake-withdrawals-due")
    await around.ntm("rebuild", status=1)
    await intake.stop()
    await intake.start()  # all changes come again
    js = around.nats.jetstream()

    async def has_followed() -> bool:
        info = await js.consumer_info(subjects.STATUS_STREAM, "intake-withdrawals-due")
        return not (info.num_pending or info.num_ack_pending)

    await eventually(has_followed)
    assert await events(around, BORDER, "180") == posted


async def test_the_dossier_of_a_commune_that_has_ended_is_still_shown(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    commune, district, _ = await offices(around, intake, "06283")
    await commune.takes("self_assessed", answers=yes())
    await around.set_day(date(2025, 7, 2))

    async def has_ended() -> bool:
        return (await district.post("verified", answers=yes())).status_code != 202

    await eventually(has_ended)
    shown = await commune.looks()
    assert len(shown["steps"]) == 1
    assert shown["may_take"] == []


async def rows(around: Surroundings) -> list[Any]:
    async with around.engine.connect() as connection:
        query = "SELECT id, sequence, unit, criteria_set, at, body::text FROM intake.dossier_step ORDER BY sequence"
        return list((await connection.execute(text(query))).all())


async def steps(around: Surroundings, number: int) -> list[Any]:
    """Return the rows once there are so many."""
    found = await rows(around)
    return found if len(found) == number else []


async def test_the_table_comes_again_from_the_stream_byte_for_byte(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    commune, district, province = await offices(around, intake)
    await appraised(commune, district, province)
    await province.takes("returned", reason="Thiếu phụ lục.")
    before, looked = await eventually(lambda: steps(around, 4)), await province.looks()
    assert "The same." in await around.ntm("rebuild", "--verify")
    for damage in (
        "DELETE FROM intake.dossier_step",
        'UPDATE intake.dossier_step SET body = body || \'{"reason": "x"}\'',
    ):
        async with around.engine.begin() as connection:
            await connection.execute(text(damage))
        await around.ntm("rebuild", "--verify", status=1)
        await around.ntm("rebuild", status=1)
        assert await rows(around) == before
        assert await province.looks() == looked
    async with around.engine.begin() as connection:
        newest = "(SELECT max(sequence) FROM intake.dossier_step)"
        spoilt = text(f"UPDATE intake.dossier_step SET id = gen_random_uuid() WHERE sequence = {newest}")  # noqa: S608
        assert (await connection.execute(spoilt)).rowcount == 1
    assert "ntm audit repair" in await around.ntm("rebuild", status=1)


async def test_the_program_shows_a_dossier_and_takes_steps(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    _, _, province = await offices(around, intake)
    arguments = ("--yes", "all", "--person", "Lý Văn Nam", "--key", province.key)
    assert "tự đánh giá" in await around.ntm("dossier", "take", "06280", "self_assessed", *arguments)
    refused = await around.ntm("dossier", "take", "06280", "recognised", "--key", province.key, status=1)
    assert "thẩm tra" in refused
    shown = await around.ntm("dossier", "show", "06280", "--key", province.key)
    assert "Lý Văn Nam" in shown
    assert "waits for: thẩm tra / verification" in shown
    assert "06280" in await around.ntm("dossier", "list", "--turn", "verified", "--key", province.key)
