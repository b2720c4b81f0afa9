"""Evidence is scanned by ClamAV's daemon, with a signature of the test's own.

`NTM_CLAMD`, or an installed `clamd`. Without it the tests skip; they fail if NTM_NEED_CLAMAV=1.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.contracts import subjects
from tests.integration.test_evidence import A_PDF, ask, attach, attached, codes, names
from tests.integration.test_reviews import BORDER
from tests.ports import free_port
from tests.running import Service, Surroundings
from tests.waiting import eventually

MARK = b"NTM-TEST-SIGNATURE"
UNSAFE = A_PDF + MARK
ABOUT = {"unit": BORDER, "period": "2023-04", "criterion": "ntm-13"}


@pytest.fixture
async def clamd(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a running daemon."""
    program = os.environ.get("NTM_CLAMD") or shutil.which("clamd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        reason = "NOTHING IS SCANNED: no clamd was found. Install Debian's clamav-daemon, or name it by NTM_CLAMD."
        if os.environ.get("NTM_NEED_CLAMAV") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    database, port = tmp_path / "signatures", free_port()
    database.mkdir()
    (database / "own.ndb").write_text(f"Ntm.Test.Signature:0:*:{MARK.hex()}\n")
    settings = {"DatabaseDirectory": database, "TCPSocket": port, "TCPAddr": "127.0.0.1", "Foreground": "yes"}
    config = tmp_path / "clamd.conf"
    config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    with (tmp_path / "clamd.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(program, f"--config-file={config}", stdout=log, stderr=log)
        try:

            async def listens() -> bool:
                assert process.returncode is None, (tmp_path / "clamd.log").read_text()
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    return False
                writer.close()
                return True

            await eventually(listens)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            await process.wait()


def store_of(around: Surroundings) -> Path:
    return Path(around.env["NTM_EVIDENCE_STORE"].removeprefix("file://")) / "sha256"


async def refusals(intake: Service, key: str) -> list[str]:
    return [one["problem"]["code"] for one in (await ask(intake, key, "/v1/refusals")).json()["items"]]


async def test_a_file_that_is_not_clean_is_refused_by_name_recorded_and_not_stored(
    around: Surroundings, clamd: str
) -> None:
    intake = await around.start("intake", NTM_CLAMAV=clamd)
    key = await around.key(BORDER, agency="commune")
    await attached(intake, key, **ABOUT)
    answer = await attach(intake, key, UNSAFE, **ABOUT)
    assert codes(answer) == (422, "file_unsafe", ["unsafe_file"])
    assert "Ntm.Test.Signature" in answer.text
    assert names(store_of(around)) == {hashlib.sha256(A_PDF).hexdigest()}
    assert len(await around.published(subjects.ALL_EVIDENCE)) == 1

    async def is_recorded() -> bool:
        return await refusals(intake, key) == ["file_unsafe"]

    await eventually(is_recorded)


async def test_while_the_scanner_is_away_files_are_asked_for_again_and_nothing_is_stored(around: Surroundings) -> None:
    intake = await around.start("intake", NTM_CLAMAV=f"127.0.0.1:{free_port()}")
    key = await around.key(BORDER, agency="commune")
    answer = await attach(intake, key, **ABOUT)
    assert codes(answer)[:2] == (503, "unavailable")
    assert answer.headers["retry-after"] == "30"
    assert "quét mã độc" in answer.text
    assert not store_of(around).exists()
    assert await around.published(subjects.ALL_EVIDENCE) == []
    assert (await attach(intake, key, b"", link="https://example.vn/", **ABOUT)).status_code == 202
