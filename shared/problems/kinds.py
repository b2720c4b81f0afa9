"""The kinds of problems that a request can have."""

from __future__ import annotations

from enum import Enum

from shared.contracts.bilingual import Bilingual
from shared.texts import phrase


class Problems(Enum):
    """Every kind of problem: its HTTP status and title. The name in lower case is the problem's code."""

    INVALID_JSON = 400, phrase("kinds.invalid_json")
    INVALID_QUERY = 400, phrase("kinds.invalid_query")
    NO_KEY = 401, phrase("kinds.no_key")
    WRONG_KEY = (
        401,
        phrase("kinds.wrong_key"),
    )
    OUT_OF_SCOPE = 403, phrase("kinds.out_of_scope")
    NOT_FOUND = 404, phrase("kinds.not_found")
    METHOD_NOT_ALLOWED = 405, phrase("kinds.method_not_allowed")
    NO_ADDRESS = (
        409,
        phrase("kinds.no_address"),
    )
    SENT_LATELY = (
        429,
        phrase("kinds.sent_lately"),
    )
    LINK_EXPIRED = 410, phrase("kinds.link_expired")
    TOO_SLOW = 408, phrase("kinds.too_slow")
    TOO_LARGE = 413, phrase("kinds.too_large")
    TOO_MANY_ITEMS = 413, phrase("kinds.too_many_items")
    KEY_USED = (
        409,
        phrase("kinds.key_used"),
    )
    REVIEWED = (
        409,
        phrase("kinds.reviewed"),
    )
    WITHDRAWN = 409, phrase("kinds.withdrawn")
    EVIDENCE_WITHDRAWN = 409, phrase("kinds.evidence_withdrawn")
    CLOSED = (
        409,
        phrase("kinds.closed"),
    )
    OUT_OF_TURN = 409, phrase("kinds.out_of_turn")
    NOTICE_WITHHELD = 409, phrase("kinds.notice_withheld")
    NOT_SENDABLE = 409, phrase("kinds.not_sendable")
    SILENCE_ENDED = 409, phrase("kinds.silence_ended")
    PACKED = 415, phrase("kinds.packed")
    NOT_JSON = 415, phrase("kinds.not_json")
    REFUSED = 422, phrase("kinds.refused")
    FILE_REFUSED = 422, phrase("kinds.file_refused")
    FILE_UNSAFE = 422, phrase("kinds.file_unsafe")
    NOTHING_FILLED = 422, phrase("kinds.nothing_filled")
    NOTHING_TO_FILL = 422, phrase("kinds.nothing_to_fill")
    BUSY = (
        429,
        phrase("kinds.busy"),
    )
    RATE_LIMITED = 429, phrase("kinds.rate_limited")
    UNAVAILABLE = (
        503,
        phrase("kinds.unavailable"),
    )
    FORMAT_NOT_INSTALLED = 501, phrase("kinds.format_not_installed")
    NO_EVIDENCE_STORE = 501, phrase("kinds.no_evidence_store")
    EVIDENCE_LOST = 500, phrase("kinds.evidence_lost")
    LOG_DIFFERS = 500, phrase("kinds.log_differs")
    FAILED = 500, phrase("kinds.failed")

    @property
    def http_status(self) -> int:
        """The HTTP status code of the answer."""
        return int(self.value[0])

    @property
    def title(self) -> Bilingual:
        """The title of the problem."""
        return self.value[1]

    @property
    def code(self) -> str:
        """The stable code for programs."""
        return self.name.lower()
