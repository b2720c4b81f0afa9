"""The part of the server's configuration that names the accounts, their users, and what passes between them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from shared.contracts import subjects
from shared.nats import national
from shared.nats.roles import (
    MIRRORED,
    NOTIFY,
    OFFICE_ACCOUNT,
    STREAMS_ACCOUNT,
    Role,
    as_mirrors_know,
    mirror_delivery,
    mirror_info,
    mirror_requests,
    provider_of,
)


@dataclass
class _Account:
    has_jetstream: bool = False
    users: list[dict[str, object]] = field(default_factory=list)
    exports: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """By kind (service or stream) and subject: the accounts that may import it."""
    imports: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """By the account that it comes from, kind and subject: the name that it has here."""


class _Accounts(dict[str, _Account]):
    def __init__(self, roles: Sequence[Role], keys: Mapping[str, Sequence[str]], with_jetstream: Collection[str]):
        super().__init__({role.account: _Account(role.account in with_jetstream) for role in roles})
        for role in roles:
            self[role.account].users += [_user(role, key) for key in keys.get(role.name, ())]

    def passes(self, kind: str, subject: str, provider: str, to: str, name: str | None = None) -> None:
        """Let a subject of one account into another, where it may have another name."""
        self[provider].exports.setdefault((kind, subject), set()).add(to)
        self[to].imports[provider, kind, subject] = name or subject

    def written(self) -> str:
        # a server's configuration takes JSON
        return f"accounts: {json.dumps({name: _written(made) for name, made in self.items()}, indent=2)}\n"


def configuration(roles: Sequence[Role], keys: Mapping[str, Sequence[str]]) -> str:
    """Return the configuration for users of these roles, of whom each has some public keys."""
    accounts = _Accounts(roles, keys, {STREAMS_ACCOUNT, OFFICE_ACCOUNT})
    passes = accounts.passes
    for role in roles:
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
            passes("service", request, STREAMS_ACCOUNT, OFFICE_ACCOUNT, as_mirrors_know(request))
        passes("service", f"$JS.API.STREAM.INFO.{stream}", OFFICE_ACCOUNT, NOTIFY.account, mirror_info(stream))
    # nobody logs in here: it is the province's end of the connection to the national server
    accounts[national.ACCOUNT] = _Account()
    passes("stream", national.DELIVERY, STREAMS_ACCOUNT, national.ACCOUNT)
    for request in national.REQUESTS:
        passes("service", request, STREAMS_ACCOUNT, national.ACCOUNT, as_mirrors_know(request))
    return accounts.written()


def national_configuration(provinces: Sequence[str], keys: Mapping[str, Sequence[str]]) -> str:
    """Return the configuration of the national server for these provinces, given by their codes.

    Each province's mirror stands in an account of its own: the server answers what comes to a mirror on whatever
    subject of its account the message names for a reply.
    """
    of_provinces = list(map(national.province, provinces))
    roles = [national.reader(provinces), national.migrate(provinces), *of_provinces]
    accounts = _Accounts(roles, keys, {role.account for role in of_provinces})
    for code, role in zip(provinces, of_provinces, strict=True):
        for request, name in national.reads(code).items():
            accounts.passes("service", request, role.account, national.ACCOUNT, name)
        for request, name in national.manages(code).items():
            accounts.passes("service", request, role.account, national.MIGRATE_ACCOUNT, name)
    return accounts.written()


def _user(role: Role, key: str) -> dict[str, object]:
    permissions = {
        "publish": {"allow": list(role.publish)},
        "subscribe": {"allow": list(role.subscribe)},
        "allow_responses": role.answers,
    }
    return {"nkey": key, "permissions": permissions}


def _written(account: _Account) -> dict[str, object]:
    return {
        **({"jetstream": "enabled"} if account.has_jetstream else {}),
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
