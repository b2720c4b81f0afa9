"""Groups of communes by decisions, such as the extremely difficult ones, and the recognitions that end a membership."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from shared.contracts.recognition import GroupMembership, Recognition, RecognitionState
from shared.reference.definitions import Definitions
from shared.reference.models import Unit, UnitList


def groups_of(
    unit: Unit, definitions: Definitions, recognitions: Iterable[Recognition], on: date
) -> list[GroupMembership]:
    """Return the groups of which a decision in force on a day names the commune, also those that it has left since.

    `recognitions`: the commune's, as of that day.
    """
    by_set = {recognition.criteria_set: recognition for recognition in recognitions}
    named = ((group, definitions.group_list(group.id, unit, on)) for group in definitions.groups.values())
    return [
        GroupMembership(
            group=group.id,
            name=group.name,
            since=of_decision.valid_from,
            until=of_decision.valid_to,
            recognised=_left(of_decision, by_set.get(group.ends_with or "")),
            verified=of_decision.verified,
            source=of_decision.source,
        )
        for group, of_decision in named
        if of_decision
    ]


def _left(of_decision: UnitList, recognition: Recognition | None) -> date | None:
    """Return the day of the first recognition since the decision; one that is withdrawn later stays the end.

    A recognition of before is none: the decision names the commune although it was known.
    """
    days = [day for day in _recognised(recognition) if of_decision.valid_from is None or day >= of_decision.valid_from]
    return min(days, default=None)


def _recognised(recognition: Recognition | None) -> Sequence[date]:
    if recognition is None:
        return ()
    newest = recognition.since if recognition.state is RecognitionState.RECOGNISED else None
    return [day for day in (recognition.first_recognised, newest) if day]
