"""Receive the calls of notify's webhooks: verified, kept before they are answered, each handled once.

    NTM_WEBHOOK_SECRET=whsec_… python receive_webhook.py 8080 calls.sqlite

The secret is that of `POST /v1/subscriptions`; while it is rotated, name both with a space between. Put it behind the
HTTPS of your own server: notify calls public HTTPS addresses only.

Prints a line for each event: its id, which NATS and `/v1/changes` give it too, and its content. A call is kept in
`calls.sqlite` before it is answered, so nothing that notify takes for delivered is lost; a repeated one, known by its
`webhook-id`, is answered and dropped. A receiver that is killed after it has handled a call and before it has noted
that handles it once more at its next start.
"""

import hashlib
import hmac
import json
import os
import re
import sqlite3
import sys
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import closing
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

OLDEST_SECONDS = 300
"""The age from which on a signed call counts no longer: somebody may have recorded it and send it again."""
LARGEST_BYTES = 1_000_000

TABLE = "CREATE TABLE IF NOT EXISTS call (id TEXT PRIMARY KEY, body BLOB NOT NULL, handled INTEGER NOT NULL DEFAULT 0)"


def is_genuine(headers: Message, body: bytes, secrets: Sequence[str], now: float) -> bool:
    """Say whether one of the secrets signed a call (https://www.standardwebhooks.com) within the last five minutes."""
    call_id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not call_id or not re.fullmatch(r"[0-9]{1,12}", at) or abs(now - int(at)) > OLDEST_SECONDS:
        return False
    signed = f"{call_id}.{at}.".encode() + body
    given = headers.get("webhook-signature", "").split()
    for secret in secrets:
        digest = hmac.digest(b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
        wanted = f"v1,{b64encode(digest).decode()}".encode()
        if any(hmac.compare_digest(wanted, one.encode()) for one in given):
            return True
    return False


def handle(body: bytes) -> None:
    """Do with an event what you subscribed for; it may take its time, since the call is answered already."""
    event = json.loads(body)["data"]
    print(event["id"], json.dumps(event, ensure_ascii=False), flush=True)


class Calls:
    """The calls that were taken. One is handled at a time, in the order in which they came."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._has_new = threading.Event()
        with self._database() as database:
            database.execute(TABLE)

    def _database(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self._file, timeout=30, isolation_level=None))  # each statement commits

    def keep(self, call_id: str, body: bytes) -> None:
        """Keep a call; when this returns it is on disk. A repeated one changes nothing."""
        with self._database() as database:
            database.execute("INSERT OR IGNORE INTO call (id, body) VALUES (?, ?)", (call_id, body))
        self._has_new.set()

    def handle_all(self) -> None:
        """Handle what is kept and not yet handled, without an end. Where handling fails the program ends, and tries it
        again at its next start.
        """
        with self._database() as database:
            while True:
                self._has_new.clear()
                unhandled = database.execute("SELECT id, body FROM call WHERE NOT handled ORDER BY rowid").fetchall()
                for call_id, body in unhandled:
                    handle(body)
                    database.execute("UPDATE call SET handled = 1 WHERE id = ?", (call_id,))
                self._has_new.wait()


def receiver(calls: Calls, secrets: Sequence[str]) -> type[BaseHTTPRequestHandler]:
    """Return what answers the requests."""

    class Receiver(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            self.send_response(self._take())
            self.end_headers()

        def _take(self) -> HTTPStatus:
            length = self.headers.get("Content-Length", "")
            if not re.fullmatch(r"[0-9]{1,12}", length):
                return HTTPStatus.LENGTH_REQUIRED
            if int(length) > LARGEST_BYTES:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            body = self.rfile.read(int(length))
            if not is_genuine(self.headers, body, secrets, time.time()):
                return HTTPStatus.UNAUTHORIZED
            calls.keep(self.headers["webhook-id"], body)
            return HTTPStatus.NO_CONTENT

        def log_message(self, *_args: object) -> None:
            """Print nothing: the output is the events'."""

    return Receiver


def main(port: int, file: Path) -> None:
    """Take calls until the program is ended."""
    calls = Calls(file)
    server = ThreadingHTTPServer(("127.0.0.1", port), receiver(calls, os.environ["NTM_WEBHOOK_SECRET"].split()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    calls.handle_all()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
