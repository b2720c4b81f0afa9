"""A stolen connection to the broker forges nothing: what is not signed is parked, and nobody heeds it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import func, select, text

from services.cli.migrate import prepare
from services.intake.storage.tables import ParkedRow as ParkedByIntake
from services.intake.storage.tables import SubmissionRow as Receipts
from services.notify.storage.tables import AlertRow
from services.notify.storage.tables import ParkedRow as ParkedByNotify
from services.scoring.storage.tables import ParkedRow, SubmissionRow, TakenBackRow
from services.scoring.update.rebuild import rebuild
from shared.contracts import subjects
from shared.contracts.status import Event, Stage
from shared.contracts.submission import AcceptedSubmission
from shared.nats.cloud_events import Message
from shared.nats.publishing import publish
from shared.nats.signing_keys import SigningKeys, keys_file
from shared.nats.users import make_users, renew_signing, seed_file
from shared.postgres.statements import table_of
from shared.reference.archive import read_files
from shared.reference.load import load_for
from shared.service.reference_versions import install, newest_number
from shared.signatures import EVENT_ID, HEADER, key_named, new_key, signature
from shared.time import utc_now
from tests.binding_plan import binding_plans, reference_that_binds
from tests.builders import a_posted_submission, as_published
from tests.changes import a_status_change
from tests.integration.notify_service import NotifyService, as_message
from tests.integration.test_difficulties import answer, report
from tests.integration.test_dossiers import offices, yes
from tests.integration.test_scoring import BORDER, poverty_report, put_on_stream
from tests.integration.test_withdrawals import a_return, a_withdrawal
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")


async def put(nats: Client, message: Message, **headers: str) -> int:
    """Publish a message just as it is, by a connection that signs nothing; return its number."""
    own = {**message.headers, "Nats-Msg-Id": str(uuid4()), **headers}
    return (await nats.jetstream().publish(message.subject, message.body, headers=own)).seq


async def count(around: Surroundings | NotifyService, model: Any) -> int:
    async with around.engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(table_of(model))) or 0


async def reasons(around: Surroundings | NotifyService, model: Any, number: int) -> list[str]:
    """Wait until this number of messages is parked; return the reasons."""

    async def found() -> list[str]:
        async with around.engine.connect() as connection:
            rows = await connection.scalars(select(table_of(model).c.reason).order_by(table_of(model).c.number))
            return reasons if len(reasons := list(rows)) == number else []

    parked: list[str] = await eventually(found)
    return parked


def copy_of(message: Msg) -> Message:
    """Return a message of a stream with the headers that count for its signature."""
    headers = message.headers or {}
    return Message(message.subject, message.data, {name: headers[name] for name in (EVENT_ID, HEADER)})


def signed(around: Surroundings, message: Message, user: str = "intake") -> Message:
    SigningKeys(around.users / user).sign([message])
    return message


def forged_signature(message: Message, around: Surroundings, stream: str) -> Mapping[str, str]:
    """Return a signature under the id of the right key by a key of one's own."""
    right = next(iter(signed(around, Message(message.subject, b"", {})).headers.values())).partition(".")[0]
    return {HEADER: signature(new_key()._replace(id=right), message.subject, message.headers, message.body)}


async def test_forged_submissions_are_parked_never_scored_and_have_no_receipt(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    key = await around.key("184")
    async with intake.client(key) as client:
        posted = (await client.post("/v1/submissions", json=a_posted_submission())).json()
    await eventually(lambda: _has(around, SubmissionRow, 1))
    [genuine] = await around.published(subjects.ALL_SUBMISSIONS)
    body = AcceptedSubmission.model_validate_json(genuine.data)
    own = copy_of(genuine)
    forged = as_published(poverty_report("2023-05", 90, stage=Stage.CONFIRMED, confirmed=True))
    status = Message(forged.subject, forged.body, dict(forged.headers))
    status.headers[HEADER] = signature(new_key()._replace(id="ffffffff"), forged.subject, forged.headers, forged.body)
    of_status = signed(around, as_message(a_status_change()))
    raised = body.model_copy(update={"stage": Stage.CONFIRMED, "id": uuid4()}).model_dump_json().encode()
    attempts = [
        await put(around.nats, forged),
        await put(around.nats, status),  # an unknown key
        await put(around.nats, forged, **forged_signature(forged, around, subjects.SUBMISSIONS_STREAM)),
        await put(around.nats, forged, **{HEADER: of_status.headers[HEADER]}),  # a key of another stream
        await put(around.nats, Message(subjects.submission("180", BORDER), own.body, own.headers)),  # another unit
        await put(around.nats, Message(own.subject, raised, own.headers)),  # another stage
        await put(around.nats, own, **{"ce-id": str(uuid4())}),  # another id
    ]
    found = await reasons(around, ParkedRow, len(attempts))
    assert all(reason.startswith("unsigned: ") for reason in found)
    assert await reasons(around, ParkedByIntake, len(attempts)) == found
    assert await count(around, SubmissionRow) == await count(around, Receipts) == 1

    async with intake.client(key) as client:  # it is compared with what was accepted, not with what was forged
        again = (await client.post("/v1/submissions", json=a_posted_submission())).json()
        assert again == posted
        answer = await client.post("/v1/submissions", json=a_posted_submission(revision=2))
        assert answer.status_code == 202
    replayed = await around.ntm("parked", "replay", "--all", status=1)
    assert "unsigned: " in replayed
    await eventually(lambda: _has(around, SubmissionRow, 2))
    compared = await rebuild(around.engine, around.nats, binding_plans(), START)
    assert (compared.submissions, compared.differences) == (2, [])

    named = (await around.ntm("audit", "verify", status=1)).splitlines()
    assert named[0].endswith(f" / {2 + len(attempts)} submissions in the log")
    for number in attempts:
        assert any(f"not proved: message SUBMISSIONS {number} ntm.v1." in line for line in named)
    assert len([line for line in named if "not proved" in line]) == len(attempts)


async def _has(around: Surroundings | NotifyService, model: Any, number: int) -> bool:
    return await count(around, model) == number


async def test_a_signed_submission_that_comes_again_under_another_id_changes_nothing(
    around: Surroundings, scoring: Service
) -> None:
    sent = signed(around, as_published(poverty_report("2022-12", 200)))
    await put(around.nats, sent)
    await put(around.nats, sent)
    await put_on_stream(around, poverty_report("2023-05", 164))
    await eventually(lambda: _has(around, SubmissionRow, 2))
    assert await count(around, ParkedRow) == 0


async def test_forged_reviews_and_withdrawals_take_nothing_back(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    report = poverty_report("2023-05", 164)
    await put_on_stream(around, report)
    await eventually(lambda: _has(around, SubmissionRow, 1))
    await put(around.nats, a_withdrawal(report))
    await put(around.nats, a_return(report))
    await reasons(around, ParkedRow, 2)
    await reasons(around, ParkedByIntake, 2)
    assert await count(around, TakenBackRow) == 0
    async with around.engine.connect() as connection:
        for table in ("review", "withdrawal"):
            assert await connection.scalar(text(f"SELECT count(*) FROM intake.{table}")) == 0  # noqa: S608 - ours
    assert (await rebuild(around.engine, around.nats, binding_plans(), START)).differences == []
    await publish(around.nats, [a_withdrawal(report)])  # which the office has meant
    await eventually(lambda: _has(around, TakenBackRow, 1))


async def test_a_forged_version_of_the_reference_data_is_not_taken_up(
    around: Surroundings, scoring: Service, tmp_path: Path
) -> None:
    directory = reference_that_binds(tmp_path / "forged")
    settings = around.settings.model_copy(update={"reference_dir": directory})
    await install(
        around.nats, load_for(settings), None, read_files(directory), author="x", reason="x", after=0, at=utc_now()
    )
    await eventually(lambda: _is_on(scoring, 1))
    [genuine] = await around.published(subjects.ALL_REFERENCE)
    other = json.loads(genuine.data) | {"reason": "forged", "id": str(uuid4())}
    await put(around.nats, Message(genuine.subject, json.dumps(other).encode(), copy_of(genuine).headers))
    assert await newest_number(around.nats) == 2
    await eventually(lambda: _refused(scoring, 2))
    assert await scoring.fact("reference") == 1
    assert "forged" not in await around.ntm("reference", "list")
    intake = await around.start("intake")  # and one that starts later
    assert await intake.fact("reference") == 1


async def _is_on(service: Service, number: int) -> bool:
    return await service.fact("reference") == number


async def _refused(service: Service, number: int) -> bool:
    return await service.fact("reference_refused") == number


async def test_a_forged_status_event_reaches_nobody(notify: NotifyService, nats: Client) -> None:
    await put(nats, as_message(a_status_change()))
    await put(nats, as_message(a_status_change(Event.LOST)), **{HEADER: "ffffffff.AAAA"})
    assert all(reason.startswith("unsigned: ") for reason in await reasons(notify, ParkedByNotify, 2))
    await notify.publish(a_status_change(Event.MET))
    await notify.settled()
    async with notify.engine.connect() as connection:
        alerts = list(await connection.scalars(select(table_of(AlertRow).c.kind)))
    assert len([kind for kind in alerts if kind != "operation"]) == 1


async def test_keys_are_renewed_under_load_and_nothing_is_parked(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    async with intake.client(await around.key("184")) as client:
        for number in range(60):
            if number in (20, 40):
                await asyncio.to_thread(renew_signing, around.users, subjects.SUBMISSIONS_STREAM)
                await asyncio.to_thread(renew_signing, around.users, subjects.STATUS_STREAM)
            answer = await client.post("/v1/submissions", json=a_posted_submission(revision=number + 1))
            assert answer.status_code == 202, answer.text
    await eventually(lambda: _has(around, SubmissionRow, 60))
    await eventually(lambda: _has(around, Receipts, 60))
    used = {key_named(message.headers or {}) for message in await around.published(subjects.ALL_SUBMISSIONS)}
    assert len(used) == 3
    assert await count(around, ParkedRow) == await count(around, ParkedByIntake) == 0
    assert "Khớp hoàn toàn" in await around.ntm("audit", "verify")
    compared = await rebuild(around.engine, around.nats, binding_plans(), START)
    assert (compared.submissions, compared.differences) == (60, [])


async def test_a_log_from_before_signing_began_counts_as_signed_and_what_comes_later_does_not(
    around: Surroundings,
) -> None:
    async with around.engine.begin() as connection:
        await connection.execute(text("DELETE FROM access.unsigned_part"))
    old = poverty_report("2022-12", 200)
    for early in (old, poverty_report("2023-05", 164)):
        await put(around.nats, as_published(early))
    settings = around.settings.model_copy(update={"nats_seed_file": seed_file(around.users, "migrate")})
    await prepare(settings, None)
    await around.start("scoring")
    await around.start("intake")
    await eventually(lambda: _has(around, SubmissionRow, 2))
    later = as_published(poverty_report("2023-06", 90))
    await prepare(settings, None)  # once only
    await put(around.nats, later)
    [reason] = await reasons(around, ParkedRow, 1)
    assert reason == "unsigned: the message has no signature"
    await put_on_stream(around, poverty_report("2023-06", 150))
    await eventually(lambda: _has(around, SubmissionRow, 3))
    assert "same" in (await around.ntm("rebuild", "--verify"))
    assert "not proved: message SUBMISSIONS 3" in await around.ntm("audit", "verify", status=1)

    # an operator who knows that it came from a process of the version before
    await prepare(settings, None, count_as_signed=[subjects.SUBMISSIONS_STREAM])
    for service in around.services:
        await service.stop()
        await service.start()
    assert "replayed" in await around.ntm("parked", "replay", "--all")
    await eventually(lambda: _has(around, SubmissionRow, 4))


async def test_a_database_from_before_signing_began_lets_nothing_in_that_was_forged_since(
    around: Surroundings, scoring: Service
) -> None:
    old, forged = poverty_report("2022-12", 200), poverty_report("2023-06", 90)
    await put(around.nats, as_published(old))
    await put_on_stream(around, poverty_report("2023-05", 164))
    await put(around.nats, as_published(forged))
    async with around.engine.begin() as connection:  # as one that an old backup has brought back
        await connection.execute(text("DELETE FROM access.unsigned_part"))
        await connection.execute(text("TRUNCATE scoring.parked"))
    settings = around.settings.model_copy(update={"nats_seed_file": seed_file(around.users, "migrate")})
    await prepare(settings, None)
    verified = await around.ntm("audit", "verify", status=1)
    assert [line for line in verified.splitlines() if "not proved" in line] == [
        line for line in verified.splitlines() if "message SUBMISSIONS 3 " in line
    ]
    assert "message SUBMISSIONS 3 " in verified


@pytest.mark.parametrize("kind", ["review", "withdrawal"])
async def test_the_signature_of_one_decision_proves_no_other(
    around: Surroundings, intake: Service, scoring: Service, kind: str
) -> None:
    """Neither moved to a decision about another submission, nor by the keys of another installation."""
    meant, other = poverty_report("2023-05", 164), poverty_report("2023-06", 150)
    await put_on_stream(around, meant, other)
    await eventually(lambda: _has(around, SubmissionRow, 2))
    decide = a_return if kind == "review" else a_withdrawal
    genuine, forged = signed(around, decide(meant)), decide(other)
    make_users(around.users.parent / "elsewhere")
    await put(around.nats, forged, **{HEADER: genuine.headers[HEADER]})
    await put(around.nats, forged, **{HEADER: genuine.headers[HEADER], EVENT_ID: genuine.headers[EVENT_ID]})
    await put(around.nats, Message(forged.subject, forged.body, genuine.headers))
    elsewhere = SigningKeys(around.users.parent / "elsewhere" / "intake")
    elsewhere.sign([forged])
    await put(around.nats, forged)
    assert all(reason.startswith("unsigned: ") for reason in await reasons(around, ParkedRow, 4))
    assert await count(around, TakenBackRow) == 0
    await put(around.nats, genuine)
    await eventually(lambda: _has(around, TakenBackRow, 1))


async def test_a_forged_step_of_a_dossier_or_answer_to_a_difficulty_counts_nowhere_and_stops_nobody(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    commune, district, _ = await offices(around, intake)
    await commune.takes("self_assessed", answers=yes(), person="Lý Văn Nam")
    problem = await report(intake, commune.key)
    for subject in (subjects.dossier("184", "06280"), subjects.problem("06280")):
        [genuine] = await around.published(subject)
        other = json.loads(genuine.data) | {"id": str(uuid4()), "person": "forged", "words": "forged"}
        await put(around.nats, Message(subject, json.dumps(other).encode(), copy_of(genuine).headers))
    await reasons(around, ParkedByIntake, 2)
    taken = await district.takes("verified", answers=yes(note="Đã kiểm tra."))
    assert [step["step"] for step in taken["steps"]] == ["self_assessed", "verified"]
    assert "forged" not in json.dumps(taken)
    answered = await answer(intake, await around.key("20", agency="division"), problem["id"], "Đã cấp kinh phí.")
    assert answered.status_code == 202, answered.text
    assert "forged" not in answered.text


async def test_a_stolen_key_is_retired_and_what_it_forged_is_taken_back(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    stolen = around.users.parent / "stolen"
    stolen.mkdir()
    keys_file(stolen, subjects.SUBMISSIONS_STREAM).write_bytes(
        keys_file(around.users / "intake", subjects.SUBMISSIONS_STREAM).read_bytes()
    )
    thief = SigningKeys(stolen)
    key = await around.key("184")
    async with intake.client(key) as client:
        genuine = (await client.post("/v1/submissions", json=a_posted_submission())).json()
    await eventually(lambda: _has(around, SubmissionRow, 1))
    await asyncio.sleep(0.01)
    moment = utc_now()
    report = poverty_report("2023-06", 90, stage=Stage.CONFIRMED, confirmed=True)
    forged = as_published(report)
    thief.sign([forged])
    await put(around.nats, forged)
    await eventually(lambda: _has(around, SubmissionRow, 2))  # nobody knows yet

    written = moment.strftime("%Y-%m-%dT%H:%M:%S.%f%z")
    command = ("nats", "users", str(around.users), "--retire-signing", "SUBMISSIONS", "--stolen-at")
    await around.ntm(*command, "2999-01-01T00:00:00+0700", status=2)
    await around.ntm(*command, written)
    later = as_published(poverty_report("2023-07", 80))
    thief.sign([later])
    await asyncio.sleep(1.1)  # by then each program has looked
    await put(around.nats, later)
    [reason] = await reasons(around, ParkedRow, 1)
    assert "was retired at" in reason
    assert [reason] == await reasons(around, ParkedByIntake, 1)
    named = await around.ntm("audit", "verify", status=1)
    assert [f"not proved: message SUBMISSIONS {number}" in named for number in (1, 2, 3)] == [False, True, True]
    assert "lack" in await around.ntm("rebuild", status=1)
    said = await around.ntm("rebuild", "--accept-loss", status=1)  # they differed
    assert "intake.submission: 1 records" in said
    assert str(report.id) in said
    assert await count(around, SubmissionRow) == await count(around, Receipts) == 1
    assert "same" in await around.ntm("rebuild", "--verify")
    async with intake.client(key) as client:
        assert (await client.get(f"/v1/submissions/{genuine['id']}")).status_code == 200
        answer = await client.post("/v1/submissions", json=a_posted_submission(revision=2))
        assert answer.status_code == 202, answer.text
    await eventually(lambda: _has(around, SubmissionRow, 2))
    assert await count(around, ParkedRow) == 1


async def test_an_old_version_of_the_reference_data_published_again_is_not_the_newest(
    around: Surroundings, scoring: Service, tmp_path: Path
) -> None:
    directory = reference_that_binds(tmp_path / "installed")
    settings = around.settings.model_copy(update={"reference_dir": directory})
    for number in range(2):
        await install(
            around.nats,
            load_for(settings),
            None,
            read_files(directory),
            author="x",
            reason=f"version {number + 1}",
            after=number,
            at=utc_now(),
        )
    await eventually(lambda: _is_on(scoring, 2))
    first, _ = await around.published(subjects.ALL_REFERENCE)
    await put(around.nats, copy_of(first))
    await eventually(lambda: _refused(scoring, 3))
    assert await scoring.fact("reference") == 2


async def test_an_old_revision_published_again_leaves_the_newest_in_force(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    key = await around.key("184")
    async with intake.client(key) as client:
        for revision in (1, 2):
            body = a_posted_submission(revision=revision, readings={"poor_households": 130 + revision})
            assert (await client.post("/v1/submissions", json=body)).status_code == 202
        await eventually(lambda: _has(around, SubmissionRow, 2))
        first, _ = await around.published(subjects.ALL_SUBMISSIONS)
        await put(around.nats, copy_of(first))
        again = await client.post(
            "/v1/submissions", json=a_posted_submission(revision=2, readings={"poor_households": 5})
        )
        assert again.status_code == 422, again.text
        third = a_posted_submission(revision=3, readings={"poor_households": 131})
        assert (await client.post("/v1/submissions", json=third)).status_code == 202
    await eventually(lambda: _has(around, SubmissionRow, 3))
    await eventually(lambda: _has(around, Receipts, 3))
    compared = await rebuild(around.engine, around.nats, binding_plans(), START)
    assert (compared.submissions, compared.differences) == (3, [])


async def test_tricks_with_headers_and_bodies_prove_nothing(around: Surroundings, scoring: Service) -> None:
    genuine = signed(around, as_published(poverty_report("2022-12", 200)))
    await put(around.nats, genuine)
    await eventually(lambda: _has(around, SubmissionRow, 1))
    own = genuine.headers[HEADER]
    encoded_otherwise = json.dumps(
        json.loads(genuine.body), indent=1
    ).encode()  # the figures and the digest are the same
    raised = as_published(poverty_report("2023-05", 90, stage=Stage.CONFIRMED, confirmed=True))
    tricks = [
        (Message(genuine.subject, encoded_otherwise, dict(genuine.headers)), {}),
        (Message(genuine.subject, raised.body, dict(genuine.headers)), {}),
        (raised, {HEADER.upper(): own}),
        (raised, {HEADER.upper(): own, HEADER: own}),
        (raised, {HEADER: own, "Nats-Sequence": "1", "Nats-Time-Stamp": "2000-01-01T00:00:00Z"}),
        (raised, {HEADER: f" {own}"}),
    ]
    for message, headers in tricks:
        await put(around.nats, message, **headers)
    assert all(reason.startswith("unsigned: ") for reason in await reasons(around, ParkedRow, len(tricks)))
    assert await count(around, SubmissionRow) == 1
    assert await around.ntm("audit", "verify", status=1)


async def test_operators_hear_of_what_nobody_has_proved(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    await put(around.nats, as_published(poverty_report("2022-12", 200)))

    async def reported() -> set[str]:
        subjects_seen = {message.subject for message in await around.published(subjects.ALL_OPERATIONS)}
        wanted = {subjects.trouble(name, "unsigned") for name in ("intake", "scoring")}
        return wanted if wanted <= subjects_seen else set()

    await eventually(reported)
