"""From a submission to the mail and the SMS that it causes, through the containers of docker-compose.yml."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from types import FrameType
from typing import Any

import httpx
import nats

from shared.nats.roles import inbox_of
from tests.containers import doors, nation
from tests.containers.compose import Project, killed, project, restarts

COMMUNE, DISTRICT, CRITERION = "06283", "184", "ntm-11"
MET, LOST = (
    {"poor_households": 40, "near_poor_households": 20},
    {"poor_households": 200, "near_poor_households": 90},
)
SCALED = ("--scale", "intake=2", "--scale", "scoring=3", "--scale", "notify=2")
WAIT_SECONDS = 180.0
"""Patience: a machine may have much else to do."""
_began = time.monotonic()


def say(text: str) -> None:
    """Print a step, with the seconds since the start."""
    print(f"{time.monotonic() - _began:6.1f} s  {text}", flush=True)


def eventually[T](what: str, look: Callable[[], T | None]) -> T:
    """Return what `look` finds as soon as it finds something; raise AssertionError when that takes too long."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except httpx.TransportError:
            pass  # being started again
        time.sleep(0.1)
    raise AssertionError(f"not within {WAIT_SECONDS:.0f} s: {what}")


class Line:
    """The running system, as a district's office and its people see it."""

    def __init__(self, system: Project) -> None:
        self._system = system
        printed = system.run("run", "--rm", "-T", "ntm", "agency", "add", "Van Quan", "--unit", DISTRICT)
        key = re.search(r"^ntm_\S+$", printed, re.MULTILINE)
        assert key, f"no key in: {printed}"
        self.key = key[0]
        self._http = httpx.Client(trust_env=False, timeout=10, headers={"Authorization": f"Bearer {self.key}"})

    def post(self, counted: dict[str, int], **given: Any) -> None:
        """Post one submission, and check that intake accepts it."""
        submission = {"unit": COMMUNE, "confirmed": True, "readings": {"households": 1000, **counted}, **given}
        answer = self._http.post(f"{self._system.url('intake')}/v1/submissions", json=submission)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text

    def tries(self, ref: str, **given: Any) -> str | None:
        """Post one submission that changes no status; return its id, or None where the system could not take it."""
        figures = {"unit": COMMUNE, "period": "2023-06", "revision": 9, "readings": {"households": 1000}}
        try:
            answer = self._http.post(
                f"{self._system.url('intake')}/v1/submissions", json={**figures, "source_ref": ref}
            )
        except httpx.TransportError:
            return None
        return str(answer.json()["id"]) if answer.status_code == httpx.codes.ACCEPTED else None

    def accepted(self) -> set[str]:
        """Return the ids of all submissions that intake lists."""
        found, query = set[str](), {"limit": "100"}
        while True:
            answer = self._http.get(f"{self._system.url('intake')}/v1/submissions", params=query)
            page = answer.raise_for_status().json()
            found |= {one["receipt"]["id"] for one in page["items"]}
            if not page["next"]:
                return found
            query["cursor"] = page["next"]

    def trouble(self) -> str | None:
        """Return why intake is not ready; None: it is."""
        answer = self._http.get(f"{self._system.url('intake')}/readyz")
        return None if answer.is_success else answer.text

    def wait_for(self, status: str) -> None:
        """Wait until the criterion has this status."""
        eventually(f"{CRITERION} of {COMMUNE} is {status}", lambda: self._status() == status)

    def _status(self) -> str | None:
        answer = self._http.get(f"{self._system.url('scoring')}/v1/communes/{COMMUNE}")
        if answer.is_error:
            return None
        statuses = {one["criterion"]["key"]: str(one["status"]) for one in answer.json()["statuses"]}
        return statuses[CRITERION]

    def sent(self) -> list[dict[str, Any]]:
        """Return the mails and SMS in the postbox."""
        items: list[dict[str, Any]] = self._http.get(f"{self._system.url('postbox')}/outbox.json").json()["items"]
        return items

    def wait_for_notices(self, count: int) -> None:
        """Wait until the district's office has this many mails and this many SMS about the commune."""
        eventually(f"{count} mails and {count} SMS", lambda: self._told("mail") == self._told("sms") == count)

    def told(self) -> int:
        """Return how many mails and SMS about the commune anybody has; reminders of reports are about a district."""
        return sum(COMMUNE in one["text"] for one in self.sent())

    def _told(self, kind: str) -> int:
        about = [one for one in self.sent() if COMMUNE in one["text"] and DISTRICT in one["to"][0]]
        return sum(one["kind"] == kind for one in about)

    async def events(self) -> list[str]:
        """Return the changes of the criterion, as the office hears them in its account from the beginning."""
        seed = self._system.run("run", "--rm", "-T", "users", "cat", "/users/office/office.nk")
        client = await nats.connect(
            self._system.url("nats", "nats"), nkeys_seed_str=seed, inbox_prefix=inbox_of("office").encode()
        )
        try:
            subject = f"ntm.v1.status.{DISTRICT}.{COMMUNE}.{CRITERION}"
            subscription = await client.jetstream().subscribe(subject, stream="STATUS", ordered_consumer=True)
            heard = [await subscription.next_msg(timeout=10)]
            while left := heard[-1].metadata.num_pending:
                heard += [await subscription.next_msg(timeout=10) for _ in range(left)]
            return [json.loads(message.data)["event"] for message in heard]
        finally:
            await client.close()


def follow(system: Project) -> None:
    """Follow a submission along the whole line; raise AssertionError where the line breaks."""
    system.run("build")
    say("image built")
    system.run("up", "--detach", "--wait", *SCALED)
    say("system started, with each service more than once")

    line = Line(system)
    line.post(MET, period="2023-05")
    line.wait_for("met")
    say("first figures scored: met")
    line.post(LOST, period="2023-06")
    line.wait_for("not_met")
    say("worse figures scored: not met any more")
    line.wait_for_notices(1)
    for one in line.sent():
        say(f"  {one['kind']:<4} to {', '.join(one['to'])}: {one['subject'] or one['text']}")

    secret = system.run("exec", "-T", "notify", "sh", "-c", "echo $NTM_LINK_SECRET; cat $NTM_LINK_SECRET_FILE").split()
    assert len(secret) == 1, "it stands in the file alone"
    for service in ("intake", "scoring", "notify"):
        seeds = system.run("exec", "-T", service, "find", "/users", "-name", "*.nk").split()
        assert seeds == [f"/users/{service}/{service}.nk"], seeds
    for change in ("--renew", "--retire"):
        system.run("run", "--rm", "-T", "users", "ntm", "nats", "users", "/users", change, "notify")
        system.run("kill", "--signal", "HUP", "nats")
        if change == "--renew":
            system.run("restart", "notify")
    say("each service has its own seed only; notify's key was renewed beside the running broker")

    logs_are_json(system)
    confined(system)
    through_caddy(system, line)

    scoring = system.containers("scoring")
    for container in scoring:
        killed(container)
    line.post(MET, period="2023-06", revision=7)
    say("every process of scoring killed, then a correction accepted")
    line.wait_for("met")
    say("the correction is scored: met again, which is news for the digest of the week")
    eventually("every container of scoring was started again", lambda: all(restarts(one) for one in scoring))
    events = asyncio.run(line.events())
    assert events == ["first_data", "lost", "met", "lost", "met"], events
    say(f"a subscriber to NATS hears: {', '.join(events)}")
    told = nation.told(system, f"ntm.v1.status.{DISTRICT}.{COMMUNE}.{CRITERION}", len(events), SCALED)
    assert told == events, told
    say("a national server that was started as the guide says has the same events in its mirror of the province")
    drill(system, line)
    cluster_fails(system, line)


def logs_are_json(system: Project) -> None:
    """Check that every line that a container of ours has written, and each of Caddy's, is JSON; of commands as well."""
    for service in ("users", "nats-store", "migrate", "intake", "scoring", "notify", "postbox", "caddy"):
        lines = system.run("logs", "--no-color", "--no-log-prefix", service).splitlines()
        assert lines, service
        for line in lines:
            try:
                assert isinstance(json.loads(line), dict)
            except ValueError as error:
                raise AssertionError(f"{service}: {line}") from error
    say("every line of every log is JSON")


_REACHED = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor

def is_reached(place):
    name, port = place.split(":")
    try:
        socket.create_connection((name, int(port)), timeout=3).close()
    except OSError:
        return False
    return True

places = sys.argv[1:]
with ThreadPoolExecutor(len(places)) as pool:
    print(*(place for place, there in zip(places, pool.map(is_reached, places)) if there))
"""


def confined(system: Project) -> None:
    """Check that the service of PDF files is reached by scoring, and reaches scoring alone."""
    system.run("--profile", "pdf", "up", "--detach", "--no-build", "--no-deps", "pdf")

    def reached(by: str, *places: str) -> list[str]:
        return system.run("--profile", "pdf", "exec", "-T", by, "python", "-c", _REACHED, *places).split()

    parts = ["postgres:5432", "nats:4222", "intake:8001", "notify:8003", "postbox:8025"]
    eventually("scoring reaches all", lambda: len(reached("scoring", "pdf:8004", *parts)) > len(parts))
    found = reached("pdf", "scoring:8002", *parts)
    assert found == ["scoring:8002"], found
    system.run("--profile", "pdf", "rm", "--stop", "--force", "pdf")
    say("the service of PDF files is reached by scoring, and reaches scoring alone")


def through_caddy(system: Project, line: Line) -> None:
    """Follow streams, sessions and posts through Caddy to several processes of each service."""
    figures = {"unit": COMMUNE, "period": "2023-06", "confirmed": True}
    better, worse = ({"households": 1000, **counted} for counted in (MET, LOST))
    doors.streams(system, line.key, {**figures, "revision": 2, "readings": better})
    line.wait_for("met")
    say(f"a stream of {doors.LINES} lines taken; the change that they made was told by another that stayed open")
    again = doors.one_ends(system, line.key, {**figures, "revision": 3, "readings": worse})
    line.wait_for("not_met")
    line.wait_for_notices(2)
    say(f"200 posts taken while a process of intake was stopped, {again} of them sent again")
    printed = system.run(
        "run", "--rm", "-T", "ntm", "user", "add", "an", "--role", "coordinator", "--full-name", "An", "--agency", "VP"
    )
    password = printed.splitlines()[1]
    urls = [system.url(service) for service in doors.SERVICES]
    assert "secure" not in doors.sessions(urls[1], urls, "an", password).lower()
    doors.tls(system, "an", password)
    say("one sign-in opens every process of every service; with TLS before them by one setting as well")


def drill(system: Project, line: Line) -> None:
    """Restore a backup of one server into three nodes and an empty database: all is there, and nobody is told again."""
    system.run("run", "--rm", "-T", "backup", "ntm", "backup", "/backups")
    [file] = system.run("run", "--rm", "-T", "--entrypoint", "ls", "restore", "/backups").split()
    system.run("run", "--rm", "-T", "backup", "ntm", "backup", "--verify", f"/backups/{file}")
    accepted, told = line.accepted(), line.told()
    system.run("stop", "intake", "scoring", "notify")
    doors.none_is_left(system)
    system.run("down", "--timeout", "10")
    lost = [f"{system.name}_{volume}" for volume in ("nats", "postgres", "evidence", "spool")]
    subprocess.run(["docker", "volume", "rm", *lost], check=True, capture_output=True)
    say(f"backed up with {len(accepted)} submissions; then the volumes of NATS, PostgreSQL and the evidence were lost")
    system.overlay("docker-compose.cluster.yml")
    said = system.run("run", "--rm", "-T", "restore", f"/backups/{file}")
    say("restored into a cluster of three nodes: " + said.strip().splitlines()[-1])
    system.run("up", "--detach", "--wait", *SCALED)
    line.wait_for("met")
    assert line.accepted() == accepted
    system.run("run", "--rm", "-T", "ntm", "rebuild", "--verify")  # it fails where anything differs
    line.post(LOST, period="2023-06", revision=8)
    line.wait_for("not_met")
    line.wait_for_notices(3)
    assert line.told() == told // 2 * 3, "each of the three losses is told once to each"
    say("all is there; it is what the streams make of it; the next change is told, and none before it again")


def cluster_fails(system: Project, line: Line) -> None:
    """Kill one node and then the other under load, and both at once: all that was accepted is there."""
    nodes, numbers, end = ("nats-1", "nats-2"), count(1), threading.Event()

    def post_on() -> set[str]:
        kept = set[str]()
        while not end.is_set():
            if taken := line.tries(f"in the cluster {next(numbers)}"):
                kept.add(taken)
        return kept

    def without(node: str) -> None:
        system.run("kill", node)
        eventually(f"a post is taken without {node}", lambda: line.tries(f"without {node}"))
        system.run("up", "--detach", "--wait", "--no-deps", node)

    with ThreadPoolExecutor(2) as pool:
        posting = [pool.submit(post_on) for _ in range(2)]
        try:
            for node in nodes:
                without(node)
            system.run("kill", *nodes)
            # at first the answers of the leader that was killed are missed, then that there is no other
            eventually("intake says that the cluster has no quorum", lambda: "quorum" in (line.trouble() or ""))
            system.run("up", "--detach", "--wait", "--no-deps", *nodes)
            eventually("intake is ready", lambda: line.trouble() is None)
            eventually("a post is taken again", lambda: line.tries("after all"))
        finally:
            end.set()
        kept = set[str]().union(*(one.result() for one in posting))
    eventually("all that was accepted is listed", lambda: kept <= line.accepted())
    say(f"nodes killed one by one, and both at once, of which intake spoke: none of {len(kept)} accepted posts is lost")


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    with project(f"ntm-check-{os.getpid()}") as _system:
        follow(_system)
    say("removed; the containers are right")
