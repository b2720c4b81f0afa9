"""`ntm.v1.scoring.preview`: the changes that submissions would make. Nothing is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.as_of import figures_when_closed
from services.scoring.asking.closed_plan import stands
from services.scoring.asking.refusal_reply import reply
from services.scoring.asking.scenario import (
    Scenario,
    SupposedReadings,
    compare_verdicts,
    figures_of_families,
    supposed_readings,
)
from services.scoring.judging.assessments import explain_criterion
from services.scoring.judging.changes import Moment
from services.scoring.judging.figures import Figures
from services.scoring.judging.judge import Judge
from shared.contracts.bilingual import Bilingual
from shared.contracts.preview import Preview, PreviewedStatus, PreviewRequest
from shared.contracts.submission import Submission
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.service.runtime import Runtime

_LETTER_BYTES = 3
"""The most bytes that a Vietnamese letter takes in UTF-8."""


async def answer(runtime: Runtime, request: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the reply's body and headers: a `Preview`, or the problem document that tells why there is none."""
    return await reply("preview", _answer(runtime, request))


async def _answer(runtime: Runtime, request: bytes) -> bytes:
    submissions = _parse(request)
    moment = Moment(on=runtime.clock.today(), at=runtime.clock.now())
    async with runtime.engine.connect() as connection:
        await connection.execution_options(postgresql_readonly=True)
        answered = await preview(connection, runtime.reference, submissions, moment)
    return fit(answered, runtime.nats.max_payload)


async def preview(
    connection: AsyncConnection, reference: Reference, submissions: Sequence[Submission], moment: Moment
) -> Preview:
    """Compare the communes' criteria that the submissions have figures of, as they are and as they would be.

    Units that do not exist are passed over.
    """
    supposed = supposed_readings(submissions, reference, moment, moment.on)
    figures = await figures_of_families(connection, supposed, reference)
    final = await figures_when_closed(connection, supposed, reference, moment.on) or {}
    # a thousand communes take a second: the loop has to go on meanwhile
    return await asyncio.to_thread(
        lambda: Preview(statuses=list(_statuses(figures, final, supposed, Judge(reference, moment.on))))
    )


def fit(preview: Preview, limit_bytes: int) -> bytes:
    """Return the preview as JSON; where that is longer than the limit, all reasons are cut to one length that fits.

    Raises the problem `too_large` when it is too long even without reasons.
    """
    body = preview.model_dump_json().encode()
    if len(body) <= limit_bytes:
        return body
    bare = _with_reasons_of(0, preview).model_dump_json().encode()
    if len(bare) > limit_bytes:
        raise Problem(Problems.TOO_LARGE)
    letters = (limit_bytes - len(bare)) // (2 * _LETTER_BYTES * len(preview.statuses))
    return _with_reasons_of(letters, preview).model_dump_json().encode()


def _statuses(
    figures: Mapping[int, Figures], final: Mapping[int, Figures], supposed: SupposedReadings, judge: Judge
) -> Iterator[PreviewedStatus]:
    """Yield the previewed statuses; what a closed plan bound stays by its `final` figures, and the reason says so."""
    reference = judge.reference
    units = sorted((reference.units.by_key(key) for key in supposed), key=lambda unit: unit.code)
    touched = {
        unit: {key for reading in readings for key in reference.sum_checks.criteria_judged_by(reading.element)}
        for unit, readings in supposed.items()
    }
    closed = stands(reference.plan, judge.on)
    concerned = [(unit, key) for unit in units for key in reference.criterion_keys if key in touched[unit.key]]
    pairs = [(unit, key) for unit, key in concerned if closed is None or not reference.binds(unit, key)]
    for unit, key in concerned:
        if closed and reference.binds(unit, key):
            status = judge.criterion(key, unit, final.get(unit.key, Figures())).status
            yield PreviewedStatus(unit=unit.code, criterion=key, before=status, after=status, reason=closed)
    before, after = Scenario.of(judge, figures), Scenario.of(judge, figures, supposed)
    for unit, criterion, is_now, would_be in compare_verdicts(pairs, before, after):
        if is_now and would_be:
            then = explain_criterion(would_be)
            yield PreviewedStatus(
                unit=unit.code, criterion=criterion, before=is_now.status, after=then.status, reason=then.reason
            )


def _with_reasons_of(letters: int, preview: Preview) -> Preview:
    def cut(reason: Bilingual) -> Bilingual:
        return Bilingual(vi=_cut(reason.vi, letters), en=_cut(reason.en, letters))

    statuses = [status.model_copy(update={"reason": cut(status.reason)}) for status in preview.statuses]
    return Preview(statuses=statuses)


def _cut(text: str, letters: int) -> str:
    if len(text) <= letters:
        return text
    return text[: letters - 1] + "…" if letters else ""


def _parse(request: bytes) -> list[Submission]:
    try:
        return PreviewRequest.model_validate_json(request).submissions
    except ValidationError as error:
        faults = [
            Fault(
                "".join(f"/{step}" for step in fault["loc"]),
                Faults.BAD_PARAMETER,
                {"value": fault["input"], "expected": fault["msg"]},
            )
            for fault in error.errors(include_url=False, include_context=False)
        ]
        raise Problem(Problems.REFUSED, *faults) from None
