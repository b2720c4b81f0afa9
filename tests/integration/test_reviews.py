"""Reviews: the district verifies figures, the province confirms them, and both may return them with a reason."""

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

pytestmark = pytest.mark.usefixtures("binding")

BORDER = "06004"  # xã Đào Viên, huyện Tràng Định (180): the plan of `binding` binds it to criterion 11


@pytest.fixture(scope="module")
async def commune(shared_around: Surroundings) -> str:
    return await shared_around.key(BORDER, agency="commune")


@pytest.fixture(scope="module")
async def district(shared_around: Surroundings) -> str:
    return await shared_around.key("180", agency="district")


@pytest.fixture(scope="module")
async def province(shared_around: Surroundings) -> str:
    return await shared_around.key("20", agency="province")


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
    """Wait until a decision about the submission has come to the tables; return the receipt."""

    async def look() -> Any:
        found = await receipt(service, key, submission_id)
        return found if found["reviews"] else None

    return await eventually(look)


async def test_what_a_district_verifies_and_the_province_confirms_is_scored_at_each_stage_and_all_of_it_stays(
    shared_around: Surroundings,
    shared_intake: Service,
    shared_scoring: Service,
    commune: str,
    district: str,
    province: str,
) -> None:
    reported = await post(shared_intake, commune, poverty(200, "2022-12", source_ref="QĐ-1"))
    verified = (await decided(shared_intake, district, reported, "verified"))["result"]
    confirmed = (await decided(shared_intake, province, verified, "confirmed"))["result"]

    first, second = await reviewed(shared_intake, commune, reported), await reviewed(shared_intake, district, verified)
    third = await receipt(shared_intake, province, confirmed)
    assert [one["stage"] for one in (first, second, third)] == ["reported", "verified", "confirmed"]
    assert [one["agency"] for one in (first, second, third)] == ["commune", "district", "province"]
    assert [one["submission"]["source_ref"] for one in (first, second, third)] == ["QĐ-1"] * 3
    assert [one["submission"]["reviews"] for one in (first, second, third)] == [None, reported, verified]
    (by_district,), (by_province,) = first["reviews"], second["reviews"]
    assert (by_district["decision"], by_district["agency"], by_district["result"]) == ("verified", "district", verified)
    assert by_district["key"] == district.split("_")[1]
    assert by_province["result"] == confirmed

    async def stage() -> bool:
        async with shared_scoring.client(province) as client:
            statuses = (await client.get(f"/v1/communes/{BORDER}")).json()["statuses"]
        (part,) = [one["assessment"]["parts"][0] for one in statuses if one["criterion"]["key"] == "ntm-11"]
        return (part["stage"], part["submissions"]) == ("confirmed", [confirmed])

    await eventually(stage)


async def test_the_same_decision_again_gets_the_same_answer_and_is_published_once(
    shared_around: Surroundings, shared_intake: Service, commune: str, district: str
) -> None:
    reported = await post(shared_intake, commune, poverty(190, "2022-11"))
    returned = await post(shared_intake, commune, poverty(190, "2022-10"))
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    verdicts = await asyncio.gather(*(decided(shared_intake, district, reported, "verified") for _ in range(5)))
    reasons = {"reason": "Thiếu chữ ký."}
    returns = await asyncio.gather(
        *(decided(shared_intake, district, returned, "returned", **reasons) for _ in range(5))
    )
    await reviewed(shared_intake, district, reported)
    await reviewed(shared_intake, district, returned)
    verdicts.append(await decided(shared_intake, district, reported, "verified"))
    returns.append(await decided(shared_intake, district, returned, "returned", reason="other words"))
    assert all(one == verdicts[0] for one in verdicts)
    assert all(one == returns[0] for one in returns)
    assert (await receipt(shared_intake, district, reported))["reviews"] == [verdicts[0]]
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before + 3


async def test_what_is_returned_says_why_and_waits_for_a_correction(
    shared_intake: Service, commune: str, district: str, province: str
) -> None:
    reported = await post(shared_intake, commune, poverty(190, "2022-09"))
    made = await decided(shared_intake, district, reported, "returned", reason="Chưa trừ <b>3</b> hộ đã chuyển đi.")
    assert made["result"] is None
    tracked = await reviewed(shared_intake, commune, reported)
    assert tracked["status"] == "returned"
    assert tracked["reviews"][0]["reason"] == "Chưa trừ <b>3</b> hộ đã chuyển đi."
    async with shared_intake.client(commune) as client:
        page = (await client.get("/v1/submissions", params={"status": "returned", "unit": BORDER})).json()
    assert reported in [item["receipt"]["id"] for item in page["items"]]
    assert await refused(shared_intake, district, reported, "verified") == (409, "reviewed")
    corrected = await post(shared_intake, commune, poverty(187, "2022-09", revision=2))
    assert (await decided(shared_intake, district, corrected, "verified"))["result"]


async def test_a_return_needs_a_reason(shared_intake: Service, commune: str, district: str) -> None:
    reported = await post(shared_intake, commune, poverty(190, "2022-08"))
    assert await refused(shared_intake, district, reported, "returned") == (422, "missing")
    for reason in ("", "   ", "x" * 5000, "\x00"):
        assert (await refused(shared_intake, district, reported, "returned", reason=reason))[0] == 422


async def test_only_offices_with_the_right_decide(
    shared_around: Surroundings, shared_intake: Service, commune: str, district: str, province: str
) -> None:
    reported = await post(shared_intake, commune, poverty(190, "2022-07"))
    sector = await shared_around.key("20", criteria=("ntm-12",), agency="another-sector")
    elsewhere = await shared_around.key("184", agency="elsewhere")
    assert await refused(shared_intake, commune, reported, "verified") == (403, "outside_stage")
    assert await refused(shared_intake, commune, reported, "returned", reason="r") == (403, "outside_stage")
    assert await refused(shared_intake, district, reported, "confirmed") == (403, "outside_stage")
    assert await refused(shared_intake, sector, reported, "verified") == (403, "outside_criteria")
    assert await refused(shared_intake, elsewhere, reported, "verified") == (404, "not_found")
    assert await refused(shared_intake, district, str(UUID(int=9)), "verified") == (404, "not_found")
    assert (await review(shared_intake, district, "nonsense", "verified")).status_code == 400
    assert (await review(shared_intake, district, reported, "reported")).status_code == 422
    async with shared_intake.client() as client:
        assert (await client.post(f"/v1/submissions/{reported}/review", json={})).status_code == 401
    verified = (await decided(shared_intake, district, reported, "verified"))["result"]
    assert await refused(shared_intake, district, verified, "returned", reason="r") == (403, "outside_stage")
    assert await refused(shared_intake, district, verified, "verified") == (409, "reviewed")
    assert (await decided(shared_intake, province, verified, "returned", reason="r"))["decision"] == "returned"


async def test_what_newer_figures_have_taken_the_place_of_is_not_verified(
    shared_intake: Service, commune: str, district: str
) -> None:
    first = await post(shared_intake, commune, poverty(190, "2022-06"))
    await receipt(shared_intake, commune, first)
    second = await post(shared_intake, commune, poverty(189, "2022-06", revision=2))
    await receipt(shared_intake, commune, second)
    answer = await review(shared_intake, district, first, "verified")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "superseded")
    assert second in answer.json()["detail"]
    assert (await decided(shared_intake, district, second, "verified"))["result"]


async def test_a_partly_corrected_submission_is_verified_without_the_figures_that_were_corrected(
    shared_intake: Service, commune: str, district: str
) -> None:
    first = await post(shared_intake, commune, poverty(190, "2022-05"))
    await receipt(shared_intake, commune, first)
    correction = {"unit": BORDER, "period": "2022-05", "revision": 2, "readings": {"poor_households": 188}}
    await receipt(shared_intake, commune, await post(shared_intake, commune, correction))
    result = (await decided(shared_intake, district, first, "verified"))["result"]
    readings = (await receipt(shared_intake, district, result))["submission"]["readings"]
    assert readings == {"households": 1000, "near_poor_households": 0}


async def test_a_correction_of_what_was_verified_can_be_verified_in_its_turn(
    shared_intake: Service, commune: str, district: str, province: str
) -> None:
    first = await post(shared_intake, commune, poverty(190, "2022-04"))
    verified = (await decided(shared_intake, district, first, "verified"))["result"]
    await receipt(shared_intake, district, verified)
    correction = await post(shared_intake, commune, poverty(185, "2022-04", revision=2))
    tracked = await receipt(shared_intake, commune, correction)
    assert {one["code"] for one in tracked["receipt"]["warnings"]} == {"outranked"}
    result = (await decided(shared_intake, district, correction, "verified"))["result"]
    found = await receipt(shared_intake, district, result)
    assert (found["revision"], found["submission"]["readings"]["poor_households"]) == (2, 185)
    assert await refused(shared_intake, province, first, "confirmed") == (409, "superseded")


async def test_the_warnings_of_the_original_go_with_the_verified_and_the_confirmed_figures(
    shared_intake: Service, commune: str, district: str, province: str
) -> None:
    await receipt(shared_intake, commune, await post(shared_intake, commune, poverty(190, "2023-01")))
    leap = await post(shared_intake, commune, poverty(400, "2023-02", confirmed=True))
    original = (await receipt(shared_intake, commune, leap))["receipt"]["warnings"]
    assert [(one["code"], one["pointer"]) for one in original] == [("implausible_change", "/readings/poor_households")]
    verified = (await decided(shared_intake, district, leap, "verified"))["result"]
    assert (await receipt(shared_intake, district, verified))["receipt"]["warnings"] == original
    confirmed = (await decided(shared_intake, province, verified, "confirmed"))["result"]
    assert (await receipt(shared_intake, province, confirmed))["receipt"]["warnings"] == original


async def test_decisions_go_out_beside_the_submissions_for_whoever_listens(
    shared_around: Surroundings, shared_intake: Service, commune: str, district: str
) -> None:
    reported = await post(shared_intake, commune, poverty(190, "2022-03"))
    made = await decided(shared_intake, district, reported, "verified")
    message = await shared_around.nats.jetstream().get_last_msg(
        subjects.SUBMISSIONS_STREAM, f"ntm.v1.reviews.180.{BORDER}"
    )
    assert message.headers
    assert message.headers["ce-type"] == "vn.ntm.submission.verified.v1"
    assert message.headers["ce-id"] == made["id"]
