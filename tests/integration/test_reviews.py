"""Stages: what was reported is verified by the district and confirmed by the province, or sent back with a reason."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.contracts import subjects
from tests.builders import a_posted_submission
from tests.running import Service, Surroundings
from tests.waiting import eventually

BORDER = "06004"  # xã Đào Viên, huyện Tràng Định (180): the plan binds it to criterion 11


@pytest.fixture(scope="module")
async def around(shared_around: Surroundings) -> Surroundings:
    return shared_around


@pytest.fixture(scope="module")
async def scoring(around: Surroundings, intake: Service) -> Service:
    return await around.start("scoring")


@pytest.fixture(scope="module")
async def commune(around: Surroundings) -> str:
    return await around.key(BORDER, agency="commune")


@pytest.fixture(scope="module")
async def district(around: Surroundings) -> str:
    return await around.key("180", agency="district")


@pytest.fixture(scope="module")
async def province(around: Surroundings) -> str:
    return await around.key("20", agency="province")


def poverty(poor: int, period: str, **changes: Any) -> dict[str, Any]:
    readings = {"households": 1000, "poor_households": poor, "near_poor_households": 0}
    return a_posted_submission(**{"unit": BORDER, "period": period, "readings": readings, **changes})


async def post(service: Service, key: str, item: object) -> str:
    async with service.client(key) as client:
        answer = await client.post("/v1/submissions", json=item)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def review(service: Service, key: str, submission_id: str, decision: str, **changes: Any) -> httpx.Response:
    async with service.client(key) as client:
        return await client.post(f"/v1/submissions/{submission_id}/review", json={"decision": decision, **changes})


async def decided(service: Service, key: str, submission_id: str, decision: str, **changes: Any) -> Any:
    answer = await review(service, key, submission_id, decision, **changes)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def refused(service: Service, key: str, submission_id: str, decision: str, **changes: Any) -> tuple[int, str]:
    answer = await review(service, key, submission_id, decision, **changes)
    document = answer.json()
    return answer.status_code, next((one["code"] for one in document.get("errors", [])), document["code"])


async def receipt(service: Service, key: str, submission_id: str) -> Any:
    async with service.client(key) as client:
        answer = await client.get(f"/v1/submissions/{submission_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def reviewed(service: Service, key: str, submission_id: str) -> Any:
    """The receipt, once a decision about it has come to the tables."""

    async def look() -> Any:
        found = await receipt(service, key, submission_id)
        return found if found["reviews"] else None

    return await eventually(look)


async def test_what_a_district_verifies_and_the_province_confirms_is_scored_at_each_stage_and_all_of_it_stays(
    around: Surroundings, intake: Service, scoring: Service, commune: str, district: str, province: str
) -> None:
    reported = await post(intake, commune, poverty(200, "2022-12", source_ref="QĐ-1"))
    verified = (await decided(intake, district, reported, "verified"))["result"]
    confirmed = (await decided(intake, province, verified, "confirmed"))["result"]

    first, second = await reviewed(intake, commune, reported), await reviewed(intake, district, verified)
    third = await receipt(intake, province, confirmed)
    assert [one["stage"] for one in (first, second, third)] == ["reported", "verified", "confirmed"]
    assert [one["agency"] for one in (first, second, third)] == ["commune", "district", "province"]
    assert [one["submission"]["source_ref"] for one in (first, second, third)] == ["QĐ-1"] * 3
    assert [one["submission"]["reviews"] for one in (first, second, third)] == [None, reported, verified]
    (by_district,), (by_province,) = first["reviews"], second["reviews"]
    assert (by_district["decision"], by_district["agency"], by_district["result"]) == ("verified", "district", verified)
    assert by_district["key"] == district.split("_")[1]
    assert by_province["result"] == confirmed

    async def stage() -> bool:
        async with scoring.client(province) as client:
            statuses = (await client.get(f"/v1/communes/{BORDER}")).json()["statuses"]
        (part,) = [one["assessment"]["parts"][0] for one in statuses if one["criterion"]["key"] == "ntm-11"]
        return (part["stage"], part["submissions"]) == ("confirmed", [confirmed])

    await eventually(stage)


async def test_the_same_decision_again_gets_the_same_answer_and_is_published_once(
    around: Surroundings, intake: Service, commune: str, district: str
) -> None:
    reported = await post(intake, commune, poverty(190, "2022-11"))
    returned = await post(intake, commune, poverty(190, "2022-10"))
    before = await around.stored(subjects.SUBMISSIONS_STREAM)
    verdicts = await asyncio.gather(*(decided(intake, district, reported, "verified") for _ in range(5)))
    reasons = {"reason": "Thiếu chữ ký."}
    returns = await asyncio.gather(*(decided(intake, district, returned, "returned", **reasons) for _ in range(5)))
    await reviewed(intake, district, reported)
    await reviewed(intake, district, returned)
    verdicts.append(await decided(intake, district, reported, "verified"))
    returns.append(await decided(intake, district, returned, "returned", reason="other words"))
    assert all(one == verdicts[0] for one in verdicts)
    assert all(one == returns[0] for one in returns)
    assert (await receipt(intake, district, reported))["reviews"] == [verdicts[0]]
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == before + 3


async def test_what_is_returned_says_why_and_waits_for_a_correction(
    intake: Service, commune: str, district: str, province: str
) -> None:
    reported = await post(intake, commune, poverty(190, "2022-09"))
    made = await decided(intake, district, reported, "returned", reason="Chưa trừ <b>3</b> hộ đã chuyển đi.")
    assert made["result"] is None
    tracked = await reviewed(intake, commune, reported)
    assert tracked["status"] == "returned"
    assert tracked["reviews"][0]["reason"] == "Chưa trừ <b>3</b> hộ đã chuyển đi."
    async with intake.client(commune) as client:
        page = (await client.get("/v1/submissions", params={"status": "returned", "unit": BORDER})).json()
    assert reported in [item["receipt"]["id"] for item in page["items"]]
    assert await refused(intake, district, reported, "verified") == (409, "reviewed")
    corrected = await post(intake, commune, poverty(187, "2022-09", revision=2))
    assert (await decided(intake, district, corrected, "verified"))["result"]


async def test_a_return_needs_a_reason(intake: Service, commune: str, district: str) -> None:
    reported = await post(intake, commune, poverty(190, "2022-08"))
    assert await refused(intake, district, reported, "returned") == (422, "missing")
    for reason in ("", "   ", "x" * 5000, "\x00"):
        assert (await refused(intake, district, reported, "returned", reason=reason))[0] == 422


async def test_only_offices_with_the_right_decide(
    around: Surroundings, intake: Service, commune: str, district: str, province: str
) -> None:
    reported = await post(intake, commune, poverty(190, "2022-07"))
    sector = await around.key("20", criteria=("ntm-12",), agency="another-sector")
    elsewhere = await around.key("184", agency="elsewhere")
    assert await refused(intake, commune, reported, "verified") == (403, "outside_stage")
    assert await refused(intake, commune, reported, "returned", reason="r") == (403, "outside_stage")
    assert await refused(intake, district, reported, "confirmed") == (403, "outside_stage")
    assert await refused(intake, sector, reported, "verified") == (403, "outside_criteria")
    assert await refused(intake, elsewhere, reported, "verified") == (404, "not_found")
    assert await refused(intake, district, str(UUID(int=9)), "verified") == (404, "not_found")
    assert (await review(intake, district, "nonsense", "verified")).status_code == 400
    assert (await review(intake, district, reported, "reported")).status_code == 422
    async with intake.client() as client:
        assert (await client.post(f"/v1/submissions/{reported}/review", json={})).status_code == 401
    verified = (await decided(intake, district, reported, "verified"))["result"]
    assert await refused(intake, district, verified, "returned", reason="r") == (403, "outside_stage")
    assert await refused(intake, district, verified, "verified") == (409, "reviewed")
    assert (await decided(intake, province, verified, "returned", reason="r"))["decision"] == "returned"


async def test_what_newer_figures_have_taken_the_place_of_is_not_verified(
    intake: Service, commune: str, district: str
) -> None:
    first = await post(intake, commune, poverty(190, "2022-06"))
    await receipt(intake, commune, first)
    second = await post(intake, commune, poverty(189, "2022-06", revision=2))
    await receipt(intake, commune, second)
    answer = await review(intake, district, first, "verified")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "superseded")
    assert second in answer.json()["detail"]
    assert (await decided(intake, district, second, "verified"))["result"]


async def test_a_partly_corrected_submission_is_verified_without_the_figures_that_were_corrected(
    intake: Service, commune: str, district: str
) -> None:
    first = await post(intake, commune, poverty(190, "2022-05"))
    await receipt(intake, commune, first)
    correction = {"unit": BORDER, "period": "2022-05", "revision": 2, "readings": {"poor_households": 188}}
    await receipt(intake, commune, await post(intake, commune, correction))
    result = (await decided(intake, district, first, "verified"))["result"]
    readings = (await receipt(intake, district, result))["submission"]["readings"]
    assert readings == {"households": 1000, "near_poor_households": 0}


async def test_a_correction_of_what_was_verified_can_be_verified_in_its_turn(
    intake: Service, commune: str, district: str, province: str
) -> None:
    first = await post(intake, commune, poverty(190, "2022-04"))
    verified = (await decided(intake, district, first, "verified"))["result"]
    await receipt(intake, district, verified)
    correction = await post(intake, commune, poverty(185, "2022-04", revision=2))
    tracked = await receipt(intake, commune, correction)
    assert {one["code"] for one in tracked["receipt"]["warnings"]} == {"outranked"}
    result = (await decided(intake, district, correction, "verified"))["result"]
    found = await receipt(intake, district, result)
    assert (found["revision"], found["submission"]["readings"]["poor_households"]) == (2, 185)
    assert await refused(intake, province, first, "confirmed") == (409, "superseded")


async def test_the_warnings_of_the_original_go_with_the_verified_and_the_confirmed_figures(
    intake: Service, commune: str, district: str, province: str
) -> None:
    await receipt(intake, commune, await post(intake, commune, poverty(190, "2023-01")))
    leap = await post(intake, commune, poverty(400, "2023-02", confirmed=True))
    original = (await receipt(intake, commune, leap))["receipt"]["warnings"]
    assert [(one["code"], one["pointer"]) for one in original] == [("implausible_change", "/readings/poor_households")]
    verified = (await decided(intake, district, leap, "verified"))["result"]
    assert (await receipt(intake, district, verified))["receipt"]["warnings"] == original
    confirmed = (await decided(intake, province, verified, "confirmed"))["result"]
    assert (await receipt(intake, province, confirmed))["receipt"]["warnings"] == original


async def test_decisions_go_out_beside_the_submissions_for_whoever_listens(
    around: Surroundings, intake: Service, commune: str, district: str
) -> None:
    reported = await post(intake, commune, poverty(190, "2022-03"))
    made = await decided(intake, district, reported, "verified")
    message = await around.nats.jetstream().get_last_msg(subjects.SUBMISSIONS_STREAM, f"ntm.v1.reviews.180.{BORDER}")
    assert message.headers
    assert message.headers["ce-type"] == "vn.ntm.submission.verified.v1"
    assert message.headers["ce-id"] == made["id"]
