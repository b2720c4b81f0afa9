"""Senders follow their submissions: receipts, refusals, the lists of both, and the keys that may see them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from nats.js.errors import NotFoundError

from services.intake.storage import receipts
from shared.access.agency_keys import add_key
from shared.access.caller import EVERYTHING
from shared.contracts import subjects
from shared.contracts.parked_message import Parked
from shared.nats.cloud_events import cloud_event
from shared.nats.publishing import publish
from tests.builders import a_posted_submission
from tests.running import Service, Surroundings
from tests.servers import NatsServer
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

BORDER = "06004"  # xã Đào Viên, huyện Tràng Định (180): the plan of `binding` binds it to criterion 11


@pytest.fixture(scope="module")
async def key(shared_around: Surroundings) -> str:
    return await shared_around.key("180", agency="district-180")


def poverty(poor: int, **changes: Any) -> dict[str, Any]:
    readings = {"households": 1000, "poor_households": poor, "near_poor_households": 0}
    return a_posted_submission(**{"unit": BORDER, "period": "2022-12", "readings": readings, **changes})


async def post(service: Service, key: str, item: object) -> dict[str, Any]:
    async with service.client(key) as client:
        answer = await client.post("/v1/submissions", json=item)
    found: dict[str, Any] = answer.json()
    return found


async def get(service: Service, key: str, path: str, **parameters: Any) -> Any:
    async with service.client(key) as client:
        answer = await client.get(path, params=parameters)
    return answer.json() if answer.status_code == 200 else answer.status_code


async def listed(service: Service, key: str, **parameters: Any) -> list[str]:
    page = await get(service, key, "/v1/submissions", limit=200, **parameters)
    return [item["receipt"]["id"] for item in page["items"]]


async def test_until_scoring_has_run_a_receipt_says_accepted_and_it_is_there_at_once(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    key = await add_key(shared_around.engine, "first", "Phòng Một", ["180"], [EVERYTHING])
    for revision in range(1, 10):
        receipt = await post(shared_intake, key, a_posted_submission(unit="06001", revision=revision))
        tracked = await get(shared_intake, key, f"/v1/submissions/{receipt['id']}")
        assert tracked["status"] == "accepted"
        assert tracked["receipt"] == receipt
        assert tracked["agency_name"] == "Phòng Một"
        assert (tracked["agency"], tracked["stage"], tracked["revision"]) == ("first", "reported", revision)


async def test_once_scored_a_receipt_names_the_changes_that_the_submission_caused(
    shared_intake: Service, shared_scoring: Service, key: str
) -> None:
    receipt = await post(shared_intake, key, poverty(200))

    async def scored() -> Any:
        found = await get(shared_intake, key, f"/v1/submissions/{receipt['id']}")
        return found if found["status"] == "scored" and found["changes"] else None

    tracked = await eventually(scored)
    (change,) = [one for one in tracked["changes"] if one["criterion"] == "ntm-11"]
    assert (change["event"], change["before"], change["after"]) == ("fell_behind", "no_data", "behind")
    assert change["unit"] == BORDER
    assert "20 %" in change["reason"]["vi"]
    assert tracked["submission"]["readings"]["poor_households"] == 200
    assert tracked["submission"]["digest"] == receipt["digest"]

    other = await post(shared_intake, key, poverty(200, source_ref="the same figures"))
    await eventually(lambda: is_(shared_intake, key, other["id"], "scored"))
    assert (await get(shared_intake, key, f"/v1/submissions/{other['id']}"))["changes"] == []


async def is_(intake: Service, key: str, submission_id: str, status: str) -> bool:
    found = await get(intake, key, f"/v1/submissions/{submission_id}")
    return bool(found["status"] == status)


async def test_a_refused_submission_is_kept_with_what_was_sent_and_why(shared_intake: Service, key: str) -> None:
    wrong = poverty(1001)
    problem = await post(shared_intake, key, wrong)
    refused = await get(shared_intake, key, problem["instance"])
    assert refused["status"] == "refused"
    assert refused["submission"] == wrong
    assert {name: refused["problem"][name] for name in problem if name != "instance"} == {
        name: problem[name] for name in problem if name != "instance"
    }
    page = await get(shared_intake, key, "/v1/refusals")
    assert page["items"][0]["id"] == refused["id"]
    assert page["items"][0]["problem"]["errors"] == problem["errors"]


async def test_pages_follow_each_other_without_gap_or_repetition(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    key = await shared_around.key("180", agency="pages")
    sent = [(await post(shared_intake, key, poverty(190, period="2022-11", source_ref=str(n))))["id"] for n in range(7)]
    for number in range(5):
        await post(shared_intake, key, poverty(1001 + number))
    for path, count in (("/v1/submissions", 7), ("/v1/refusals", 5)):
        await eventually(lambda path=path, count=count: has(shared_intake, key, path, count))
        found: list[Any] = []
        cursor: dict[str, Any] = {}
        while True:
            page = await get(shared_intake, key, path, limit=3, **cursor)
            found += page["items"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert len(found) == count
    assert [item["receipt"]["id"] for item in found if "receipt" in item] == []
    assert await listed(shared_intake, key) == sent[::-1]


async def has(intake: Service, key: str, path: str, count: int) -> bool:
    return len((await get(intake, key, path))["items"]) == count


async def test_lists_are_filtered_by_agency_unit_stage_and_status(
    shared_around: Surroundings, shared_intake: Service, shared_scoring: Service
) -> None:
    commune, other_unit = "06286", "06292"
    ours = await shared_around.key("184", agency="filters")
    theirs = await shared_around.key("184", agency="filters-too")
    first = (await post(shared_intake, ours, a_posted_submission(unit=commune, period="2022-10")))["id"]
    verified = (await post(shared_intake, ours, a_posted_submission(unit=commune, period="2022-10", stage="verified")))[
        "id"
    ]
    second = (await post(shared_intake, theirs, a_posted_submission(unit=other_unit, period="2022-10")))["id"]
    await eventually(lambda: is_(shared_intake, theirs, second, "scored"))
    assert await listed(shared_intake, ours) == [verified, first]
    assert await listed(shared_intake, ours, agency="filters-too") == [second]
    assert await listed(shared_intake, ours, agency="filters-too", unit=commune) == []
    assert await listed(shared_intake, ours, unit=commune) == [verified, first]
    assert await listed(shared_intake, ours, unit=commune, stage="reported") == [first]
    assert await listed(shared_intake, ours, unit="184") == [second, verified, first]
    assert await listed(shared_intake, ours, unit="184", status="scored") == [second, verified, first]
    for status in ("accepted", "parked", "returned"):
        assert await listed(shared_intake, ours, unit="184", status=status) == []


async def test_another_agency_sees_what_is_about_its_units_and_no_refusals(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    sender = await shared_around.key("06280", agency="commune-06280")
    district = await shared_around.key("184", agency="above")
    elsewhere = await shared_around.key("180", agency="elsewhere")
    receipt = await post(shared_intake, sender, a_posted_submission(period="2022-09"))
    refusal = await post(shared_intake, sender, a_posted_submission(readings={"households": -1}))
    path = f"/v1/submissions/{receipt['id']}"
    assert (await get(shared_intake, sender, path))["receipt"] == receipt
    assert (await get(shared_intake, district, path))["receipt"] == receipt
    assert await get(shared_intake, elsewhere, path) == 404
    assert (await get(shared_intake, sender, refusal["instance"]))["status"] == "refused"
    assert await get(shared_intake, district, refusal["instance"]) == 404
    assert await get(shared_intake, elsewhere, refusal["instance"]) == 404
    assert await get(shared_intake, elsewhere, "/v1/submissions", unit="06280") == 403
    assert await listed(shared_intake, elsewhere, agency="commune-06280") == []
    assert (await get(shared_intake, elsewhere, "/v1/refusals"))["items"] == []
    assert await listed(shared_intake, district, agency="commune-06280") == [receipt["id"]]


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        (f"/v1/submissions/{UUID(int=7)}", {}, 404),
        ("/v1/submissions/nonsense", {}, 400),
        ("/v1/submissions", {"unit": "99999"}, 422),
        ("/v1/submissions", {"unit": "xx"}, 400),
        ("/v1/submissions", {"status": "lost"}, 400),
        ("/v1/submissions", {"cursor": "0"}, 400),
        ("/v1/submissions", {"cursor": str(2**70)}, 400),
        ("/v1/submissions", {"limit": "5001"}, 400),
        ("/v1/submissions", {"agency": "\x00"}, 400),
        ("/v1/refusals", {"limit": "many"}, 400),
    ],
)
async def test_what_cannot_be_looked_for_is_said(
    shared_intake: Service, key: str, path: str, parameters: dict[str, str], status: int
) -> None:
    assert await get(shared_intake, key, path, **parameters) == status


async def test_what_scoring_cannot_process_is_parked_in_its_receipt(
    shared_around: Surroundings, shared_intake: Service, shared_scoring: Service
) -> None:
    sender = await shared_around.key("180", agency="parked")
    sent = await post(shared_intake, sender, poverty(190, period="2022-08"))
    await eventually(lambda: is_(shared_intake, sender, sent["id"], "scored"))
    async with shared_around.engine.connect() as connection:
        row = await receipts.find(connection, UUID(sent["id"]))
    assert row
    parked = Parked(
        id=uuid4(), service="scoring", stream=subjects.SUBMISSIONS_STREAM, sequence=row.sequence, subject="s",
        reason="r", at=datetime.now(UTC),
    )  # fmt: skip
    event = cloud_event(
        subjects.parked("scoring"), parked.model_dump_json().encode(), event_id=parked.id, kind="message.parked",
        source="scoring", at=parked.at,
    )  # fmt: skip
    await publish(shared_around.nats, [event])
    await eventually(lambda: is_(shared_intake, sender, sent["id"], "parked"))
    assert await listed(shared_intake, sender, status="parked") == [sent["id"]]
    assert sent["id"] not in await listed(shared_intake, sender, status="scored")


async def test_what_another_service_parks_leaves_receipts_as_they_are(
    shared_around: Surroundings, shared_intake: Service, shared_scoring: Service
) -> None:
    sender = await shared_around.key("180", agency="not-parked")
    sent = await post(shared_intake, sender, poverty(190, period="2022-07"))
    await eventually(lambda: is_(shared_intake, sender, sent["id"], "scored"))
    async with shared_around.engine.connect() as connection:
        row = await receipts.find(connection, UUID(sent["id"]))
    assert row
    for service, stream in (("notify", subjects.SUBMISSIONS_STREAM), ("scoring", subjects.STATUS_STREAM)):
        parked = Parked(
            id=uuid4(), service=service, stream=stream, sequence=row.sequence, subject="s", reason="r",
            at=datetime.now(UTC),
        )  # fmt: skip
        event = cloud_event(
            subjects.parked(service), parked.model_dump_json().encode(), event_id=parked.id, kind="message.parked",
            source=service, at=parked.at,
        )  # fmt: skip
        await publish(shared_around.nats, [event])
    await asyncio.sleep(1)
    assert await is_(shared_intake, sender, sent["id"], "scored")


async def test_while_the_broker_is_away_receipts_are_to_be_asked_for_again(
    shared_intake: Service, key: str, nats_server: NatsServer
) -> None:
    receipt = await post(shared_intake, key, poverty(190, period="2022-06"))
    await nats_server.kill()
    try:
        answers = [
            await get(shared_intake, key, f"/v1/submissions/{receipt['id']}"),
            await get(shared_intake, key, f"/v1/submissions/{UUID(int=8)}"),
            await get(shared_intake, key, "/v1/submissions"),
        ]
    finally:
        await nats_server.restart()
    assert answers == [503, 503, 503]

    async def again() -> Any:
        found = await get(shared_intake, key, f"/v1/submissions/{receipt['id']}")
        return isinstance(found, dict) and found["receipt"] == receipt

    await eventually(again)


async def test_a_receipt_whose_message_the_log_has_lost_is_still_there(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    receipt = await post(shared_intake, key, poverty(190, period="2022-05"))
    path = f"/v1/submissions/{receipt['id']}"
    await eventually(lambda: get_ok(shared_intake, key, path))
    async with shared_around.engine.connect() as connection:
        row = await receipts.find(connection, UUID(receipt["id"]))
    assert row
    js = shared_around.nats.jetstream()
    await js.delete_msg(subjects.SUBMISSIONS_STREAM, row.sequence)
    with pytest.raises(NotFoundError):
        await js.get_msg(subjects.SUBMISSIONS_STREAM, row.sequence)
    tracked = await get(shared_intake, key, path)
    assert (tracked["receipt"], tracked["submission"]) == (receipt, None)


async def get_ok(intake: Service, key: str, path: str) -> bool:
    return isinstance(await get(intake, key, path), dict)
