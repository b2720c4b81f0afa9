"""An agency whose systems have a user of the broker: its connection says who it is, and opens nothing of others."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from nats.aio.msg import Msg

from services.intake.doors.nats import STATUS_HEADER
from shared.access.agency_keys import Terms, add_key, list_keys, revoke_keys, rotate_key
from shared.contracts import subjects
from shared.nats.roles import inbox_of
from shared.nats.users import seed_file
from shared.time import utc_now
from tests.builders import a_posted_submission
from tests.integration.test_broker_users import ELSEWHERE, User, connected
from tests.running import Service, Surroundings
from tests.servers import TESTER, NatsServer
from tests.waiting import eventually

DOCUMENT = Path(__file__).parents[2] / "deploy" / "README.md"


def a_post(**fields: Any) -> bytes:
    return json.dumps(a_posted_submission(**fields)).encode()


async def ask(user: User, agency: str, body: bytes, **headers: str) -> Msg:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await user.client.request(subjects.submit(agency), body, timeout=20, headers=sent or None)


def outcome(reply: Msg) -> tuple[int, str]:
    """Return the status of a reply, and its problem's code or its receipt's status."""
    document = json.loads(reply.data)
    said = document["code"] if "code" in document else document["status"]
    return int((reply.headers or {})[STATUS_HEADER]), said


async def test_an_agencys_connection_has_the_scope_of_its_key_and_gets_the_receipts_that_http_gives(
    around: Surroundings, intake: Service, nats_server: NatsServer
) -> None:
    key = await add_key(around.engine, "x", "Phòng X", ["184"], ["ntm-11"])
    async with connected(nats_server, "agency-x") as user:
        reply = await ask(user, "x", a_post(source_ref="by connection"))
        assert outcome(reply) == (202, "accepted")
        receipt = json.loads(reply.data)
        async with intake.client(key) as client:
            answer = await client.post("/v1/submissions", json=a_posted_submission(source_ref="by connection"))
            found = await client.get(f"/v1/submissions/{receipt['id']}")
        assert answer.json() == receipt
        assert found.json()["agency"] == "x"
        assert outcome(await ask(user, "x", a_post(unit="06004"))) == (403, "out_of_scope")  # another district
        items = json.dumps([a_posted_submission(source_ref="one"), a_posted_submission(unit="06004")]).encode()
        both = json.loads((await ask(user, "x", items, Idempotency_Key="k")).data)
        assert [item["status"] for item in both["items"]] == ["accepted", "refused"]
        again = json.loads((await ask(user, "x", items, Idempotency_Key="k")).data)
        assert again["items"][0] == both["items"][0]
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == 2

    async def is_noted() -> bool:
        return all(key.last_used_at for key in await list_keys(around.engine))

    await eventually(is_noted)


async def test_an_agency_without_a_valid_key_is_nobody_within_a_second(
    around: Surroundings, intake: Service, nats_server: NatsServer
) -> None:
    async with connected(nats_server, "agency-x") as user:
        assert outcome(await ask(user, "x", a_post())) == (401, "wrong_key")
        assert "ntm agency add" in json.loads((await ask(user, "x", a_post())).data)["detail"]
        await asyncio.sleep(1.1)
        await around.key("184", agency="x")
        await around.key("184", agency="y")
        assert outcome(await ask(user, "x", a_post(source_ref="a"))) == (202, "accepted")
        await revoke_keys(around.engine, "x")
        await asyncio.sleep(1.1)
        assert outcome(await ask(user, "x", a_post(source_ref="b"))) == (401, "wrong_key")
        # a key that ends
        ends = utc_now() + timedelta(seconds=3)
        await add_key(around.engine, "x", "x", ["184"], ["*"], Terms(expires_at=ends))
        await asyncio.sleep(1.1)
        assert outcome(await ask(user, "x", a_post(source_ref="c"))) == (202, "accepted")
        await asyncio.sleep(max(0, (ends - utc_now()).total_seconds()) + 0.1)
        assert outcome(await ask(user, "x", a_post(source_ref="d"))) == (401, "wrong_key")
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == 2


async def test_of_several_keys_the_connection_uses_the_newest_of_one_scope_or_has_to_name_one(
    around: Surroundings, intake: Service, nats_server: NatsServer
) -> None:
    await around.key("184", agency="x")
    await rotate_key(around.engine, "x", None, timedelta(days=1))
    async with connected(nats_server, "agency-x") as user:
        assert outcome(await ask(user, "x", a_post(source_ref="rotated"))) == (202, "accepted")
        narrow = await add_key(around.engine, "x", "x", ["184"], ["ntm-01"])
        await asyncio.sleep(1.1)
        assert outcome(await ask(user, "x", a_post(source_ref="which"))) == (401, "no_key")
        assert outcome(await ask(user, "x", a_post(source_ref="this"), Authorization=f"Bearer {narrow}")) == (
            403,
            "out_of_scope",
        )
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == 1


async def test_the_rate_of_the_key_holds_on_the_connection(
    around: Surroundings, intake: Service, nats_server: NatsServer
) -> None:
    key = await add_key(around.engine, "x", "x", ["184"], ["*"], Terms(rate_per_minute=3))
    async with connected(nats_server, "agency-x") as user:
        assert outcome(await ask(user, "x", a_post(), Authorization=f"Bearer {key}")) == (202, "accepted")
        replies = [await ask(user, "x", a_post()) for _ in range(3)]
        assert [outcome(reply)[0] for reply in replies] == [202, 202, 429]
        assert (replies[-1].headers or {})["retry-after"]


async def test_no_agency_speaks_for_another_and_nobody_hears_it(
    around: Surroundings, intake: Service, nats_server: NatsServer
) -> None:
    await around.key("184", agency="x")
    others = await around.key("184", agency="y")
    async with connected(nats_server, "agency-x") as user:
        for wrong in (others, "nonsense", ""):
            status, _ = outcome(await ask(user, "x", a_post(), Authorization=f"Bearer {wrong}"))
            assert status in (401, 403)
        elsewhere = (
            subjects.submit("y"), subjects.SUBMIT, subjects.submit("*"), subjects.submit("x.y"), f"{subjects.SUBMIT}.>",
            "ntm.v1.submissions.184.06280", "$JS.API.INFO", "ntm.v1.intake.replay", "ntm.v1.intake",
        )  # fmt: skip
        for subject in elsewhere:
            assert not await user.may_publish(subject), subject
    for name in ("agency-y", "scoring", "notify", "operator", "office", "migrate", "backup", "repair", "intake"):
        async with connected(nats_server, name) as spy:
            assert not await spy.may_publish(subjects.submit("x")), name
            for subject in (f"{inbox_of('agency-x')}.>", "_INBOX.>", ">", "_R_.>"):
                assert not await spy.may_subscribe(subject), (name, subject)
            if name != "intake":
                assert not await spy.may_subscribe(subjects.submit("x")), name
                assert not await spy.may_subscribe(subjects.ALL_SUBMITS), name
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == 0


@asynccontextmanager
async def heard_by_others(server: NatsServer) -> AsyncIterator[list[str]]:
    """Return the subjects of what others hear that is not meant for them, as it comes."""
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    listened = {
        TESTER: ["ntm.v1.intake.submit.>", "ntm.v1.clock", "ntm.v1.intake.replay"],
        "agency-y": [f"{inbox_of('agency-y')}.>"],
        "operator": [f"{inbox_of('operator')}.>"],
        "intake": [f"{inbox_of('intake')}.a", subjects.submit("y")],
    }
    async with AsyncExitStack() as stack:
        for name, listens in listened.items():
            other = await stack.enter_async_context(connected(server, name))
            for subject in listens:
                await other.client.subscribe(subject, cb=hear)
            await other.client.flush()
        yield heard


async def test_an_answer_reaches_nobody_but_the_agency_that_asked_whatever_subject_it_names_for_the_reply(
    around: Surroundings, intake: Service, nats_server: NatsServer
) -> None:
    """On another agency's subject it would be taken for what that agency sends, in its inbox for a receipt."""
    await around.key("184", agency="x")
    await around.key("184", agency="y")
    targets = [
        *ELSEWHERE, subjects.submit("y"), subjects.submit("x"), f"{inbox_of('intake')}.a", f"{inbox_of('agency-y')}.a",
        f"{inbox_of('agency-y')}.a.b", f"{inbox_of('operator')}.a",
        subjects.replay("intake"), "ntm.v1.clock",
    ]  # fmt: skip
    async with connected(nats_server, "agency-x") as user, heard_by_others(nats_server) as heard:
        before = await _messages(around)
        for number, target in enumerate(targets):
            await user.client.publish(subjects.submit("x"), a_post(source_ref=f"reply {number}"), reply=target)
        assert outcome(await ask(user, "x", a_post(source_ref="after")))[0] == 202

        async def taken() -> bool:
            return await around.stored(subjects.SUBMISSIONS_STREAM) >= 1

        await eventually(taken)
        await asyncio.sleep(0.5)
        after = await _messages(around)
        async with intake.client(await around.key("184", agency="y")) as client:
            items = (await client.get("/v1/submissions")).json()["items"]
        assert {item["agency"] for item in items} <= {"x"}
    assert heard == []
    del before[subjects.SUBMISSIONS_STREAM], after[subjects.SUBMISSIONS_STREAM]
    del before[subjects.REFUSALS_STREAM], after[subjects.REFUSALS_STREAM]
    assert after == before


async def test_no_header_has_the_server_or_intake_publish_elsewhere(
    around: Surroundings, intake: Service, nats_server: NatsServer
) -> None:
    """`Nats-Trace-Dest` has a server tell there which way a message took."""
    key = await around.key("184", agency="x")
    headers = [
        {"Nats-Trace-Dest": "ntm.v1.submissions.184.06280"}, {"Nats-Trace-Dest": subjects.submit("y")},
        {"Nats-Trace-Dest": f"{inbox_of('agency-y')}.a"}, {"Nats-Schedule-Target": "ntm.v1.clock"},
        {"Nats-Msg-Id": "1"}, {"Nats-Expected-Stream": "STATUS"}, {"Nats-Rollup": "all"},
        {"Nats-Request-Info": '{"acc": "AGENCY-Y"}'}, {"Nats-TTL": "1s"}, {"Ntm-Signature": "x"}, {"ce-id": "x"},
    ]  # fmt: skip
    async with connected(nats_server, "agency-x") as user, heard_by_others(nats_server) as heard:
        sent: set[str] = set()
        for number, forged in enumerate(headers):
            body = a_post(source_ref=f"header {number}")
            inbox = user.client.new_inbox()
            await user.client.publish(subjects.submit("x"), body, reply=inbox, headers=forged)
            reply = await ask(user, "x", body, Authorization=f"Bearer {key}")
            assert outcome(reply) == (202, "accepted"), forged
            sent.add(json.loads(reply.data)["id"])
        stream = around.nats.jetstream()
        for number in range(1, await around.stored(subjects.SUBMISSIONS_STREAM) + 1):
            kept = await stream.get_msg(subjects.SUBMISSIONS_STREAM, number)
            assert json.loads(kept.data)["id"] in sent
            assert (kept.headers or {})["Nats-Msg-Id"] in sent
            assert not {"Nats-Trace-Dest", "Nats-Schedule-Target", "Nats-TTL", "Nats-Rollup"} & set(kept.headers or {})
    assert heard == []


async def _messages(around: Surroundings) -> dict[str, int]:
    infos = await around.nats.jetstream().streams_info()
    return {info.config.name or "": info.state.messages for info in infos}


async def test_the_example_in_the_documents_gets_a_receipt(
    around: Surroundings, intake: Service, nats_server: NatsServer, tmp_path: Path
) -> None:
    (example,) = re.findall(r"```python\n(.*?nkeys_seed.*?)```", DOCUMENT.read_text(), re.DOTALL)
    await around.key("184", agency="x")
    example = example.replace("nats://127.0.0.1:4222", nats_server.url)
    example = example.replace("agency-ID.nk", str(seed_file(nats_server.users, "agency-x"))).replace("ID", "x")
    (tmp_path / "example.py").write_text(example)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(tmp_path / "example.py"), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert said.decode().startswith("202 "), said
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == 1
