"""The stage that keeps the alerts that are still news: the newest about each topic, unless it is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from uuid import UUID

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft, LeftOut, Omission
from services.notify.alerts.significance import APART, ENDS
from services.notify.world import World
from shared.contracts.verdict_change import StatusChanged, TargetChanged


def settle(drafts: Sequence[Draft], _: World) -> Sequence[Draft]:
    """Leave out alerts that newer alerts overtook while they waited. Alerts that did not wait all stay."""
    return [_settle(draft) if draft.gathering else draft for draft in drafts]


def still_news(alerts: Sequence[Alert]) -> Sequence[Alert]:
    """Return those of a recipient's alerts that no newer of them has overtaken or cancelled, and that are not over."""
    settled = {omission.alert.id for thread in _threads(alerts) for omission in _overtaken(thread)}
    return [alert for alert in alerts if alert.id not in settled]


def _settle(draft: Draft) -> Draft:
    return draft.without([omission for thread in _threads(draft.told) for omission in _overtaken(thread)])


def _threads(alerts: Iterable[Alert]) -> Iterable[list[Alert]]:
    def thread(alert: Alert) -> tuple[UUID, tuple[bool, ...], str]:
        # each entry about a difficulty has words of its own, so no entry overtakes another
        own = str(alert.id) if alert.kind == "problem" else ""
        return alert.thread, tuple(alert.event in strand for strand in APART), own

    ordered = sorted(alerts, key=lambda alert: (thread(alert), alert.occasion.at, str(alert.id)))
    return (list(members) for _, members in groupby(ordered, thread))


def _overtaken(thread: Sequence[Alert]) -> Iterable[Omission]:
    newest = thread[-1]
    if len(thread) > 1 and _is_as_before(thread[0], newest):
        return [Omission(alert, LeftOut.AS_BEFORE) for alert in thread]
    older = [Omission(alert, LeftOut.OVERTAKEN, newest.id) for alert in thread[:-1]]
    return [*older, Omission(newest, LeftOut.AS_BEFORE)] if newest.is_over else older


def _is_as_before(first: Alert, last: Alert) -> bool:
    """Say whether the alerts cancel out: the verdict is the earlier one again, the late report came, the figures agree
    again, or a fault of the system was mended.
    """
    if last.kind == "operation" or any(last.event in strand for strand in APART):
        return first.event in ENDS.get(last.event, ())
    if isinstance(first.occasion, StatusChanged | TargetChanged) and isinstance(
        last.occasion, StatusChanged | TargetChanged
    ):
        return first.occasion.before is last.occasion.after
    return False
