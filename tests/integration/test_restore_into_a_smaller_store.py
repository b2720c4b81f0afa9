"""Streams come back into a store that is smaller than the one from which they were backed up, as far as they fit."""

from __future__ import annotations

from pathlib import Path

from shared.backup import streams
from shared.backup.archive import parts, written
from shared.backup.manifest import Manifest
from shared.contracts import subjects
from shared.nats.cloud_events import Message
from shared.nats.publishing import publish
from shared.nats.streams import ensure_streams
from shared.time import utc_now
from tests.servers import start_nats

STORE = 10_000_000


async def test_streams_get_their_share_of_the_new_store_and_an_operators_limit_stays(tmp_path: Path) -> None:
    larger = await start_nats(tmp_path / "larger", 2 * STORE, embedded=True)
    smaller = await start_nats(tmp_path / "smaller", STORE, embedded=True)
    try:
        before, after = await larger.connect(), await smaller.connect()
        await ensure_streams(before.jetstream(), store_bytes=2 * STORE)
        own = (await before.jetstream().stream_info(subjects.REFUSALS_STREAM)).config
        await before.jetstream().update_stream(own.evolve(max_bytes=123_456))
        await publish(before, [Message("ntm.v1.submissions.184.06280", b"{}")])
        with written(tmp_path / "b", []) as archive:
            notes = await streams.dump(before, archive)
            archive.finish(
                Manifest(
                    program="tests", made_at=utc_now(), clock="real", heads={}, tables=[], sequences={}, consumers={},
                    streams=notes, members=archive.members,
                )
            )  # fmt: skip
        members = parts(tmp_path / "b", None)
        await streams.restore(after, notes, next(members), members, None)
        await ensure_streams(after.jetstream(), store_bytes=STORE)
        configs = {info.config.name: info.config for info in await after.jetstream().streams_info()}
        assert configs[subjects.SUBMISSIONS_STREAM].max_bytes == STORE * 40 // 100
        assert configs[subjects.REFUSALS_STREAM].max_bytes == 123_456
        assert (await after.jetstream().get_msg(subjects.SUBMISSIONS_STREAM, 1)).data == b"{}"
        await before.close()
        await after.close()
    finally:
        await larger.stop()
        await smaller.stop()
