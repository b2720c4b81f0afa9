"""The files of the stream of submissions are damaged by hand; then the documented commands make all whole again.

One system stands for all forms: NATS is stopped, its files are damaged, it is started again, and an agency goes on
sending before anybody has noticed. Blocks are small, so that a damaged one is one of several.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.cli.migrate import prepare
from shared.contracts import subjects
from shared.nats.roles import STREAMS_ACCOUNT
from shared.reference.load import load
from tests.builders import a_posted_submission
from tests.integration.test_repair import content
from tests.running import START, Service, Surroundings, settings_of, surroundings
from tests.forked import copied
from tests.servers import NatsServer, PostgresServer, start_nats
from tests.waiting import eventually

_STREAM = subjects.SUBMISSIONS_STREAM
_BYTES = 120_000
"""A limit of the stream by which the server makes blocks of 32 KB."""

ALL = sorted(unit.code for unit in load().units.communes(START, "20"))
UNITS = ALL[:12]

@dataclass
class System:
    around: Surroundings
    server: NatsServer
    files: Path
    intake: Service
    key: str
    log: list[Any] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    async def post(self, *items: dict[str, Any]) -> Any:
        async with self.intake.client(self.key) as client:
            return await client.post("/v1/submissions", json=list(items))

    async def receipts(self) -> list[dict[str, Any]]:
        async with self.intake.client(self.key) as client:
            return [(await client.get(f"/v1/submissions/{one}")).json() for one in self.ids]

    async def all_scored(self) -> bool:
        return all(receipt.get("status") == "scored" for receipt in await self.receipts())

    async def verdicts(self) -> list[Any]:
        async with self.around.engine.connect() as connection:
            rows = await connection.execute(text("SELECT * FROM scoring.status ORDER BY unit, criterion"))
            return [tuple(row) for row in rows]


@pytest.fixture(scope="module")
async def system(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    directory = tmp_path_factory.mktemp("damaged")
    server = await start_nats(directory, embedded=True)
    url = await postgres_server.create_database()
    await prepare(settings_of(url, server), START)
    nats = await server.connect()
    js = nats.jetstream()
    async with surroundings(url, nats, server, directory, copied) as around:
        config = (await js.stream_info(_STREAM)).config
        await js.update_stream(config.evolve(max_bytes=_BYTES))
        await server.stop()
        await server.restart()
        intake = await around.start("intake")
        await around.start("scoring")
        files = directory / "nats" / "jetstream" / STREAMS_ACCOUNT / "streams" / _STREAM
        key = await around.key("20")
        system = System(around, server, files, intake, key)
        answer = await system.post(*(a_posted_submission(unit=unit, period=f"2023-0{month}", source_ref="x"*100)
            for unit in UNITS for month in range(1, 6)))
        assert answer.status_code == 202, answer.text
        system.ids += [item["id"] for item in answer.json()["items"]]
        await eventually(system.all_scored)
        yield system
    await nats.close()
    await server.stop()
    await postgres_server.drop_database(url)



async def log_of(around):
    from nats.js.errors import NotFoundError
    js=around.nats.jetstream()
    found=[]
    for q in range(1,(await js.stream_info(_STREAM)).state.last_seq+1):
        try: m=await js.get_msg(_STREAM,q)
        except NotFoundError: continue
        found.append(m)
    return found

def blocks(files: Path) -> list[Path]:
    return sorted((files / "msgs").glob("*.blk"), key=lambda file: int(file.stem))

def cut(file: Path, size: int) -> None:
    with file.open("r+b") as opened:
        opened.truncate(size)

def write(file: Path, at: int, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(data)

def size(file): return file.stat().st_size

def flip(file, at):
    data = file.read_bytes()[at]
    write(file, at, bytes([data ^ 4]))

def block_cut_in_half(files): cut(blocks(files)[0], size(blocks(files)[0])//2)
def last_cut_in_half(files): cut(blocks(files)[-1], size(blocks(files)[-1])//2)
def last_torn(files): cut(blocks(files)[-1], size(blocks(files)[-1])-7)
def block_emptied(files): cut(blocks(files)[0], 0)
def last_emptied(files): cut(blocks(files)[-1], 0)
def zeroed(files): write(blocks(files)[0], size(blocks(files)[0])//2, bytes(3000))
def last_zeroed(files): write(blocks(files)[-1], size(blocks(files)[-1])//2, bytes(300))
def bit_flipped(files): flip(blocks(files)[0], 5000)
def bit_in_length(files): flip(blocks(files)[0], 1)
def bit_flipped_last(files): flip(blocks(files)[-1], size(blocks(files)[-1])//2)
def last_removed(files): blocks(files)[-1].unlink()
def first_removed(files): blocks(files)[0].unlink()
def middle_removed(files): blocks(files)[1].unlink()
def garbage_behind(files): blocks(files)[-1].open("ab").write(b"\x55"*400)
def index_removed(files): (files/"msgs"/"index.db").unlink()
def index_cut(files): cut(files/"msgs"/"index.db", 9)
def index_emptied(files): cut(files/"msgs"/"index.db", 0)
def index_garbage(files): (files/"msgs"/"index.db").write_bytes(b"\xff\x01garbage"*9)
def index_and_bit(files):
    index_removed(files); bit_flipped(files)
def meta_removed(files): (files/"meta.inf").unlink()
def meta_garbage(files): (files/"meta.inf").write_bytes(b"{\"name\": ")
def meta_edited(files): (files/"meta.inf").write_bytes((files/"meta.inf").read_bytes().replace(b"120000", b"120001"))
def sum_removed(files): (files/"meta.sum").unlink()
def sum_garbage(files): (files/"meta.sum").write_bytes(b"0123456789abcdef")
def state_removed(files):
    for one in files.glob("obs/*/o.dat"): one.unlink()
def state_garbage(files):
    for one in files.glob("obs/*/o.dat"): one.write_bytes(b"\x16\x02\xff\xff\xff\xff\xff\xff\xff\x7f"*3)
def state_emptied(files):
    for one in files.glob("obs/*/o.dat"): cut(one,0)
def consumer_meta_garbage(files):
    for one in files.glob("obs/*/meta.inf"): one.write_bytes(b"nonsense")
def consumers_removed(files): shutil.rmtree(files/"obs")
def msgs_removed(files): shutil.rmtree(files/"msgs")
def blocks_swapped(files):
    a,b = blocks(files)[:2]
    x,y = a.read_bytes(), b.read_bytes(); a.write_bytes(y); b.write_bytes(x)
def all_gone(files): shutil.rmtree(files)

FORMS=[bit_flipped, block_cut_in_half, last_cut_in_half, last_torn, block_emptied, last_emptied, zeroed, last_zeroed, bit_in_length, bit_flipped_last, last_removed, first_removed, middle_removed, garbage_behind, index_removed, index_cut, index_emptied, index_garbage, index_and_bit, meta_removed, meta_garbage, meta_edited, sum_removed, sum_garbage, state_removed, state_garbage, state_emptied, consumer_meta_garbage, consumers_removed, msgs_removed, blocks_swapped, all_gone]

@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
async def test_form(system, form):
    import time
    t=time.time()
    around=system.around
    before = {row[0]+str(row[1]) : row for row in content(await log_of(around))}
    receipts, verdicts = await system.receipts(), await system.verdicts()
    told = await around.stored(subjects.STATUS_STREAM)
    await system.server.stop()
    t1=time.time()
    print([ (b.name,size(b)) for b in blocks(system.files)])
    form(system.files)
    await system.server.restart()
    t2=time.time()
    number = len(system.ids)
    item = a_posted_submission(unit=ALL[number], period="2023-05")
    async def post():
        import httpx
        ans = await system.post(item)
        print(ans.status_code, ans.text[:300] if ans.status_code!=202 else "")
        return ans
    first = await post()
    t3=time.time()
    print(await around.ntm("migrate"))
    t4=time.time()
    print(await around.ntm("audit","repair", status=0))
    t5=time.time()
    print(await around.ntm("audit","verify"))
    t6=time.time()
    if first.status_code != 202:
        first = await post()
        assert first.status_code==202
    system.ids.append(first.json()["items"][0]["id"])
    await eventually(system.all_scored)
    after = {row[0]+str(row[1]) : row for row in content(await log_of(around))}
    assert {k: after.get(k) for k in before} == before
    assert len(after)==len(before)+1 == len(await log_of(around))
    got = (await system.receipts())[:-1]
    assert got == receipts
    new_key=next(u.key for u in load().units.communes(START,"20") if u.code==ALL[number])
    now=await system.verdicts()
    assert [v for v in now if v[0]!=new_key]==[v for v in verdicts if v[0]!=new_key]
    assert [v for v in now if v[0]==new_key] != [v for v in verdicts if v[0]==new_key]
    async with around.engine.connect() as c:
        assert await c.scalar(text("select count(*) from scoring.submission"))==len(system.ids)
        assert await c.scalar(text("select count(*) from intake.submission"))==len(system.ids)
        print("parked", await c.scalar(text("select count(*) from scoring.parked")), await c.scalar(text("select count(*) from intake.parked")))
    print("STATUS", told, await around.stored(subjects.STATUS_STREAM))
    print("TIMES stop %.1f start %.1f post %.1f migrate %.1f repair %.1f verify %.1f rest %.1f" % (t1-t,t2-t1,t3-t2,t4-t3,t5-t4,t6-t5,time.time()-t6))
