"""Through Caddy to several processes of each service: streams, sessions, a process that ends, no process, and TLS."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import httpx

from tests.containers.compose import Project

LINES = 1000
SERVICES = ("intake", "scoring", "notify")
_EACH = httpx.Limits(max_keepalive_connections=0)
"""A connection for each request: each may come to another process."""


def streams(system: Project, key: str, figures: dict[str, Any]) -> None:
    """Check that a stream of lines is taken as it comes, and that changes are told while their own stream goes on."""
    is_open, told = threading.Event(), SimpleQueue[str]()

    def follow() -> None:
        with http.stream("GET", f"{system.url('scoring')}/v1/changes/live", timeout=120) as answer:
            is_open.set()
            for line in answer.iter_lines():
                if line.startswith("data:") and figures["unit"] in line:
                    told.put(line)
                    return

    def lines() -> Iterator[bytes]:
        for number in range(LINES):
            yield json.dumps({**figures, "source_ref": f"line {number}"}).encode() + b"\n"

    with httpx.Client(trust_env=False, timeout=60, headers={"Authorization": f"Bearer {key}"}) as http:
        threading.Thread(target=follow, daemon=True).start()
        assert is_open.wait(60), "the stream of changes did not begin"
        answer = http.post(
            f"{system.url('intake')}/v1/submissions", content=lines(), headers={"Content-Type": "application/x-ndjson"}
        )
        outcomes = [json.loads(line) for line in answer.text.splitlines()]
        assert sum(one.get("status") == "accepted" for one in outcomes) == LINES, outcomes[-1]
        told.get(timeout=120)


def sessions(origin: str, urls: list[str], name: str, password: str, verify: ssl.SSLContext | bool = True) -> str:
    """Check that who signs in at one process is known to those of all addresses; return the cookie as it was set."""
    with httpx.Client(trust_env=False, timeout=30, limits=_EACH, verify=verify) as http:
        form = {"name": name, "password": password}
        begun = http.post(f"{origin}/sign-in", data=form, headers={"Origin": origin})
        assert begun.status_code == httpx.codes.SEE_OTHER, begun.text
        for url in urls:
            for _ in range(6):  # the first password is good for the sign-in, and for choosing another
                assert http.get(f"{url}/").headers["location"].startswith("/password")
        return begun.headers["set-cookie"]


def one_ends(system: Project, key: str, figures: dict[str, Any]) -> int:
    """Check that posts are taken while a process of intake is stopped; return how many had to be sent again."""
    first, *others = system.containers("intake")
    assert others

    def post(number: int) -> int:
        body = {**figures, "source_ref": f"while one ends {number}"}
        for sent in range(20):  # what was on its way to the process that ended is answered 502: nobody knows its fate
            answer = httpx.post(
                f"{system.url('intake')}/v1/submissions", json=body, headers={"Authorization": f"Bearer {key}"},
                timeout=60, trust_env=False,
            )  # fmt: skip
            if answer.status_code == httpx.codes.ACCEPTED:
                return sent
            assert answer.headers.get("retry-after"), answer.text
        raise AssertionError(answer.text)

    with ThreadPoolExecutor(4) as pool:
        posts = [pool.submit(post, number) for number in range(200)]
        subprocess.run(["docker", "stop", first], check=True, capture_output=True)
        again = sum(one.result() > 0 for one in posts)
    subprocess.run(["docker", "start", first], check=True, capture_output=True)
    assert again < len(posts) / 10, f"{again} of {len(posts)} were not taken at once: the other process was not asked"
    return again


def none_is_left(system: Project) -> None:
    """Check that a service of which no process runs is answered for, in both languages."""
    answer = httpx.get(f"{system.url('notify')}/v1/alerts", trust_env=False, timeout=60)
    assert answer.status_code in {httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"]
    assert answer.json()["status"] == answer.status_code
    assert "tạm ngừng" in answer.json()["title"]


def tls(system: Project, name: str, password: str) -> None:
    """Check that one setting puts TLS before all doors; for `localhost` Caddy's own authority vouches."""
    system.set(NTM_SITE="localhost")
    system.run("up", "--detach", "--wait", "--no-deps", "caddy")
    authority = system.run("exec", "-T", "caddy", "cat", "/data/caddy/pki/authorities/local/root.crt")
    trusting = ssl.create_default_context(cadata=authority)
    urls = [system.url(service, "https").replace("127.0.0.1", "localhost") for service in SERVICES]
    cookie = sessions(urls[1], urls, name, password, trusting)
    assert "secure" in cookie.lower()
    system.set(NTM_SITE="")
    system.run("up", "--detach", "--wait", "--no-deps", "caddy")
