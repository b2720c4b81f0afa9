"""The roles on the broker: which account a role's user belongs to, where it may publish, and to what it may subscribe.

The streams have an account of their own, which only `migrate` manages. Each service and each agency has another
account, which imports no more of it than its role needs. Permissions alone would not do: within one
account a request may name any subject for its reply, and the server publishes there whatever the user may not
(a pull with the reply `ntm.v1.submissions…` forges a submission, a read with `$JS.API.STREAM.PURGE…` empties a stream,
a request of one agency with an inbox of another as reply gives that one a receipt that it did not earn).
Between accounts an answer comes back to the account that asked.

The coordination office has an account with mirrors of the streams that tell of changes and notices: there it may make
any consumer, and nothing that it does reaches the services.

Accounts: https://docs.nats.io/running-a-nats-service/configuration/securing_nats/accounts; subjects of JetStream's API:
https://docs.nats.io/reference/reference-protocols/nats_api_reference
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.contracts import subjects

_API = "$JS.API"

STREAMS_ACCOUNT = "NTM"
OFFICE_ACCOUNT = "OFFICE"

MIRRORED = [subjects.STATUS_STREAM, subjects.ALERTS_STREAM]
"""The streams that the office's account mirrors."""

MIRROR_CONSUMER = "office-mirror"
"""The consumer by which such a stream feeds its mirror; `migrate` makes it, so that the office needs no right to."""

NATIONAL_CONSUMER = "national-mirror"
"""The consumer by which STATUS feeds its mirror on the national server."""

FEEDS_MIRROR = {
    "ack_policy": "flow_control",
    "flow_control": True,
    "idle_heartbeat": 1_000_000_000,
    "max_ack_pending": 1000,
}
"""The settings of such a consumer, as JetStream's API names them."""

MIRROR_API = "mirror.api"
"""The prefix under which the office's account knows JetStream's API of the streams' account: only mirrors use it."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role with its account, the subjects on which it may publish, and those to which it may subscribe."""

    name: str
    account: str
    publish: Sequence[str]
    subscribe: Sequence[str]
    keys: Sequence[str] = ()
    """The signed streams whose keys it has, to sign their messages and to verify them."""
    answers: bool = False
    """It may answer the requests that it receives, once each."""


REPAIRS = ("CREATE", "UPDATE", "PURGE", "MSG.DELETE")
"""The calls by which a repair makes a lost stream again, lets it go on behind its former numbers, and removes what is
damaged."""


def inbox_of(user: str) -> str:
    """Return the prefix of a user's inboxes: nobody else can hear what the user is answered."""
    return f"_INBOX_{user}"


def mirror_delivery(stream: str) -> str:
    """Return the subject on which a stream feeds its mirror."""
    return f"mirror.deliver.{stream}"


def mirror_info(stream: str) -> str:
    """Return the subject on which notify asks how far the office's mirror of a stream is."""
    return f"mirror.info.{stream}"


def mirror_requests(stream: str, consumer: str = MIRROR_CONSUMER) -> list[str]:
    """Return the requests by which a mirror has its consumer begin again, and sets the pace."""
    return [f"{_API}.CONSUMER.RESET.{stream}.{consumer}", f"$JS.FC.{stream}.{consumer}.>"]


def as_mirrors_know(request: str) -> str:
    """Return the name that a request to JetStream has in an account with mirrors of another account's streams."""
    return request.replace(_API, MIRROR_API)


def _reads(*streams: str) -> list[str]:
    """Return the requests that read messages of streams, and tell how far these are."""
    return [
        subject
        for stream in streams
        for subject in (
            f"{_API}.STREAM.INFO.{stream}",
            f"{_API}.STREAM.MSG.GET.{stream}",
            f"{_API}.DIRECT.GET.{stream}",
            f"{_API}.DIRECT.GET.{stream}.>",
        )
    ]


def _own(service: str) -> list[tuple[str, str]]:
    """Return a service's own consumers as JetStream's subjects name them, each with its family."""
    return [
        (f"{subjects.stream_of(family)}.{durable}", family) for family, durable in subjects.CONSUMERS[service].items()
    ]


def _consumes(service: str) -> list[str]:
    """Return the requests by which a service pulls from its own consumers, and makes one again that was lost.

    A pull consumer that exists cannot be turned into one that pushes. One that is made to push reaches nobody: in the
    streams' account nobody listens, and a stream takes nothing that a consumer pushes.
    """
    return [
        subject
        for own, family in _own(service)
        for subject in (
            f"{_API}.CONSUMER.CREATE.{own}.{family}",
            f"{_API}.CONSUMER.INFO.{own}",
            f"{_API}.CONSUMER.MSG.NEXT.{own}",
            f"$JS.ACK.{own}.>",
        )
    ]


def _service(name: str, *, publish: Sequence[str], subscribe: Sequence[str] = (), reads: Sequence[str] = ()) -> Role:
    return Role(
        name,
        name.upper(),
        publish=[
            *publish,
            subjects.parked(name),
            subjects.trouble(name, "*"),
            subjects.trial(name),
            f"{_API}.STREAM.INFO.{subjects.TRIAL_STREAM}",
            # whether notify has taken what the service reports
            f"{_API}.CONSUMER.INFO.{subjects.OPERATIONS_STREAM}.{subjects.OPERATIONS_CONSUMER}",
            f"{_API}.INFO",
            *_reads(*reads, subjects.REFERENCE_STREAM, subjects.CLOCK_STREAM),
            *_consumes(name),
        ],
        subscribe=[*subscribe, subjects.replay(name), subjects.CLOCK, f"{inbox_of(name)}.>"],
        keys=[stream for stream in subjects.SIGNED if name != "notify" or stream != subjects.SUBMISSIONS_STREAM],
        answers=True,
    )


INTAKE = _service(
    "intake",
    publish=[
        subjects.ALL_SUBMISSIONS,
        subjects.ALL_REVIEWS,
        subjects.ALL_WITHDRAWALS,
        subjects.ALL_EVIDENCE,
        subjects.ALL_REFUSALS,
        subjects.ALL_PROBLEMS,
        subjects.ALL_DOSSIERS,
        subjects.ALL_REPORTS,
        subjects.PREVIEW,
        subjects.JUDGEMENT,
        # a receipt tells whether its submission is scored
        f"{_API}.CONSUMER.INFO.{subjects.SUBMISSIONS_STREAM}.{subjects.SCORING_CONSUMER}",
    ],
    subscribe=[subjects.SUBMIT, subjects.ALL_SUBMITS],
    reads=[subjects.SUBMISSIONS_STREAM, subjects.REFUSALS_STREAM, subjects.STATUS_STREAM],
)

SCORING = _service(
    "scoring",
    publish=[
        subjects.ALL_STATUSES,
        subjects.ALL_STATUSES_V2,
        subjects.ALL_TARGETS,
        subjects.ALL_TARGETS_V2,
        subjects.ALL_RULES,
    ],
    subscribe=[subjects.PREVIEW, subjects.JUDGEMENT],
    reads=[subjects.SUBMISSIONS_STREAM, subjects.STATUS_STREAM, subjects.ALERTS_STREAM],
)

NOTIFY = _service(
    "notify",
    publish=[subjects.ALL_ALERTS, *map(mirror_info, MIRRORED)],
    reads=[subjects.STATUS_STREAM, subjects.ALERTS_STREAM],
)

MIGRATE = Role(
    "migrate",
    STREAMS_ACCOUNT,
    publish=[f"{_API}.>", "$JS.SNAPSHOT.RESTORE.>", subjects.CLOCK],
    subscribe=[f"{inbox_of('migrate')}.>"],
    keys=subjects.SIGNED,
)
"""`ntm migrate` and `ntm restore`: the only one that manages streams. It verifies what it makes tables of again."""

BACKUP = Role(
    "backup",
    STREAMS_ACCOUNT,
    publish=[
        f"{_API}.INFO",
        *(f"{_API}.STREAM.{call}.{stream}" for call in ("INFO", "SNAPSHOT") for stream in subjects.STREAMS),
        *(f"$JS.SNAPSHOT.ACK.{stream}.>" for stream in subjects.STREAMS),
        *(f"{_API}.CONSUMER.INFO.{own}" for service in subjects.CONSUMERS for own, _ in _own(service)),
        subjects.trouble("backup", "*"),
    ],
    subscribe=[f"{inbox_of('backup')}.>"],
)
"""`ntm backup`: its calls read everything and change nothing, and it reports its own troubles.

It is as trusted as `migrate` all the same, whose account it shares: the server writes a snapshot onto any subject that
the request names, also onto one by which a stream is deleted (tried with 2.15), and no permission can forbid that.
"""

OPERATOR = Role(
    "operator",
    STREAMS_ACCOUNT,
    publish=[
        f"{_API}.INFO",
        *_reads(*subjects.STREAMS),
        *(f"{_API}.CONSUMER.INFO.{own}" for service in subjects.CONSUMERS for own, _ in _own(service)),
        f"{_API}.CONSUMER.INFO.{subjects.STATUS_STREAM}.{NATIONAL_CONSUMER}",
        subjects.ALL_REFERENCE,
        subjects.trouble("cli", "*"),
        subjects.trial("operator"),
        subjects.CLOCK,
        *(subjects.replay(service) for service in subjects.CONSUMERS),
        subjects.SUBMIT,
    ],
    subscribe=[subjects.ALL_STATUSES, subjects.ALL_TARGETS, f"{inbox_of('operator')}.>"],
    keys=subjects.SIGNED,
)
"""The other commands of `ntm`. It is as trusted as `migrate`, whose account it shares."""

_NOT_IN_TABLES = (subjects.ALL_PARKED, subjects.ALL_RULES)
_REPAIRED = (subjects.SUBMISSIONS_STREAM, subjects.STATUS_STREAM)

REPAIR = Role(
    "repair",
    STREAMS_ACCOUNT,
    publish=[
        f"{_API}.INFO",
        *_reads(*_REPAIRED),
        *(f"{_API}.STREAM.{call}.{stream}" for stream in _REPAIRED for call in REPAIRS),
        *(
            f"{_API}.CONSUMER.CREATE.{own}.{family}"
            for service in subjects.CONSUMERS
            for own, family in _own(service)
            if subjects.stream_of(family) in _REPAIRED
        ),
        *(family for stream in _REPAIRED for family in subjects.KEPT[stream] if family not in _NOT_IN_TABLES),
    ],
    subscribe=[f"{inbox_of('repair')}.>"],
    keys=_REPAIRED,
)
"""`ntm audit repair`: it fills the streams again whose messages the database keeps, and may do so with no other.

It is as trusted as `migrate`, whose account it shares.
"""

OFFICE = Role(
    "office",
    OFFICE_ACCOUNT,
    publish=[
        f"{_API}.INFO",
        f"{_API}.STREAM.NAMES",
        f"{_API}.STREAM.LIST",
        f"{_API}.CONSUMER.>",
        "$JS.ACK.>",
        "$JS.FC.>",
        *_reads(*MIRRORED),
    ],
    subscribe=[f"{inbox_of('office')}.>"],
)

OFFICE_MIGRATE = Role(
    "office-migrate",
    OFFICE_ACCOUNT,
    publish=[
        f"{_API}.STREAM.{call}.{stream}"
        for call in ("INFO", "CREATE", "UPDATE", "DELETE", "MSG.GET")
        for stream in MIRRORED
    ],
    subscribe=[f"{inbox_of('office-migrate')}.>"],
)
"""`ntm migrate` in the office's account, where it makes the mirrors."""

ROLES: Sequence[Role] = [INTAKE, SCORING, NOTIFY, MIGRATE, BACKUP, OPERATOR, REPAIR, OFFICE, OFFICE_MIGRATE]
"""The roles that every system has."""


def agency(name: str) -> Role:
    """Return the role of an agency's systems, which send submissions on the agency's own subject.

    What comes on this subject is the agency's: nobody else may publish there.
    """
    if re.fullmatch("[a-z0-9-]{1,64}", name) is None:  # else it would be a part of a subject, or of all
        raise ValueError(f"not an agency's id: {name!r}")
    user = f"agency-{name}"
    return Role(user, user.upper(), publish=[subjects.submit(name)], subscribe=[f"{inbox_of(user)}.>"])


def provider_of(subject: str) -> str:
    """Return the account in which the messages and requests on a subject are taken."""
    name = subject.split(".")[2]  # requests to a service are `ntm.v1.<service>.…`
    return name.upper() if name in subjects.CONSUMERS else STREAMS_ACCOUNT
