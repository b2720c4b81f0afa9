"""`python -m tests.upgrade.fill v0.1.0`: fill a system with a release's programs, and keep it in `tests/data/`.

The folder gets the backup, the keys that signed its streams (invented ones), what its doors say of it, and the commit.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from services.scoring.storage.judged_version import judging_of_state
from tests.running import surroundings
from tests.servers import start_nats, start_postgres
from tests.upgrade.filled import FIRST_DAY, Filled, mail_server, reference_files
from tests.upgrade.programs import RELEASES, Programs, commit_of


async def fill(release: str, directory: Path) -> None:
    commit = commit_of(release)
    programs = Programs.of_commit(commit, directory / "programs")
    nats_server, postgres = await start_nats(directory, embedded=True), await start_postgres(directory, synced=False)
    nats = await nats_server.connect()
    into = RELEASES / release
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    try:
        async with (
            mail_server() as settings,
            surroundings(await postgres.create_database(), nats, nats_server, directory, programs.begin) as around,
        ):
            await programs.ntm("migrate", "--today", FIRST_DAY.isoformat(), **{**around.env, **around.user("migrate")})
            filled, data = Filled(around), {"NTM_DATA": str(directory)}
            await filled.start(**settings)
            around.as_running_system().write(directory)
            reference = str(reference_files(directory / "reference"))
            await programs.ntm("reference", "install", reference, "--reason", "Dữ liệu mẫu", **data)
            await filled.fill()
            known = await filled.known()
            async with around.engine.connect() as connection:
                known["judging"] = await judging_of_state(connection)
            print(await programs.ntm("backup", str(into / "backup"), **data))
        shutil.copytree(nats_server.users / "signing", into / "signing")
        known |= {"keys": filled.keys, "commit": commit, "evidence_id": filled.evidence}
        (into / "known.json").write_text(json.dumps(known, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    finally:
        await nats.close()
        await nats_server.remove()
        await postgres.remove()


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        asyncio.run(fill(sys.argv[1], Path(place)))
