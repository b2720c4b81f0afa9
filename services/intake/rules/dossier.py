"""The procedure of a dossier: which step may follow, what a step needs, and whose turn it is.

Decision 18/2022/QĐ-TTg gives the order of the steps. This system's own rules: an office may answer for some of its
criteria first, a no sends the dossier back, and a step that is asked again is answered anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from shared.contracts.bilingual import Bilingual
from shared.contracts.dossier import CriterionAnswer, DossierEntry, DossierLogged, DossierStep, Judged, JudgedAnswer
from shared.problems import Fault, Faults
from shared.reference.models import CriteriaSet, CriterionKey, Unit
from shared.reference.naming import criteria_named
from shared.text import DOSSIER_STEPS, moment_named

RECOGNITION = (
    DossierStep.SELF_ASSESSED,
    DossierStep.VERIFIED,
    DossierStep.APPRAISED,
    DossierStep.DECIDED,
    DossierStep.RECOGNISED,
)
"""The steps to a recognition, in order."""

PROCEDURE = (*RECOGNITION, DossierStep.WITHDRAWAL_DUE, DossierStep.WITHDRAWN)
"""All steps in order; after the last a commune may begin again with the first."""

ASSESSMENTS = frozenset(RECOGNITION[:3])
"""The steps that answer for each criterion."""

DECISIONS = frozenset({DossierStep.DECIDED, DossierStep.WITHDRAWN})
"""The steps that a decision of the province's chair makes."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A step that is expected: of a sector its missing criteria, of `verified` and `self_assessed` all missing ones."""

    step: DossierStep
    sector: str | None = None
    criteria: tuple[CriterionKey, ...] = ()
    since: datetime | None = None

    @property
    def name(self) -> tuple[DossierStep, str | None]:
        """The step and the sector, which say whether two turns are the same."""
        return self.step, self.sector


@dataclass(frozen=True, slots=True)
class Taken:
    """The office that took a step, and when."""

    step: DossierStep
    agency: str
    at: datetime


@dataclass(frozen=True)
class Dossier:
    """A commune's dossier for a criteria set after some steps.

    `done`: the last step that is whole, none before the first. `answers`: the standing answers of each assessment.
    """

    criteria: tuple[CriterionKey, ...]
    sectors: Mapping[CriterionKey, str]
    done: DossierStep | None = None
    answers: Mapping[DossierStep, Mapping[CriterionKey, JudgedAnswer]] = field(default_factory=dict)
    taken: Mapping[DossierStep, Taken] = field(default_factory=dict)
    since: datetime | None = None
    """The time from which on the open step is expected; None before a dossier is begun."""

    @classmethod
    def of(cls, criteria_set: CriteriaSet, events: Iterable[DossierLogged] = ()) -> Dossier:
        """Return the dossier of a set after these steps, in the order in which they were taken."""
        sectors = {criteria_set.key(criterion): criterion.sector for criterion in criteria_set.criteria}
        dossier = cls(tuple(sectors), sectors)
        for event in events:
            dossier = dossier.after(event)
        return dossier

    @property
    def is_untouched(self) -> bool:
        """True before the first step."""
        return self.done is None and self.since is None

    @property
    def is_recognised(self) -> bool:
        """True from the announcement until the recognition is withdrawn."""
        return self.done in (DossierStep.RECOGNISED, DossierStep.WITHDRAWAL_DUE)

    def recognised_before(self) -> Dossier:
        """Return the dossier of a commune that was recognised before dossiers were kept."""
        return replace(self, done=DossierStep.RECOGNISED)

    @property
    def open_step(self) -> DossierStep:
        """The only step besides `returned` that may be taken now."""
        if self.done is None or self.done is DossierStep.WITHDRAWN:
            return DossierStep.SELF_ASSESSED
        return PROCEDURE[PROCEDURE.index(self.done) + 1]

    @property
    def unanswered(self) -> tuple[CriterionKey, ...]:
        """The criteria that the open step still has to say yes to."""
        if self.open_step not in ASSESSMENTS:
            return ()
        answers = self.answers.get(self.open_step, {})
        return tuple(key for key in self.criteria if key not in answers or not answers[key].yes)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The steps that are expected: of each sector apart where sectors appraise.

        A recognised commune waits for nobody, and so does one for which no dossier was begun.
        """
        step = self.open_step
        if self.since is None or step is DossierStep.WITHDRAWAL_DUE:
            return ()
        if step is not DossierStep.APPRAISED:
            return (Turn(step, None, self.unanswered, self.since),)
        by_sector: dict[str, list[CriterionKey]] = {}
        for key in self.unanswered:
            by_sector.setdefault(self.sectors[key], []).append(key)
        return tuple(Turn(step, sector, tuple(keys), self.since) for sector, keys in by_sector.items())

    @property
    def step_before(self) -> DossierStep | None:
        """The step to which the open step returns the dossier; None where nothing can be returned."""
        match self.open_step:
            case DossierStep.SELF_ASSESSED | DossierStep.WITHDRAWAL_DUE:
                return None
            case DossierStep.WITHDRAWN:
                return DossierStep.RECOGNISED
            case step:
                return PROCEDURE[PROCEDURE.index(step) - 1]

    def is_whole_with(self, answers: Iterable[CriterionAnswer]) -> bool:
        """Say whether the open assessment has its yes for each criterion when these answers come to it."""
        yes = {answer.criterion for answer in answers if answer.yes}
        return yes.issuperset(self.unanswered)

    def after(self, event: DossierLogged) -> Dossier:
        """Return the dossier after a step that was taken."""
        if event.step is DossierStep.RETURNED:
            return self._reopened(event)
        taken = Taken(event.step, event.agency_name or event.agency, event.at)
        if event.step is DossierStep.WITHDRAWN:
            return replace(self, done=event.step, taken={event.step: taken}, since=None)
        if event.step not in ASSESSMENTS:
            return replace(self, done=event.step, taken={**self.taken, event.step: taken}, since=event.at)
        begun = replace(self, done=None, answers={}, taken={}) if self.done is DossierStep.WITHDRAWN else self
        standing = {**begun.answers.get(event.step, {}), **{answer.criterion: answer for answer in event.answers}}
        answered = replace(begun, answers={**begun.answers, event.step: standing}, since=begun.since or event.at)
        if not event.completes:
            return answered
        return replace(answered, done=event.step, taken={**begun.taken, event.step: taken}, since=event.at)

    def _reopened(self, event: DossierLogged) -> Dossier:
        """Ask the step before again: its answers and those of later steps count no more."""
        again = event.returned_to
        place = PROCEDURE.index(again) if again else 0
        kept = PROCEDURE[: place + 1 if again is DossierStep.RECOGNISED else place]
        return replace(
            self,
            done=kept[-1] if kept else None,
            answers={step: answers for step, answers in self.answers.items() if step in kept},
            taken={step: taken for step, taken in self.taken.items() if step in kept},
            since=event.at,
        )


def step_named(step: DossierStep) -> Bilingual:
    """Return `thẩm tra`."""
    return DOSSIER_STEPS[step]


def settled_step(dossier: Dossier, entry: DossierEntry) -> DossierStep:
    """Return the step that an entry comes to: an office's no returns the dossier, where there is a step before."""
    is_refusal = entry.step in ASSESSMENTS and any(not answer.yes for answer in entry.answers)
    return DossierStep.RETURNED if is_refusal and dossier.step_before else entry.step


def order_fault(dossier: Dossier, entry: DossierEntry) -> Fault | None:
    """Return the fault of a step that is out of turn: it names the step that is missing, or who has taken this one."""
    step, open_step = entry.step, dossier.open_step
    if entry.open_step and entry.open_step is not open_step:
        return Fault(
            "/open_step", Faults.OTHER_TURN, {"value": step_named(entry.open_step), "expected": step_named(open_step)}
        )
    if step is DossierStep.RETURNED:
        return None if dossier.step_before else Fault("/step", Faults.NOTHING_TO_RETURN)
    if step is open_step:
        return _criterion_taken(dossier, entry)
    if taken := dossier.taken.get(step):
        details = {"value": step_named(step), "agency": taken.agency, "time": moment_named(taken.at)}
        return Fault("/step", Faults.STEP_TAKEN, details)
    if dossier.is_recognised:
        return Fault("/step", Faults.ALREADY_RECOGNISED)
    missing = [criterion for criterion in dossier.unanswered if dossier.since]
    details = {"value": step_named(step), "expected": step_named(open_step), "criteria": criteria_named(missing)}
    return Fault("/step", Faults.STEP_MISSING_CRITERIA if missing else Faults.STEP_MISSING, details)


def _criterion_taken(dossier: Dossier, entry: DossierEntry) -> Fault | None:
    """Return the fault of an answer to a criterion that has its yes already; a self-assessment may change."""
    if entry.step is DossierStep.SELF_ASSESSED:
        return None
    standing = dossier.answers.get(entry.step, {})
    for place, answer in enumerate(entry.answers):
        if answer.criterion in standing:
            value = criteria_named([answer.criterion])
            return Fault(f"/answers/{place}/criterion", Faults.CRITERION_ANSWERED, {"value": value})
    return None


def content_faults(dossier: Dossier, entry: DossierEntry) -> Iterator[Fault]:
    """Yield the faults of an entry by itself: answers to criteria of another set, a missing reason, number or date."""
    if entry.step in ASSESSMENTS:
        yield from _answer_faults(dossier, entry.answers)
    elif entry.answers:
        yield Fault("/answers", Faults.NOT_OF_THE_STEP, {"value": step_named(entry.step)})
    if entry.step is DossierStep.RETURNED and entry.reason is None:
        yield Fault("/reason", Faults.MISSING)
    for name, value in (("number", entry.number), ("date", entry.date)):
        if entry.step in DECISIONS and value is None:
            yield Fault(f"/{name}", Faults.MISSING)
        elif entry.step not in DECISIONS and value is not None:
            yield Fault(f"/{name}", Faults.NOT_OF_THE_STEP, {"value": step_named(entry.step)})


def day_faults(entry: DossierEntry, unit: Unit, today: date) -> Iterator[Fault]:
    """Yield the fault of a decision whose day has not come, or was before the commune's first."""
    if entry.date is not None and entry.date > today:
        yield Fault("/date", Faults.DAY_TO_COME, {"value": entry.date})
    if entry.date is not None and entry.date < unit.valid_from:
        yield Fault("/date", Faults.BEFORE_THE_UNIT, {"value": entry.date, "expected": unit.valid_from})


def _answer_faults(dossier: Dossier, answers: Sequence[CriterionAnswer]) -> Iterator[Fault]:
    if not answers:
        yield Fault("/answers", Faults.MISSING)
    seen: set[str] = set()
    for place, answer in enumerate(answers):
        pointer = f"/answers/{place}"
        if answer.criterion not in dossier.sectors:
            value = criteria_named([answer.criterion])
            yield Fault(f"{pointer}/criterion", Faults.UNKNOWN_CRITERION, {"value": value})
        elif answer.criterion in seen:
            value = criteria_named([answer.criterion])
            yield Fault(f"{pointer}/criterion", Faults.CRITERION_ANSWERED, {"value": value})
        seen.add(answer.criterion)
        if not answer.yes and answer.note is None:
            value = criteria_named([answer.criterion])
            yield Fault(f"{pointer}/note", Faults.NO_NEEDS_NOTE, {"value": value})


def judged_faults(
    entry: DossierEntry, judged: Mapping[CriterionKey, Judged], *, is_due: bool = False
) -> Iterator[Fault]:
    """Yield a fault for what the figures contradict without a reason: a yes beside a criterion that is judged not met,
    and a withdrawal that is not judged due.
    """
    for place, answer in enumerate(entry.answers):
        if answer.yes and answer.note is None and judged.get(answer.criterion) is Judged.NOT_MET:
            value = criteria_named([answer.criterion])
            yield Fault(f"/answers/{place}/note", Faults.JUDGED_NOT_MET, {"value": value})
    if entry.step is DossierStep.WITHDRAWAL_DUE and entry.reason is None and not is_due:
        yield Fault("/reason", Faults.WITHDRAWAL_NOT_JUDGED)
