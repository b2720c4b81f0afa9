"""The comparison of a what-if: the verdicts as they are, and as they would be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel, Field

from services.scoring.asking.scenario import Scenario, SupposedReadings, compare_verdicts
from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target, explain_criterion
from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import Increments, difference
from services.scoring.judging.judge import CriterionVerdict, Judge
from shared.access.caller import Caller
from shared.contracts.assessment import Assessment
from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import CommitmentRef, CriterionRef, UnitRef
from shared.contracts.status import Status
from shared.reference.load import Reference
from shared.reference.models import Commitment, Unit
from shared.reference.refs import commitment_ref, criterion_ref, unit_ref

type _Targets = Mapping[tuple[str, int], tuple[Commitment, Unit]]
type _Sums = Mapping[tuple[str, int], Increments]
"""By commitment and unit."""


class ExplainedStatus(BaseModel):
    """A status, and why it is so."""

    status: Status
    reason: Bilingual


class CriterionCompared(BaseModel):
    """A commune's criterion; None: the commune is not judged by it."""

    unit: UnitRef
    criterion: CriterionRef
    before: ExplainedStatus | None
    after: ExplainedStatus | None


class TargetCompared(BaseModel):
    """A commitment of a district or the province; None: the plan has no such commitment."""

    unit: UnitRef
    commitment: CommitmentRef
    before: Assessment | None
    after: Assessment | None


class Counts(BaseModel):
    """The number of criteria or commitments with each status."""

    before: dict[Status, int]
    after: dict[Status, int]


class WhatIf(BaseModel):
    """The verdicts that would be others. Nothing of it is stored."""

    on: date = Field(description="The day that is judged.")
    statuses: list[CriterionCompared] = Field(
        description="The communes' criteria that would have another status; with `unchanged` also the others of the "
        "communes with supposed figures."
    )
    targets: list[TargetCompared] = Field(
        description="The commitments whose assessment would differ, even if only in its numbers."
    )
    criteria_counts: dict[str, Counts] = Field(
        description="By criterion: the communes with supposed figures; with another plan, all communes of the key."
    )
    target_counts: Counts = Field(description="All commitments of the key's units.")
    without_effect: list[str] = Field(
        description="Pointers to supposed figures without effect: figures of a later stage or revision stand, or the "
        "plan does not look so far back."
    )
    plan_stands: Bilingual | None = Field(
        default=None,
        description="Where the plan is closed and no other one is supposed: its verdicts stand, and what it binds is "
        "left out, whatever figures come in. Other criteria of communes are compared.",
    )
    sample: bool


@dataclass(frozen=True, slots=True)
class Inputs:
    """The supposition, and everything with which it is compared."""

    reference: Reference
    supposed_reference: Reference
    """With the supposed plan."""
    supposed: SupposedReadings
    figures: Mapping[int, Figures]
    sums: _Sums
    communes: Collection[Unit]
    caller: Caller
    on: date
    lists_unchanged: bool = False
    """Whether criteria whose status stays are listed too, of the communes with supposed figures."""
    plan_stands: Bilingual | None = None
    """The words on the closed plan, whose verdicts supposed figures do not turn; None where they may."""


def compare(inputs: Inputs) -> WhatIf:
    """Judge both scenarios and compare. It takes a second for a whole province: run it in a thread."""
    before = Scenario.of(Judge(inputs.reference, inputs.on), inputs.figures)
    after = Scenario.of(Judge(inputs.supposed_reference, inputs.on), inputs.figures, inputs.supposed)
    statuses: list[CriterionCompared] = []
    counted: defaultdict[str, list[Counter[Status]]] = defaultdict(lambda: [Counter(), Counter()])
    pairs = ((unit, criterion) for unit in inputs.communes for criterion in inputs.supposed_reference.criterion_keys)
    if inputs.plan_stands:
        pairs = (pair for pair in pairs if not inputs.reference.binds(*pair))
    for unit, criterion, *verdicts in compare_verdicts(pairs, before, after):
        for counter, judged in zip(counted[criterion], verdicts, strict=True):
            counter.update([judged.status] if judged else [])
        differs = len({judged and judged.status for judged in verdicts}) > 1
        if differs or (inputs.lists_unchanged and unit.key in inputs.supposed):
            old, new = (_explained(judged) for judged in verdicts)
            ref = criterion_ref(criterion, inputs.supposed_reference)
            statuses.append(CriterionCompared(unit=unit_ref(unit), criterion=ref, before=old, after=new))
    targets, target_counts = _compare_targets(inputs, before, after)
    return WhatIf(
        on=inputs.on,
        statuses=statuses,
        targets=targets,
        criteria_counts={key: Counts(before=old, after=new) for key, (old, new) in counted.items()},
        target_counts=target_counts,
        without_effect=list(_without_effect(inputs.supposed, after)),
        plan_stands=inputs.plan_stands,
        sample=inputs.reference.plan.sample or inputs.supposed_reference.plan.sample,
    )


def targets_covered(reference: Reference, caller: Caller) -> _Targets:
    """Return the plan's commitments for units that the key covers, by commitment and unit."""
    return {
        (commitment.id, unit.key): (commitment, unit)
        for commitment, unit in reference.targets
        if caller.covers_unit(unit, reference.units)
    }


def _explained(judged: CriterionVerdict | None) -> ExplainedStatus | None:
    return ExplainedStatus(status=judged.status, reason=explain_criterion(judged).reason) if judged else None


def _compare_targets(inputs: Inputs, before: Scenario, after: Scenario) -> tuple[list[TargetCompared], Counts]:
    targets = targets_covered(inputs.reference, inputs.caller)
    targets_after = targets_covered(inputs.supposed_reference, inputs.caller)
    sums: _Sums = summed(targets_after.values(), after.figures, inputs.supposed_reference)
    if inputs.supposed_reference is inputs.reference:
        # only some units' figures are there: the sums move by what these change
        former = summed(targets.values(), before.figures, inputs.reference)
        sums = {
            key: difference(sums.get(key, {}), difference(former.get(key, {}), inputs.sums.get(key, {})))
            for key in targets
        }
    old, new = _assessed(before.judge, targets, inputs.sums), _assessed(after.judge, targets_after, sums)
    if inputs.plan_stands:
        new = old
    differing = [
        TargetCompared(
            unit=unit_ref(unit),
            commitment=commitment_ref(commitment),
            before=old.get(key),
            after=new.get(key),
        )
        for key, (commitment, unit) in {**targets, **targets_after}.items()
        if old.get(key) != new.get(key)
    ]
    counts = [Counter(assessment.status for assessment in assessments.values()) for assessments in (old, new)]
    return differing, Counts(before=counts[0], after=counts[1])


def _assessed(judge: Judge, targets: _Targets, sums: _Sums) -> dict[tuple[str, int], Assessment]:
    return {
        key: assess_target(judge, commitment, unit, sums.get(key, {})) for key, (commitment, unit) in targets.items()
    }


def _without_effect(supposed: SupposedReadings, after: Scenario) -> Iterator[str]:
    for unit, readings in supposed.items():
        for reading in readings:
            counted = after.figures[unit].get((reading.element, reading.period))
            if counted is None or counted.submission != reading.submission:
                yield f"/submissions/{reading.submission.int}/readings/{reading.element}"
