"""`ntm migrate` says each change in both languages, Vietnamese first, with the name that NATS gives the setting."""

from __future__ import annotations

import pytest
from nats.js.api import DiscardPolicy

from shared.contracts import subjects
from shared.nats.roles import MIGRATE
from shared.nats.streams import ensure_streams
from shared.nats.users import seed_file
from tests.running import Surroundings, ntm

pytestmark = pytest.mark.usefixtures("binding")


async def test_each_change_of_a_stream_is_said_in_words(around: Surroundings) -> None:
    js = around.nats.jetstream()
    await ensure_streams(js)
    stream = subjects.SUBMISSIONS_STREAM
    config = (await js.stream_info(stream)).config
    await js.update_stream(config.evolve(max_age=3600, discard=DiscardPolicy.OLD, allow_direct=False))
    said = await around.ntm("migrate")
    assert (
        f"{stream}: thời gian lưu giữ (max_age): 3.600 giây → không có / {stream}: time for which messages are" in said
    )
    assert "(max_age): 3,600 seconds → none" in said
    assert "khi đầy (discard): bỏ bản tin cũ nhất → từ chối bản tin mới" in said
    assert "when it is full (discard): the oldest messages are dropped → new messages are refused" in said
    assert "mọi máy chủ đều trả lời truy vấn (allow_direct): không → có" in said
    await js.delete_stream(subjects.REFUSALS_STREAM)
    made = await around.ntm("migrate")
    assert f"{subjects.REFUSALS_STREAM}: các chủ đề (subjects): không có → " in made
    assert "->" not in said + made
    assert await around.ntm("migrate") == ""


async def test_more_copies_than_servers_are_refused_with_what_to_do(around: Surroundings) -> None:
    seed = str(seed_file(around.users, MIGRATE.name))
    said = await ntm("migrate", status=1, **around.env, NTM_NATS_SEED_FILE=seed, NTM_STREAM_REPLICAS="3")
    assert "NTM_STREAM_REPLICAS yêu cầu nhiều bản sao" in said
    assert "NTM_STREAM_REPLICAS asks for more copies" in said
    assert (await around.nats.jetstream().stream_info(subjects.SUBMISSIONS_STREAM)).config.num_replicas == 1
