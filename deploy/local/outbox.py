"""The mails and SMS that were sent on this machine: a mail is an .eml file, an SMS a JSON file, numbered together."""

from __future__ import annotations

import email
import email.errors
import email.policy
import json
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ValidationError

ENVELOPE = "X-Postbox-Envelope"
"""The first line of a kept mail: its time, and its sender and recipients as SMTP named them."""

# The exceptions that the standard library's parser raises on broken mail.
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, email.errors.MessageError)


class Sent(BaseModel):
    """A mail or an SMS. `n` numbers both kinds together, in the order in which they came."""

    n: int
    kind: Literal["mail", "sms"]
    at: datetime
    sender: str
    to: list[str]
    subject: str | None = None
    text: str
    id: str
    request_id: str | None = None


class Outbox:
    """The mails and SMS in the files below a directory."""

    def __init__(self, directory: Path) -> None:
        self.mail = directory / "mail"
        self.sms = directory / "sms"
        for folder in (self.mail, self.sms):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        read = [_read_mail(path) for path in self.mail.glob("*.eml")]
        read += [_read_sms(path) for path in self.sms.glob("*.json")]
        self.items = sorted((sent for sent in read if sent), key=lambda sent: sent.n)
        self._requests = {sent.request_id: sent for sent in self.items if sent.request_id}
        paths = [*self.mail.iterdir(), *self.sms.iterdir()]
        self._last = max((int(path.stem) for path in paths if path.stem.isdecimal()), default=0)

    def keep_mail(self, sender: str, to: list[str], content: bytes) -> Sent:
        """Keep a mail and return it. Raises OSError when it cannot be kept."""
        envelope = {"at": datetime.now(UTC).isoformat(), "from": sender, "to": to}
        raw = f"{ENVELOPE}: {json.dumps(envelope)}\r\n".encode() + content
        n = self._next()
        path = self.mail / f"{n:06}.eml"
        _put(path, raw)
        return self._add(_mail(n, raw))

    def keep_sms(self, sender: str, to: str, text: str, request_id: str | None) -> Sent:
        """Keep an SMS and return it. Raises OSError when it cannot be kept."""
        n = self._next()
        sent = Sent(
            n=n,
            kind="sms",
            at=datetime.now(UTC),
            sender=sender,
            to=[to],
            text=text,
            id=str(uuid4()),
            request_id=request_id,
        )
        _put(self.sms / f"{n:06}.json", sent.model_dump_json(indent=2).encode())
        return self._add(sent)

    def find_request(self, request_id: str) -> Sent | None:
        """Return the SMS that came with this RequestId; None when there is none."""
        return self._requests.get(request_id)

    def raw_mail(self, n: int) -> bytes | None:
        """Return the kept file of a mail; None when there is none."""
        path = self.mail / f"{n:06}.eml"
        return path.read_bytes() if path.exists() else None

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _add(self, sent: Sent) -> Sent:
        self.items.append(sent)
        if sent.request_id:
            self._requests[sent.request_id] = sent
        return sent


def parsed(raw: bytes) -> EmailMessage:
    """Return the message of a kept mail."""
    return email.message_from_bytes(raw, policy=email.policy.default)


def body(message: EmailMessage, kind: Literal["plain", "html"]) -> str | None:
    """Return the text or the HTML part of a mail; None when there is none that can be read."""
    try:
        part = message.get_body(preferencelist=(kind,))
        return str(part.get_content()) if part else None
    except _UNREADABLE:
        return None


def header(message: EmailMessage, name: str) -> str:
    """Return the text of a header, empty when the header is absent or unreadable."""
    try:
        return " ".join(str(message.get(name, "")).split())  # a folded header may unfold with a space too many
    except _UNREADABLE:
        return ""


def _mail(n: int, raw: bytes) -> Sent:
    envelope = json.loads(raw.split(b"\r\n", 1)[0].decode().removeprefix(f"{ENVELOPE}: "))
    message = parsed(raw)
    return Sent(
        n=n,
        kind="mail",
        at=envelope["at"],
        sender=envelope["from"],
        to=envelope["to"],
        subject=header(message, "Subject"),
        text=body(message, "plain") or "",
        id=header(message, "Message-ID"),
    )


def _read_mail(path: Path) -> Sent | None:
    try:
        return _mail(int(path.stem), path.read_bytes())
    except (ValueError, KeyError):
        return None


def _read_sms(path: Path) -> Sent | None:
    try:
        return Sent.model_validate_json(path.read_bytes())
    except ValidationError:
        return None


def _put(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.replace(path)
