"""The evaluation of a system that has recovered: its evidence against the independent record and the written rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.faults.record import Identity, Recorded, identity_of
from tests.faults.rules import CRITERION, digest, standing, verdict


class Change(NamedTuple):
    """A change of a verdict, as published."""

    id: str
    subject: str
    before: str
    after: str
    criterion: str | None
    unit: str
    cause: str = "figure"
    """The cause of the change: figures, another day, other rules, or a rebuild."""


class Notice(NamedTuple):
    """A notice in notify's tables."""

    channel: str
    status: str
    reason: str | None
    request_id: str


@dataclass
class Evidence:
    """Everything that the system says about itself, and what its receivers have taken."""

    log: Sequence[Mapping[str, Any]] = ()
    """The submissions on the stream, in order."""
    receipts: Mapping[str, str] = field(default_factory=dict)
    """The status in intake's receipt, by submission."""
    statuses: Mapping[str, str] = field(default_factory=dict)
    """The verdict on criterion 11, by commune."""
    meeting: float = 0
    """The communes that meet it, as the province's commitment counts them."""
    changes: Sequence[Change] = ()
    """The changes of communes' criteria, in order."""
    targets: Sequence[Change] = ()
    """The changes of commitments."""
    calls: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By change: the `webhook-id` of each call that the receiver took."""
    messages: Mapping[str, int] = field(default_factory=dict)
    """By request id: how often the SMS gateway took it. It drops all but the first."""
    mails: Mapping[str, int] = field(default_factory=dict)
    """By Message-ID: how often the mail server took it."""
    notices: Sequence[Notice] = ()
    parked: Sequence[str] = ()
    failed_commands: Sequence[str] = ()


@dataclass
class Findings:
    """The findings. All but `repeated` have to be empty."""

    acknowledged: int = 0
    withdrawn: int = 0
    changes: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    repeated: Counter[str] = field(default_factory=Counter)
    """Messages that came more than once under an id by which their receiver knows them: allowed, and named."""

    @property
    def is_good(self) -> bool:
        """True where nothing was lost, nothing doubled, nothing wrong."""
        return not (self.lost or self.doubled or self.wrong)

    def lines(self, limit: int = 20) -> Iterator[str]:
        """Yield the findings, at most some of each sort."""
        for name, entries in (("lost", self.lost), ("doubled", self.doubled), ("wrong", self.wrong)):
            yield from (f"  {name}: {entry}" for entry in entries[:limit])
            if len(entries) > limit:
                yield f"  {name}: … and {len(entries) - limit} more"


def evaluate(recorded: Recorded, evidence: Evidence) -> Findings:
    """Compare everything."""
    found = Findings(len(recorded.acknowledged), len(recorded.withdrawn), len(evidence.changes))
    found.wrong += [f"another receipt than before: {other}" for other in recorded.other_receipts]
    found.wrong += [f"a sound submission was refused: {refused}" for refused in recorded.refused]
    found.wrong += [f"parked: {parked}" for parked in evidence.parked]
    found.wrong += evidence.failed_commands
    _log(recorded, evidence, found)
    _receipts(recorded, evidence, found)
    _verdicts(recorded, evidence, found)
    _changes(evidence, found)
    _calls(evidence, found)
    _notices(evidence, found)
    return found


def _log(recorded: Recorded, evidence: Evidence, found: Findings) -> None:
    """Each acknowledged submission is in the log once, as it was sent, and nothing else is."""
    stored: dict[Identity, list[Mapping[str, Any]]] = {}
    for body in evidence.log:
        stored.setdefault(identity_of(body), []).append(body)
    for identity, bodies in stored.items():
        if identity not in recorded.sent:
            found.wrong.append(f"in the log, and never sent: {identity}")
        if len(bodies) > 1:
            found.doubled.append(f"in the log {len(bodies)} times: {identity} ({recorded.doors.get(identity)})")
    for identity, one in recorded.acknowledged.items():
        if identity not in stored:
            found.lost.append(f"not in the log: {one}")
            continue
        body = stored[identity][0]
        if (body["id"], body["digest"], body["readings"]) != (one.id, one.digest, one.readings):
            found.wrong.append(f"in the log with other content: {one}")
        if one.digest != digest(recorded.sent[identity]):
            found.wrong.append(f"a digest that does not prove what was sent: {one}")


def _receipts(recorded: Recorded, evidence: Evidence, found: Findings) -> None:
    """Each acknowledged submission has a receipt, which says that it is scored."""
    for one in recorded.acknowledged.values():
        if one.id not in evidence.receipts:
            found.lost.append(f"without a receipt: {one}")
        elif evidence.receipts[one.id] != "scored":
            found.wrong.append(f"the receipt says {evidence.receipts[one.id]}: {one}")


def _verdicts(recorded: Recorded, evidence: Evidence, found: Findings) -> None:
    """Each commune has the verdict of the written rules, and the province counts those that meet the criterion."""
    figures = standing(recorded.acknowledged.values(), recorded.withdrawn)
    for unit, status in evidence.statuses.items():
        if status != (by_rules := verdict(figures.get(unit))):
            found.wrong.append(f"{unit} is {status}, by the rules {by_rules}: {figures.get(unit)}")
    if missing := figures.keys() - evidence.statuses.keys():
        found.wrong.append(f"communes without a verdict: {', '.join(sorted(missing))}")
    meeting = sum(verdict(readings) == "met" for readings in figures.values())
    if evidence.meeting != meeting:
        found.wrong.append(f"{evidence.meeting} communes are said to meet the criterion, by the rules {meeting}")


def _changes(evidence: Evidence, found: Findings) -> None:
    """Each verdict's changes follow each other, none is published twice, and they end at the verdict."""
    published = Counter(change.id for change in evidence.changes)
    found.doubled += [f"published {count} times: {change}" for change, count in published.items() if count > 1]
    last: dict[str, str] = {}
    for change in (one for one in evidence.changes if one.criterion == CRITERION):
        if change.before != (before := last.get(change.unit, "no_data")):
            found.wrong.append(f"{change.id} on {change.subject} says it was {change.before}, it was {before}")
        last[change.unit] = change.after
    for unit, status in evidence.statuses.items():
        if last.get(unit, "no_data") != status:
            found.wrong.append(f"{unit} is {status}, and its last change says {last.get(unit)}")


def _calls(evidence: Evidence, found: Findings) -> None:
    """Each change reached the webhook, under one id."""
    for change in (*evidence.changes, *evidence.targets):
        ids = evidence.calls.get(change.id, ())
        if not ids:
            found.lost.append(f"no webhook call: {change}")
        elif len({*ids}) > 1:
            found.doubled.append(f"webhook calls under {len({*ids})} ids: {change}")
        else:
            found.repeated["webhook calls"] += len(ids) - 1


def _notices(evidence: Evidence, found: Findings) -> None:
    """Each SMS that counts as sent was taken by the gateway, and no notice failed for good."""
    found.repeated["SMS requests"] += sum(evidence.messages.values()) - len(evidence.messages)
    found.repeated["mails"] += sum(evidence.mails.values()) - len(evidence.mails)
    for notice in evidence.notices:
        is_sent = notice.status in ("sent", "delivered")
        if is_sent and notice.channel == "sms" and notice.request_id not in evidence.messages:
            found.lost.append(f"counts as sent, and the gateway has not taken it: {notice}")
        if notice.status == "failed":
            found.lost.append(f"failed for good: {notice}")
