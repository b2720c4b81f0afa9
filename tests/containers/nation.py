"""A national server, started as deploy/README.md says ("Many provinces"), which a province's installation tells."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from tests.containers.compose import ROOT, Compose, Project
from tests.ports import free_port

HOST, PROVINCE = "national.test", "20"
_FOLLOWER = ROOT / "deploy/examples/follow_provinces.py"
_FOLLOW = f"""
python /follow.py nats://nats:4222 /users/national/national.nk /tmp/places {PROVINCE} >/tmp/told &
for _ in $(seq 300); do
    [ "$(grep --count "$0" /tmp/told)" -ge "$1" ] && break
    sleep 0.2
done
grep "$0" /tmp/told
"""


def told(system: Project, subject: str, number: int, scaled: Sequence[str]) -> list[str]:
    """Have the province tell a national server; return the events of a subject that an office finds there.

    Waits for this number of them. The server is removed at the end, and the province goes on without it.
    """
    national = Compose(
        f"{system.name}-national", system.env_file.with_name("national"), ["docker-compose.national.yml"]
    )
    national.set(
        NTM_IMAGE=system.image,
        NTM_NATIONAL_HOST=HOST,
        NTM_PROVINCES=PROVINCE,
        NTM_NATS_STORE_BYTES="1000000000",
        NTM_LISTEN="127.0.0.1",
        NTM_NATIONAL_PORT=str(free_port()),
        NTM_NATS_PORT=str(free_port()),
    )
    try:
        national.run("up", "--detach", "--wait")
        [server] = national.containers("nats")
        reach = ["docker", "network", "connect", "--alias", HOST, f"{system.name}_default", server]
        subprocess.run(reach, check=True)
        _hand_over(national, system, "NTM_NATIONAL_FILE", "users", f"/users/province-{PROVINCE}/national.conf")
        _hand_over(national, system, "NTM_NATIONAL_CA_FILE", "certificates", "/certificates/ca/ca.crt")
        system.overlay("docker-compose.province.yml")
        system.run("up", "--detach", "--wait", *scaled)
        national.run("run", "--rm", "-T", "mirrors")
        follow = ("sh", "-c", _FOLLOW, f" national.{PROVINCE}.{subject} ", str(number))
        lines = national.run("run", "--rm", "-T", "-v", f"{_FOLLOWER}:/follow.py:ro", "mirrors", *follow).splitlines()
        return [json.loads(line.split(" ", 3)[3])["event"] for line in lines]
    finally:
        national.remove()


def _hand_over(national: Compose, system: Project, setting: str, service: str, file: str) -> None:
    """Put a file of the national office beside the province's settings, which name it."""
    ours = system.env_file.with_name(setting)
    ours.write_text(national.run("run", "--rm", "-T", service, "cat", file))
    ours.chmod(0o644)
    system.set(**{setting: str(ours)})
