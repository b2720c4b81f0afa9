"""`ntm plan`: check a plan's paper, and show a plan readably."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from services.cli import plan_view
from services.cli.texts import phrase
from shared.reference.load import PACKAGED, InvalidReferenceError, Reference, load_file, source_text
from shared.reference.plan_check import Finding, Paper, check, exit_status
from shared.texts import filled

app = typer.Typer(no_args_is_help=True, help="Check a plan, or show it.")

PlanFile = Annotated[Path, typer.Argument(metavar="FILE", help="The plan as YAML; by default the packaged plan.")]
ReferenceDir = Annotated[
    Path | None,
    typer.Option("--reference", envvar="NTM_REFERENCE_DIR", help="Reference data in place of the packaged."),
]
Lang = Annotated[Literal["vi", "en"], typer.Option("--lang", help="Language of the output.")]

_PACKAGED_PLAN = PACKAGED / "plans" / "lang-son-2023.yaml"
_EXCERPT = 110
_WORDS = {
    "error": phrase("plan.error"),
    "warning": phrase("plan.warning"),
    "line": phrase("plan.line"),
    "should be": phrase("plan.should_be"),
    "clean": phrase("plan.clean"),
}


@app.command("check")
def check_plan(file: PlanFile = _PACKAGED_PLAN, lang: Lang = "vi", directory: ReferenceDir = None) -> None:
    """Print the errors of the plan's paper, by line. Exit status: 0 clean, 1 warnings only, 2 errors."""
    reference, text = _read(file, lang, directory)
    findings = check(reference.plan, text, reference)
    paper = Paper(reference.plan, tuple(text.splitlines()), reference)
    for finding in findings:
        _print(finding, paper.line(finding.line), lang)
    errors = sum(finding.severity == "error" for finding in findings)
    if findings:
        summary = filled(phrase("plan.summary"), errors=errors, warnings=len(findings) - errors)
        typer.echo(f"{reference.plan.document.source}: {summary.in_(lang)}")
    else:
        typer.echo(_WORDS["clean"].in_(lang))
    raise typer.Exit(exit_status(findings))


@app.command("show")
def show_plan(file: PlanFile = _PACKAGED_PLAN, lang: Lang = "vi", directory: ReferenceDir = None) -> None:
    """Print the plan: its cohorts, commitments, criteria and distribution list."""
    reference, _ = _read(file, lang, directory)
    Console(highlight=False).print(plan_view.view(reference, lang))


def _read(file: Path, lang: Literal["vi", "en"], directory: Path | None) -> tuple[Reference, str]:
    try:
        reference = load_file(file, directory)
        return reference, source_text(reference.plan, file)
    except InvalidReferenceError as broken:
        for fault in broken.faults:
            typer.secho(fault.text(lang), fg="red", err=True)
        raise typer.Exit(2) from None


def _print(finding: Finding, source: str, lang: Literal["vi", "en"]) -> None:
    word = _WORDS[finding.severity].in_(lang)
    head = f"{word:<8}{_WORDS['line'].in_(lang)} {finding.line:>3}  "
    typer.secho(head, fg="red" if finding.severity == "error" else "yellow", nl=False)
    typer.echo(f"{finding.message.in_(lang)} [{finding.code}]")
    typer.secho(f"          | {_excerpt(source, finding.found)}", dim=True)
    if finding.expected:
        typer.echo(f"          → {_WORDS['should be'].in_(lang)}: {finding.expected}")


def _excerpt(source: str, words: str) -> str:
    """Return the part of a line around these words, or the line's beginning when the words are not in it."""
    if len(source) <= _EXCERPT:
        return source
    at = max(source.find(words), source.find(words.replace(" %", "%")), 0)
    start = max(0, min(at - _EXCERPT // 3, len(source) - _EXCERPT))
    cut = source[start : start + _EXCERPT]
    return ("…" if start else "") + cut + ("…" if start + _EXCERPT < len(source) else "")
