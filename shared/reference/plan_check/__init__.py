"""The plan checker: finds the errors in a plan's paper, each with its line.

Every finding is computed from the plan's data, the source's text and the reference data; nothing here
knows a particular plan, so a finding goes when the data are corrected.
"""

from __future__ import annotations

from shared.reference.definitions import Definitions
from shared.reference.models import Plan
from shared.reference.plan_check import duties, numbers, recipients, statements, wording
from shared.reference.plan_check.finding import Finding, Paper, Severity

__all__ = ["Finding", "Paper", "Severity", "check", "exit_status"]

CHECKS = (
    wording.quotes_stand_on_their_lines,
    wording.units_are_written_right,
    wording.words_are_spelled_right,
    wording.words_are_not_doubled,
    wording.offices_are_written_one_way,
    numbers.shares_fit_their_counts,
    numbers.totals_fit_the_registry,
    numbers.counts_agree,
    numbers.dates_lie_in_the_plans_year,
    numbers.spans_are_the_instruments,
    numbers.levels_are_the_sets,
    statements.changes_of_shares_are_in_points,
    statements.sets_are_not_parts_of_criteria,
    duties.criteria_are_the_issuers,
    duties.commitments_have_numbers,
    duties.commitments_have_persons,
    duties.commitments_have_reporting_dates,
    duties.the_paper_is_numbered_and_dated,
    recipients.entries_end_in_their_marks,
    recipients.abbreviations_are_whole,
    recipients.abbreviations_break_as_their_names,
    recipients.owners_are_told,
)


def check(plan: Plan, source_text: str, reference: Definitions) -> list[Finding]:
    """Return all findings on the plan, by line."""
    paper = Paper(plan, tuple(source_text.splitlines()), reference)
    findings = [finding for each in CHECKS for finding in each(paper)]
    return sorted(findings, key=lambda finding: (finding.line, finding.severity, finding.code, finding.found))


def exit_status(findings: list[Finding]) -> int:
    """Return 0 when nothing was found, 1 for warnings only, 2 for errors."""
    if any(finding.severity == "error" for finding in findings):
        return 2
    return 1 if findings else 0
