"""`ntm reference check` without a running system."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from services.cli.reference import app
from shared.reference.load import PACKAGED


def test_a_check_without_a_running_system_says_that_no_verdicts_were_compared(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(PACKAGED), "--data", str(tmp_path), "--lang", "en"])
    assert result.exit_code == 0, result.output
    assert "The reference data are sound." in result.output
    assert "no verdicts were compared" in result.output
