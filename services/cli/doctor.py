"""`ntm doctor`: what is wrong with the running system, in words, and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from deploy.local.clients import settings_of
from services.cli.checks import Finding, examine
from services.cli.console import console, run
from services.cli.options import DATA, Data, Key, key_at_hand, system_of
from services.cli.texts import phrase


def doctor(
    backups: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, envvar="NTM_BACKUPS", help="The directory of the backups."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Say what is wrong with the running system, and what to do; exit status 1 where anything is.

    It changes nothing. What nobody can see from here is named as well, and counts as no fault.
    """
    system = system_of(data)
    findings = run(examine(system, settings_of(system), key_at_hand(data, key), backups))
    if as_json:
        items = [
            {
                "parts": finding.parts,
                "is_wrong": finding.is_wrong,
                "words": finding.words.model_dump(),
                "remedy": finding.remedy.model_dump(),
            }
            for finding in findings
        ]
        typer.echo(json.dumps(items, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            _print(finding)
    if any(finding.is_wrong for finding in findings):
        raise typer.Exit(1)
    if not as_json:
        console.print(phrase("doctor.well").in_both, style="green", highlight=False)


def _print(finding: Finding) -> None:
    head = f"{', '.join(finding.parts)}: {finding.words.vi}"
    console.print(head, style="red" if finding.is_wrong else "yellow", highlight=False, markup=False, soft_wrap=True)
    for line in (finding.words.en, f"→ {finding.remedy.vi}", f"→ {finding.remedy.en}"):
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
