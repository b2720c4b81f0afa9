"""Reading a mail to the mailbox of answers, whoever wrote it and however it is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from email.message import Message
from email.utils import getaddresses
from html import unescape
from typing import NamedTuple

from services.notify.wording.visible_text import lines_of
from shared.text import plain, storable

LONGEST_MAIL = 256 * 1024
"""The bytes of a mail that are read: an answer stands at its beginning, before what it quotes and attaches."""
_LONGEST_HEADER = 4000
_LONGEST_TEXT = 20_000
_LONGEST_WORDS = 500
_MOST_PARTS = 50

_RECEIVED = frozenset({"1", "ok", "da nhan"})
"""The answers that acknowledge, without diacritics, case and punctuation."""

_TEXTS = ("text/plain", "text/html")
_TO = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")
_PRECEDENCES = frozenset({"bulk", "junk", "list", "auto_reply"})
_OF_MACHINES = ("X-Auto-Response-Suppress", "X-Autoreply", "X-Autorespond", "List-Id")
_QUOTED = re.compile(
    r"^[^\S\n]*(?:>|-{3,}|_{5,}|--[^\S\n]*$|(?:from|từ|người gửi)\s*:|sent from my\b"
    r"|gửi từ (?:iphone|ipad|outlook|điện thoại)\b"
    r"|(?:on|vào|lúc|ngày)\b[^\n]*(?:\n[^\n]*)?\b(?:wrote|viết)\s*:)",
    re.IGNORECASE | re.MULTILINE,
)
"""The beginning of what an answer quotes or of its signature, as mail programs write it in English and Vietnamese."""


_TAG = re.compile(r"(<[^<>]*>)")
_NAME = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_HIDDEN = frozenset({"head", "script", "style", "title", "template"})
_LINES = frozenset({"br", "div", "p", "li", "tr", "h1", "h2", "h3", "table"})


class Mail(NamedTuple):
    """A mail that was read: its senders and recipients, whether a program wrote it, and its writer's own words."""

    senders: Sequence[str]
    recipients: Sequence[str]
    is_automatic: bool
    words: str
    """Without what it quotes, cut to what a note may hold; empty where nothing can be read."""

    @property
    def says_received(self) -> bool:
        """Whether the first line says that the notice was received, and nothing else."""
        first = self.words.partition("\n")[0]
        return " ".join(re.sub(r"[\W_]+", " ", plain(first)).split()) in _RECEIVED

    @property
    def note(self) -> str:
        """The words beside those that say that the notice was received."""
        return self.words.partition("\n")[2].strip() if self.says_received else self.words


def read_mail(raw: bytes) -> Mail:
    """Return what a mail says by its first `LONGEST_MAIL` bytes; any error of the parser where it is broken."""
    # headers are read as they stand: the newer policies parse each by a grammar that hostile ones make slow
    mail = message_from_bytes(raw[:LONGEST_MAIL], policy=policy.compat32)
    return Mail(_addresses(mail, ("From",)), _addresses(mail, _TO), _is_automatic(mail), _own_words(mail))


def _headers(mail: Message, name: str) -> list[str]:
    return [str(value)[:_LONGEST_HEADER] for value in mail.get_all(name, [])[:_MOST_PARTS]]


def _addresses(mail: Message, names: Sequence[str]) -> Sequence[str]:
    written = [value for name in names for value in _headers(mail, name)]
    return [address for _, address in getaddresses(written) if address]


def _is_automatic(mail: Message) -> bool:
    """Say whether a program wrote it: RFC 3834, what Exchange and mailing lists say, and reports about delivery."""
    submitted = "".join(_headers(mail, "Auto-Submitted")[:1]).partition(";")[0].strip().casefold()
    precedence = "".join(_headers(mail, "Precedence")[:1]).strip().casefold()
    return (
        submitted not in ("", "no")
        or precedence in _PRECEDENCES
        or any(mail.get(name) is not None for name in _OF_MACHINES)
        or any(path.strip() == "<>" for path in _headers(mail, "Return-Path"))
        or mail.get_content_type() == "multipart/report"
        or any(sender.casefold().startswith("mailer-daemon@") for sender in _addresses(mail, ("From",)))
    )


def _own_words(mail: Message) -> str:
    texts = dict(_texts(mail))
    written = texts.get("text/plain", "").strip() or texts.get("text/html", "")
    own = _QUOTED.split(written[:_LONGEST_TEXT].replace("\r\n", "\n"), maxsplit=1)[0]
    return "\n".join(lines_of(storable(own.strip())))[:_LONGEST_WORDS].strip()


def _texts(mail: Message) -> Iterator[tuple[str, str]]:
    """Yield the first text of each kind that is neither attached nor part of a mail within the mail."""
    parts, seen = [mail], set[str]()
    for _ in range(_MOST_PARTS):
        if not parts:
            return
        part = parts.pop(0)
        kind = part.get_content_type()
        if part.is_multipart():
            if kind.startswith("multipart/"):
                parts[:0] = [each for each in part.get_payload() if isinstance(each, Message)]
        elif (
            kind in ("text/plain", "text/html") and kind not in seen and part.get_content_disposition() != "attachment"
        ):
            seen.add(kind)
            text = _decoded(part)
            yield kind, _visible(text) if kind == "text/html" else text


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return content.decode(part.get_content_charset("utf-8"), errors="replace")
    except (LookupError, ValueError):  # a charset that nobody knows
        return content.decode(errors="replace")


def _visible(html: str) -> str:
    """Return what people see of HTML, up to what it quotes.

    By its tags alone: the standard library's parser takes minutes for a mail that was made to occupy it.
    """
    text, hidden = list[str](), 0
    for piece in _TAG.split(html):
        tag = _NAME.match(piece)
        if tag is None:
            text.append("" if hidden else " ".join(piece.split()) if piece.strip() else " ")
            continue
        closes, name = tag[1] == "/", tag[2].casefold()
        if name == "blockquote" or "appendonsend" in piece:  # how Gmail, Apple's Mail and Outlook begin a quotation
            break
        if name in _HIDDEN:
            hidden = max(hidden - 1, 0) if closes else hidden + 1
        elif name in _LINES:
            text.append("\n")
    return "\n".join(line.strip() for line in unescape("".join(text)).splitlines() if line.strip())
