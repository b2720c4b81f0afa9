"""Recognitions of communes by criteria sets, and the rule that says when a withdrawal is due.

Recognition is a decision (of the province's chair), not a verdict: a commune stays recognised, whatever the status of
its criteria, until another decision withdraws the recognition. The rule (Decision 18/2022/QĐ-TTg) only says when that
is due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from services.scoring.judging.readings import Reading, Readings
from services.scoring.texts import phrase
from shared import text
from shared.contracts.bilingual import Bilingual, Language
from shared.contracts.recognition import Recognition, RecognitionState
from shared.contracts.refs import CriterionRef
from shared.contracts.status import Stage, Status
from shared.reference.models import CriteriaSet, CriterionKey, RecognitionRule, Withdrawal

_T = {
    RecognitionState.NONE: phrase("recognition.none"),
    RecognitionState.RECOGNISED: phrase("recognition.recognised"),
    RecognitionState.WITHDRAWN: phrase("recognition.withdrawn"),
    "failing": phrase("recognition.failing"),
    "unknown": phrase("recognition.unknown"),
    "unverified": phrase("recognition.unverified"),
}
_DUE = {
    True: phrase("recognition.due.true"),
    False: phrase("recognition.due.false"),
    None: phrase("recognition.due.none"),
}


def recognitions(
    sets: Sequence[CriteriaSet], readings: Readings, statuses: Mapping[CriterionKey, Status], on: date
) -> list[Recognition]:
    """Return a commune's recognitions at a day, one for each set that recognises communes.

    `readings`: with the decisions of all years. `statuses`: of the criteria that the commune is judged by.
    """
    return [
        _recognition(criteria_set, criteria_set.recognition, readings, statuses, on)
        for criteria_set in sets
        if criteria_set.recognition
    ]


def _recognition(
    criteria_set: CriteriaSet,
    rule: RecognitionRule,
    readings: Readings,
    statuses: Mapping[CriterionKey, Status],
    on: date,
) -> Recognition:
    decisions = _decisions(rule.element, readings, on)
    state, decision = _decided(decisions)
    keys = {criteria_set.key(criterion): criterion for criterion in criteria_set.criteria}
    judged = {key: statuses.get(key, Status.NO_DATA) for key in keys}
    unknown = [key for key, status in judged.items() if status == Status.NO_DATA]
    failing = [key for key, status in judged.items() if status not in (Status.MET, Status.NO_DATA)]
    withdrawal, due = rule.withdrawal, None
    if withdrawal and state == RecognitionState.RECOGNISED:
        due = _is_due(
            withdrawal, [keys[key].number for key in failing], [keys[key].number for key in unknown], len(keys)
        )
    named = {key: CriterionRef(key=key, name=criterion.name) for key, criterion in keys.items()}
    recognition = Recognition(
        criteria_set=criteria_set.id,
        name=criteria_set.name,
        state=state,
        since=decision.period.end if decision else None,
        first_recognised=next((each.period.end for each in decisions if each.value), None),
        submission=decision.submission if decision else None,
        criteria=len(keys),
        failing=[named[key] for key in failing],
        unknown=[named[key] for key in unknown],
        withdrawal_due=due,
        verified=_is_verified(withdrawal),
        source=withdrawal.source if withdrawal else None,
        reason=Bilingual(vi="", en=""),
    )
    return recognition.model_copy(
        update={"reason": Bilingual(vi=_explain(recognition, "vi"), en=_explain(recognition, "en"))}
    )


def _decisions(element: str, readings: Readings, on: date) -> list[Reading]:
    """Return the confirmed decisions until that day, oldest first."""
    decisions = [
        reading
        for (code, period), reading in readings.items()
        if code == element and reading.stage == Stage.CONFIRMED and max(period.end, reading.known_from) <= on
    ]
    return sorted(decisions, key=lambda reading: reading.period.end)


def _decided(decisions: Sequence[Reading]) -> tuple[RecognitionState, Reading | None]:
    """Return the state by decisions, oldest first, and the decision that led to it."""
    state, since = RecognitionState.NONE, None
    for decision in decisions:
        if decision.value and state != RecognitionState.RECOGNISED:
            state, since = RecognitionState.RECOGNISED, decision
        elif not decision.value and state == RecognitionState.RECOGNISED:
            state, since = RecognitionState.WITHDRAWN, decision
    return state, since


def _is_due(rule: Withdrawal, failing: Sequence[int], unknown: Sequence[int], criteria: int) -> bool | None:
    """Tell whether withdrawal is due; None where that depends on the criteria without data (`unknown`)."""
    key = set(rule.key_criteria.numbers) if rule.key_criteria else None
    if _reached(rule, len(failing), key is not None and not key.isdisjoint(failing), criteria):
        return True
    possible = [*failing, *unknown]
    if not _reached(rule, len(possible), key is None or not key.isdisjoint(possible), criteria):
        return False
    return None


def _reached(rule: Withdrawal, count: int, with_key: bool, criteria: int) -> bool:
    return 100 * count >= criteria * (rule.from_percent_with_key if with_key else rule.from_percent)


def _is_verified(rule: Withdrawal | None) -> bool:
    return rule is None or (rule.verified and (rule.key_criteria is None or rule.key_criteria.verified))


def _explain(recognition: Recognition, language: Language) -> str:
    sentences = (
        _T[recognition.state]
        .in_(language)
        .format(day=text.day(recognition.since, language) if recognition.since else "")
    )
    if recognition.state != RecognitionState.RECOGNISED:
        return sentences
    if recognition.failing:
        names = ", ".join(f"{each.key.rpartition('-')[2]} {each.name.in_(language)}" for each in recognition.failing)
        sentences += (
            _T["failing"]
            .in_(language)
            .format(count=len(recognition.failing), criteria=recognition.criteria, names=names)
        )
    if recognition.unknown:
        sentences += _T["unknown"].in_(language).format(count=len(recognition.unknown))
    mark = "" if recognition.verified else _T["unverified"].in_(language)
    return sentences + _DUE[recognition.withdrawal_due].in_(language).format(mark=mark)
