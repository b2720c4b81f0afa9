"""`GET /v1/map/borders`: borders of the file beside the installation, within the key's units, kept by their ETag."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.borders import a_collection, a_feature, in_place_of_tiles, written
from tests.integration.test_map import the_map
from tests.integration.test_scoring import BORDER
from tests.running import Service, Surroundings

PATIENCE = 120


@pytest.fixture(scope="module")
async def bordered(shared_around: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A scoring with borders of all units but one."""
    file = written(tmp_path_factory.mktemp("borders"), in_place_of_tiles(lacking=["06283"]))
    return await shared_around.start("scoring", NTM_MAP=str(file))


async def the_borders(client: httpx.AsyncClient, tag: str | None = None) -> httpx.Response:
    return await client.get("/v1/map/borders", headers={"If-None-Match": tag} if tag else {})


def codes(found: dict[str, Any]) -> set[str]:
    return {border["unit"]["code"] for border in found["borders"]}


async def test_a_key_gets_the_borders_of_its_units(shared_around: Surroundings, bordered: Service) -> None:
    async with bordered.client(await shared_around.key("20")) as client:
        found, on_map = (await the_borders(client)).json(), await the_map(client)
        assert len(found["borders"]) == 199
        assert {tile["unit"]["code"] for tile in on_map["tiles"]} - codes(found) == {"06283"}
        assert found["version"] == on_map["borders"]
        assert all(border["path"].startswith("M") for border in found["borders"])
        whole = found["version"]
    async with bordered.client(await shared_around.key("184")) as client:
        found, on_map = (await the_borders(client)).json(), await the_map(client)
        assert {tile["unit"]["code"] for tile in on_map["tiles"]} - codes(found) == {"06283"}
        assert codes(found) > {"06280"}
        assert BORDER not in codes(found)
        assert found["version"] == on_map["borders"] != whole
    async with bordered.client(await shared_around.key(BORDER)) as client:
        assert codes((await the_borders(client)).json()) == {BORDER}
    async with bordered.client(await shared_around.key("06283")) as client:
        assert (await the_borders(client)).json() == {"version": None, "borders": []}
        assert (await the_map(client))["borders"] is None


async def test_borders_at_hand_are_not_sent_again(shared_around: Surroundings, bordered: Service) -> None:
    async with bordered.client(await shared_around.key("20")) as client:
        first = await the_borders(client)
        tag = first.headers["etag"]
        for asked in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            again = await the_borders(client, asked)
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), asked
        assert (await the_borders(client, 'W/"other"')).json() == first.json()
    async with bordered.client(await shared_around.key("184")) as client:
        other = await the_borders(client, tag)
        assert other.status_code == 200
        assert other.headers["etag"] != tag


async def test_without_a_file_there_are_no_borders(shared_around: Surroundings, shared_scoring: Service) -> None:
    async with shared_scoring.client(await shared_around.key("20")) as client:
        assert (await the_borders(client)).json() == {"version": None, "borders": []}
        assert (await the_map(client))["borders"] is None
    async with shared_scoring.client() as client:
        assert (await the_borders(client)).status_code == 401


async def test_a_file_with_a_fault_ends_the_start_with_words(around: Surroundings, tmp_path: Path) -> None:
    file = written(tmp_path, a_collection(a_feature(), a_feature("99999")))
    service = Service(
        "scoring",
        {**around.env, **around.user("scoring"), "NTM_MAP": str(file)},
        tmp_path / "scoring.log",
        around.begin,
    )
    await service.spawn()
    assert service.process
    status = await asyncio.wait_for(service.process.wait(), PATIENCE)
    said = service.log.read_text()
    assert status, said
    for words in (str(file), "features[1].properties.code", "99999", "Không có đơn vị nào mang mã này", "No unit has"):
        assert words in said
