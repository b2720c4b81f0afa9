"""The national office: a server of its own with a mirror of what each province tells of its verdicts.

A province's server connects to the national one as a leaf node. What passes between them are the messages of one
consumer, made by the province with the subjects that the office may have, and the requests by which a mirror sets the
consumer's pace. On the national server each province has an account with its mirror; the readers' account and the one
that makes mirrors import requests of all of them.

Leaf nodes: https://docs.nats.io/running-a-nats-service/configuration/leafnodes. A server passes no `$JS.API` to a leaf
node, so that the requests have other names on the way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shared.contracts import subjects
from shared.nats.roles import FEEDS_MIRROR, NATIONAL_CONSUMER, Role, as_mirrors_know, inbox_of, mirror_requests

ACCOUNT = "NATIONAL"
"""On a province's server the end of the connection, on the national one the account of those who read."""

MIGRATE_ACCOUNT = "NATIONAL-MIGRATE"

READER, MIGRATE = "national", "national-migrate"
"""The users of the national server: who reads the mirrors, and who makes them."""

PROVINCE = "province-"
"""The beginning of the names of provinces' users, as which their servers connect."""

API = "national.api"
"""The prefix under which both users know JetStream's API: a server itself answers `$JS.API` of accounts without it."""

EXPORTED = (subjects.ALL_STATUSES, subjects.ALL_STATUSES_V2, subjects.ALL_TARGETS_V2)
"""The subjects that a province's server sends to the national office: each change once."""

DELIVERY = "mirror.national.STATUS"
"""The subject on which a province feeds the mirror."""

CONSUMER = NATIONAL_CONSUMER
"""The consumer that feeds it."""

COUNT_CONSUMER = "national-count"
"""A consumer that nobody pulls from: what it has left is how many messages the mirror is to hold in the end."""

_CONSUMERS: Mapping[str, Mapping[str, Any]] = {
    CONSUMER: {"deliver_subject": DELIVERY, **FEEDS_MIRROR},
    COUNT_CONSUMER: {"ack_policy": "none"},
}

CONSUMERS = {
    name: {"name": name, "durable_name": name, "filter_subjects": EXPORTED, **config}
    for name, config in _CONSUMERS.items()
}
"""The settings of a province's consumers for the national office; `ntm migrate` makes them."""

_RESET, _PACE = mirror_requests(subjects.STATUS_STREAM, CONSUMER)
INFO = {name: f"$JS.API.CONSUMER.INFO.{subjects.STATUS_STREAM}.{name}" for name in CONSUMERS}
"""The requests that tell how far these consumers are."""

REQUESTS = (_RESET, _PACE, *INFO.values())
"""All that the national server may ask of a province's."""


def stream_of(province: str) -> str:
    """Return the name of a province's mirror."""
    return f"{subjects.STATUS_STREAM}_{province}"


def subject_of(province: str, subject: str) -> str:
    """Return the subject that a province's message has in the mirror."""
    return f"national.{province}.{subject}"


def reset(province: str) -> str:
    """Return the subject on which the national server has a province's consumer begin again."""
    return f"national.{province}.reset"


def info(province: str, consumer: str) -> str:
    """Return the subject on which the national server asks how far a province's consumer is."""
    return f"national.{province}.info.{consumer}"


def province(code: str) -> Role:
    """Return the role of a province's server; ValueError where the code is none."""
    if re.fullmatch("[0-9]{2}", code) is None:  # else it would be a part of a subject, or of all
        raise ValueError(f"not a province's code: {code!r}")
    return Role(
        f"{PROVINCE}{code}",
        f"PROVINCE_{code}",
        publish=[DELIVERY, "$JSC.R.*", "_R_.>"],  # the latter two: answers to a mirror, and to another account
        subscribe=[as_mirrors_know(request) for request in REQUESTS],
    )


def reader(provinces: Sequence[str]) -> Role:
    """Return the role of those who read the mirrors."""
    allowed = [name for code in provinces for name in reads(code).values()]
    return Role(READER, ACCOUNT, publish=allowed, subscribe=[f"{inbox_of(READER)}.>"])


def migrate(provinces: Sequence[str]) -> Role:
    """Return the role of the one who makes the mirrors."""
    allowed = [request for code in provinces for request in manages(code).values()]
    return Role(MIGRATE, MIGRATE_ACCOUNT, publish=allowed, subscribe=[f"{inbox_of(MIGRATE)}.>"])


def reads(province: str) -> dict[str, str]:
    """Return the requests that read a province's mirror, by consumers from which the reader pulls; each with the name
    by which the reader knows it.
    """
    stream = stream_of(province)
    consumers = [f"$JS.API.CONSUMER.{call}.{stream}.>" for call in ("CREATE", "INFO", "DELETE", "MSG.NEXT")]
    messages = [f"$JS.API.STREAM.MSG.GET.{stream}", f"$JS.API.DIRECT.GET.{stream}", f"$JS.API.DIRECT.GET.{stream}.>"]
    return _renamed(f"$JS.API.STREAM.INFO.{stream}", *consumers, *messages, f"$JS.ACK.{stream}.>")


def manages(province: str) -> dict[str, str]:
    """Return the requests that make a province's mirror, and those to the province itself; each with the name by which
    the one who makes mirrors knows it.
    """
    streams = _renamed(*(f"$JS.API.STREAM.{call}.{stream_of(province)}" for call in ("INFO", "CREATE", "DELETE")))
    counts = {as_mirrors_know(request): info(province, name) for name, request in INFO.items()}
    return {**streams, as_mirrors_know(_RESET): reset(province), **counts}


def _renamed(*requests: str) -> dict[str, str]:
    return {request: request.replace("$JS.API", API) for request in requests}


def mirror_config(province: str) -> dict[str, Any]:
    """Return the settings of a province's mirror."""
    stream = subjects.STATUS_STREAM
    source = {
        "name": stream,
        "external": {"api": as_mirrors_know("$JS.API")},
        "consumer": {"name": CONSUMER, "deliver_subject": DELIVERY},
        "subject_transforms": [{"src": "ntm.>", "dest": subject_of(province, "ntm.>")}],
    }
    return {"name": stream_of(province), "mirror": source, "allow_direct": True, "mirror_direct": True}
