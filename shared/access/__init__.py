"""Agencies, their keys and tokens: who calls, and what they may read and report.

Intake's schema holds the tables and intake migrates them; every service looks keys up here. A key is shown once
as `ntm_<id>_<secret>`; what is stored is the SHA-256 of its 256 random bits, which needs no salt or stretching.
"""

from shared.access.agency_keys import (
    KeyState,
    ListedKey,
    NotRotatableError,
    Terms,
    UnknownKeyError,
    add_key,
    list_keys,
    new_key,
    revoke_keys,
    rotate_key,
)
from shared.access.authenticator import Authenticator
from shared.access.caller import DEFAULT_RATE, EVERYTHING, Caller, agency_id
from shared.access.oidc_tokens import Issuer
from shared.access.tables import AccessKey, Agency

__all__ = [
    "DEFAULT_RATE",
    "EVERYTHING",
    "AccessKey",
    "Agency",
    "Authenticator",
    "Caller",
    "Issuer",
    "KeyState",
    "ListedKey",
    "NotRotatableError",
    "Terms",
    "UnknownKeyError",
    "add_key",
    "agency_id",
    "list_keys",
    "new_key",
    "revoke_keys",
    "rotate_key",
]
