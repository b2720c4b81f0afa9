"""Damaged messages and rows: what cannot be shown is shown as such or parked, and the rest of the page is there."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from services.intake.doors import openapi_examples
from shared.contracts import subjects
from shared.nats.cloud_events import cloud_event
from shared.nats.publishing import publish
from shared.time import utc_now
from tests.changes import a_status_change
from tests.integration.notify_service import NotifyService, texts
from tests.integration.test_difficulties import answer, report
from tests.integration.test_dossiers import offices, yes
from tests.running import Service, Surroundings
from tests.waiting import eventually

SUBJECT = "ntm.v1.submissions.184.06280"


async def publish_straight(around: Surroundings, *bodies: bytes) -> None:
    await publish(
        around.nats,
        [
            cloud_event(SUBJECT, body, event_id=uuid4(), kind="submission.accepted", source="intake", at=utc_now())
            for body in bodies
        ],
    )


def forged(**fields: Any) -> bytes:
    return json.dumps({**openapi_examples.ACCEPTED, "id": str(uuid4()), **fields}).encode()


async def changed(around: Surroundings, statement: str) -> None:
    """Change rows, once there are some."""

    async def changes() -> bool:
        async with around.engine.begin() as connection:
            return (await connection.execute(text(statement))).rowcount > 0

    await eventually(changes)


async def test_a_malformed_message_in_the_log_stops_no_list_and_no_audit(around: Surroundings, intake: Service) -> None:
    bodies = [
        forged(warnings=[{"code": 7}]),
        forged(warnings="none"),
        forged(period="nonsense"),
        forged(stage="invented"),
        forged(unit_key=999_999),
        forged(source_ref="a\x00b"),
        forged(digest="jcs:\x00"),
        forged(readings={"poor_households": "many"}),
        forged(readings={"poor_households\x00": 1}),
        forged(readings={"poor_households": 10**300}),
        forged(readings={"poor_households": 1e300}),
        b"[1, 2]",
        b"\xff\xfe",
        b"null",
        b"",
    ]
    await publish_straight(around, *bodies)
    key = await around.key("184", agency="vq")
    async with intake.client(key) as client:
        sent = await client.post("/v1/submissions", json=openapi_examples.SUBMISSION)
        assert sent.status_code == 202, sent.text

        async def is_listed() -> bool:
            page = await client.get("/v1/submissions?unit=06280")
            assert page.status_code == 200, page.text
            return sent.json()["id"] in page.text

        await eventually(is_listed, explain=lambda: intake.log.read_text()[-3000:])
        assert (await client.get("/v1/refusals")).status_code == 200
    printed = await around.ntm("audit", "verify", status=1)
    assert "cannot be read" in printed
    assert printed.count("damaged: message") >= 9


async def test_a_damaged_row_of_intake_is_shown_as_such_and_the_others_as_they_are(
    around: Surroundings, intake: Service
) -> None:
    key = await around.key("184", agency="vq")
    async with intake.client(key) as client:
        for month in ("2023-05", "2023-06"):
            body = {**openapi_examples.SUBMISSION, "period": month, "confirmed": True}
            assert (await client.post("/v1/submissions", json=body)).status_code == 202
        difficulties = [
            (await client.post("/v1/problems", json={**openapi_examples.REPORT, "words": words})).json()["id"]
            for words in ("Thiếu kinh phí", "Thiếu cán bộ")
        ]

        async def all_listed() -> bool:
            lists = [(await client.get(path)).json()["items"] for path in ("/v1/submissions", "/v1/problems")]
            return [len(items) for items in lists] == [2, 2]

        await eventually(all_listed)
        await changed(around, "UPDATE intake.submission SET warnings = '[{\"code\": 7}]' WHERE period = '2023-05'")
        damaged = "UPDATE intake.problem_event SET body = '[]' WHERE id = '%s'"
        await changed(around, damaged % difficulties[0])
        listed = await client.get("/v1/submissions")
        assert listed.status_code == 200, listed.text
        warnings = {item["receipt"]["period"]: item["receipt"]["warnings"] for item in listed.json()["items"]}
        assert [warning["code"] for warning in warnings["2023-05"]] == ["unreadable"]
        assert len(warnings) == 2
        shown = await client.get("/v1/problems")
        assert shown.status_code == 200, shown.text
        words = {item["id"]: item["said"][0]["words"] for item in shown.json()["items"]}
        assert words[difficulties[1]] == "Thiếu cán bộ"
        assert "không hiển thị được" in words[difficulties[0]]
        assert (await client.get(f"/v1/problems/{difficulties[0]}")).status_code == 404


async def test_a_malformed_step_or_answer_in_the_log_stops_no_dossier_and_no_difficulty(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    commune, district, _ = await offices(around, intake)
    await commune.takes("self_assessed", answers=yes(), person="Lý Văn Nam")
    problem = await report(intake, commune.key)
    bodies = [b"{}", b"null", b"[1, 2]", b"\xff", b'{"id": 7, "unit": null, "turns": [null]}']
    for subject in (subjects.dossier("184", "06280"), subjects.problem("06280")):
        messages = [
            cloud_event(subject, body, event_id=uuid4(), kind="test", source="intake", at=utc_now()) for body in bodies
        ]
        messages[-1].headers["ce-id"] = "no id"
        await publish(around.nats, messages)
    taken = await district.takes("verified", answers=yes(note="Đã kiểm tra."))
    assert [step["step"] for step in taken["steps"]] == ["self_assessed", "verified"]
    answered = await answer(intake, await around.key("20", agency="division"), problem["id"], "Đã cấp kinh phí.")
    assert answered.status_code == 202, answered.text
    async with intake.client(commune.key) as client:
        for path in ("/v1/dossiers", "/v1/dossiers/06280/ntm", "/v1/problems", f"/v1/problems/{problem['id']}"):
            assert (await client.get(path)).status_code == 200
    parked = json.loads(await around.ntm("parked", "--json"))
    assert len([one for one in parked if one["service"] == "intake"]) == 2 * len(bodies)


async def test_a_step_that_cannot_be_read_is_named_and_lets_nobody_take_the_next_one(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    commune, district, _ = await offices(around, intake)
    await commune.takes("self_assessed", answers=yes(), person="Lý Văn Nam")
    await changed(around, "UPDATE intake.dossier_step SET body = '[]'")
    async with intake.client(district.key) as client:
        shown = (await client.get("/v1/dossiers/06280/ntm")).json()
        body = {"step": "verified", "answers": yes(note="Đã kiểm tra."), "person": "Lý Văn Nam"}
        refused = await client.post("/v1/dossiers/06280/ntm", json=body)
    assert (len(shown["unreadable"]), shown["steps"], shown["may_take"]) == (1, [], [])
    assert refused.status_code == 404
    assert "bị hỏng" in refused.text


async def test_a_damaged_row_of_notify_stops_no_list_and_no_notice(notify: NotifyService) -> None:
    first, second = a_status_change(), a_status_change()
    await notify.publish(first)
    await notify.settled()
    async with notify.engine.begin() as connection:
        await connection.execute(text("UPDATE notify.alert SET body = '{\"unit\": 7}'"))
        await connection.execute(
            text(
                "INSERT INTO notify.silence (id, match, starts_at, ends_at, reason, author, created_at) VALUES "
                "(gen_random_uuid(), '{\"events\": [\"nonsense\"]}', now(), now() + interval '1 day', 'x', 'x', now())"
            )
        )
        await connection.execute(text("UPDATE notify.gathering SET due_at = now() WHERE due_at IS NOT NULL"))
    before = len(texts(notify, "btxh@example.vn"))
    await notify.publish(second.model_copy(update={"criterion": second.criterion.model_copy(update={"key": "ntm-12"})}))

    async def the_other_was_told() -> bool:
        return len(texts(notify, "ldtbxh.vanquan@example.vn")) > before

    await eventually(the_other_was_told, explain=lambda: notify.log[-3000:])
    answer = await notify.get("/v1/alerts", await notify.key("184"))
    assert answer.status_code == 200, answer.text
    reasons = {item["id"]: item["reason"]["vi"] for item in answer.json()["items"]}
    assert len(reasons) == 2
    assert "không hiển thị được" in reasons[str(first.id)]
