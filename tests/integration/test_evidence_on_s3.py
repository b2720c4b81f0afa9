"""Evidence in a bucket of S3, tried against moto's server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from shared.contracts import subjects
from shared.object_store import ObjectStore, StoreAwayError
from tests.integration.test_evidence import A_PDF, ask, attach, attached, codes
from tests.integration.test_reviews import BORDER
from tests.ports import free_port
from tests.running import Surroundings

ABOUT = {"unit": BORDER, "period": "2023-04", "criterion": "ntm-13"}
BUCKET = "minh-chung"
STORE = f"s3://{BUCKET}/lang-son"


@pytest.fixture
def s3() -> Iterator[ThreadedMotoServer]:
    server = ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def way(s3: ThreadedMotoServer) -> dict[str, str]:
    """The settings that lead to the server, with an empty bucket."""
    address = "http://{}:{}".format(*s3.get_host_and_port())
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.post(f"{address}/moto-api/reset")
        assert (await client.put(f"{address}/{BUCKET}")).status_code == 200
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
    }


async def test_files_go_to_the_bucket_and_come_back(around: Surroundings, way: dict[str, str]) -> None:
    intake = await around.start("intake", NTM_EVIDENCE_STORE=STORE, **way)
    key = await around.key(BORDER, agency="commune")
    made = await attached(intake, key, **ABOUT)
    digest = hashlib.sha256(A_PDF).hexdigest()
    async with httpx.AsyncClient(trust_env=False) as client:
        unsigned = await client.get(f"{way['AWS_ENDPOINT_URL']}/{BUCKET}/lang-son/sha256/{digest}")
    assert unsigned.status_code == 403  # it is there, and nobody gets it by its address
    assert (await ask(intake, key, f"/v1/evidence/{made['id']}/file")).content == A_PDF


async def test_the_store_lists_what_it_has_and_names_what_is_missing_or_changed(
    way: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in way.items():
        monkeypatch.setenv(name, value)
    store = ObjectStore.at(STORE)
    content = bytes(range(256)) * 40_000  # as much as evidence may have
    digest = await store.put(content)
    assert await store.digests() == [digest]
    assert await store.fault(digest) is None
    assert b"".join([chunk async for chunk in store.chunks(digest)]) == content
    await S3Store.from_url(STORE).put_async(f"sha256/{digest}", b"forged")
    async with httpx.AsyncClient(trust_env=False) as client:
        uploads = await client.get(f"{way['AWS_ENDPOINT_URL']}/{BUCKET}?uploads")
    assert "<UploadId>" not in uploads.text
    assert (await store.fault(digest), await store.fault("0" * 64)) == ("changed", "missing")


async def test_while_the_bucket_is_away_files_are_asked_for_again_and_nothing_is_logged(
    around: Surroundings, s3: ThreadedMotoServer, way: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = await around.start("intake", NTM_EVIDENCE_STORE=STORE, **way)
    key = await around.key(BORDER, agency="commune")
    s3.stop()
    assert codes(await attach(intake, key, **ABOUT))[:2] == (503, "unavailable")
    assert await around.published(subjects.ALL_EVIDENCE) == []
    for name, value in way.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreAwayError):
        await ObjectStore.at(STORE).digests()
