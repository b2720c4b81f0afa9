"""The part of the server's configuration that names the accounts, their users, and what passes between them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.contracts import subjects
from shared.nats.roles import (
    MIRROR_API,
    MIRRORED,
    NOTIFY,
    OFFICE_ACCOUNT,
    STREAMS_ACCOUNT,
    Role,
    mirror_delivery,
    mirror_info,
    mirror_requests,
    provider_of,
)

_WITH_JETSTREAM = (STREAMS_ACCOUNT, OFFICE_ACCOUNT)


@dataclass
class _Account:
    users: list[dict[str, object]] = field(default_factory=list)
    exports: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """By kind (service or stream) and subject: the accounts that may import it."""
    imports: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """By the account that it comes from, kind and subject: the name that it has here."""


def configuration(roles: Sequence[Role], keys: Mapping[str, Sequence[str]]) -> str:
    """Return the configuration for users of these roles, of whom each has some public keys."""
    accounts = {role.account: _Account() for role in roles}

    def passes(kind: str, subject: str, provider: str, to: str, name: str | None = None) -> None:
        accounts[provider].exports.setdefault((kind, subject), set()).add(to)
        accounts[to].imports[provider, kind, subject] = name or subject

    for role in roles:
        accounts[role.account].users += [_user(role, key) for key in keys.get(role.name, ())]
        for subject in role.publish:
            provider = provider_of(subject)
            is_own_jetstream = subject.startswith("$JS.") and role.account == OFFICE_ACCOUNT
            is_of_office = subject in map(mirror_info, MIRRORED)
            if provider != role.account and not is_own_jetstream and not is_of_office:
                passes("service", subject, provider, role.account)
        if subjects.CLOCK in role.subscribe:
            passes("stream", subjects.CLOCK, STREAMS_ACCOUNT, role.account)
    for stream in MIRRORED:
        passes("stream", mirror_delivery(stream), STREAMS_ACCOUNT, OFFICE_ACCOUNT)
        for request in mirror_requests(stream):
            name = request.replace("$JS.API", MIRROR_API)
            passes("service", request, STREAMS_ACCOUNT, OFFICE_ACCOUNT, name)
        passes("service", f"$JS.API.STREAM.INFO.{stream}", OFFICE_ACCOUNT, NOTIFY.account, mirror_info(stream))
    # a server's configuration takes JSON
    return f"accounts: {json.dumps({name: _written(name, made) for name, made in accounts.items()}, indent=2)}\n"


def _user(role: Role, key: str) -> dict[str, object]:
    permissions = {
        "publish": {"allow": list(role.publish)},
        "subscribe": {"allow": list(role.subscribe)},
        "allow_responses": role.answers,
    }
    return {"nkey": key, "permissions": permissions}


def _written(name: str, account: _Account) -> dict[str, object]:
    return {
        **({"jetstream": "enabled"} if name in _WITH_JETSTREAM else {}),
        "users": account.users,
        "exports": [
            {kind: subject, "accounts": sorted(importers), **_answered(kind, subject)}
            for (kind, subject), importers in account.exports.items()
        ],
        "imports": [
            {kind: {"account": provider, "subject": subject}, **({"to": to} if to != subject else {})}
            for (provider, kind, subject), to in account.imports.items()
        ],
    }


def _answered(kind: str, subject: str) -> dict[str, str]:
    """Return that a request gets several answers, where it does: the messages of a batch."""
    several = ".CONSUMER.MSG.NEXT." in subject or ".DIRECT.GET." in subject
    return {"response": "stream"} if kind == "service" and several else {}
