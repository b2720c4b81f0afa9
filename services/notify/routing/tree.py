"""The plan's routing tree, and the branches that tell an alert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.notify.alerts.alert import Alert
from services.notify.alerts.dossier_turn import TurnOfDossier
from services.notify.routing.matching import matches
from shared.contracts.report_due import ReportSoonDue
from shared.reference.load import Reference
from shared.reference.models import Branch, Escalation, Plan


@dataclass(frozen=True)
class Tree:
    """The routing tree. Every branch holds a copy of the properties that it inherits from its parents.

    Turns in dossiers and reminders have trees of their own, since the plan's names the events that it takes.
    """

    root: Branch
    dossiers: Branch
    reminders: Branch
    branches: Mapping[str, Branch]

    @classmethod
    def of(cls, plan: Plan) -> Tree:
        """Return the tree of a plan. Alerts that no branch takes go to the alert receivers of its distribution list."""
        by_default = [role for entry in plan.distribution if entry.receives == "alerts" for role in entry.roles]
        whole, dossiers, reminders = (
            _grow(root, root.model_copy(update={"to": root.to or list(dict.fromkeys(by_default))}))
            for root in (plan.routing, plan.dossier_routing, plan.reminder_routing)
        )
        trees = (whole, dossiers, reminders)
        return cls(whole, dossiers, reminders, {branch.id: branch for root in trees for branch in root.walk()})


@dataclass(frozen=True, slots=True)
class AskedBranch:
    """A branch that routing asked about an alert. `takes`: the branch matches it; `tells`: the branch tells it."""

    branch: Branch
    depth: int
    takes: bool
    tells: bool


def taking(tree: Tree, alert: Alert, reference: Reference) -> Sequence[Branch]:
    """Return the branches that tell an alert."""
    return [step.branch for step in asked(tree, alert, reference) if step.tells]


def asked(tree: Tree, alert: Alert, reference: Reference) -> Sequence[AskedBranch]:
    """Return every branch that routing asks about an alert, in order, with its answer."""
    match alert.occasion:
        case TurnOfDossier():
            root = tree.dossiers
        case ReportSoonDue():
            root = tree.reminders
        case _:
            root = tree.root
    return list(_ask(root, alert, reference, 0))


def is_news(branch: Branch | None) -> bool:
    """Say whether the branch tells what asks for nothing, which each contact may hear at once, together, or not."""
    return branch is not None and branch.group is not None and branch.group.digest is not None


def escalations(branch: Branch, alert: Alert) -> Sequence[Escalation]:
    """Return the steps by which an alert that nobody acknowledges climbs: the branch's.

    A turn in a dossier first reminds the roles that were told of it, when it is due by the calendar.
    """
    turn = alert.occasion.turn if isinstance(alert.occasion, TurnOfDossier) else None
    if turn is None or turn.working_days is None:
        return branch.escalate
    later = [step for step in branch.escalate if step.after_working_days > turn.working_days]
    return [Escalation(after_working_days=turn.working_days, to=branch.to), *later]


def _ask(branch: Branch, alert: Alert, reference: Reference, depth: int) -> Iterator[AskedBranch]:
    if not branch.holds_on(alert.on) or not matches(branch.match, alert, reference, is_routing=True):
        yield AskedBranch(branch, depth, takes=False, tells=False)
        return
    below: list[AskedBranch] = []
    for child in branch.branches:
        steps = list(_ask(child, alert, reference, depth + 1))
        below += steps
        if steps[0].takes and not child.continues:
            break
    is_taken = any(step.takes for step in below)
    yield AskedBranch(branch, depth, takes=True, tells=not is_taken)
    yield from below


def _grow(branch: Branch, parent: Branch) -> Branch:
    whole = branch.model_copy(
        update={
            "to": branch.to or parent.to,
            "channels": branch.channels or parent.channels,
            "group": branch.group or parent.group,
            "because": branch.because or parent.because,
        }
    )
    return whole.model_copy(update={"branches": [_grow(child, whole) for child in branch.branches]})
