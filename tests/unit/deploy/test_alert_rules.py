"""The alert rules as Prometheus' own tool sees them, and the words that go with them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.prometheus import FOLDER, promtool

ROOT = FOLDER.parents[1]
WORDS = ("summary", "summary_en", "description", "description_en")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def details_of(words: str) -> set[str]:
    """Return what a text fills in."""
    return set(re.findall(r"\{\{.*?\}\}", words))


async def test_promtool_takes_the_rules_and_both_configurations(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "metrics-token").write_text("token")  # the example names it, and an installation writes it
    await promtool("check", "rules", str(tmp_path / "rules.yml"))
    await promtool("check", "config", str(tmp_path / "prometheus.yml"))
    await promtool("check", "config", "--syntax-only", str(tmp_path / "containers.yml"))


async def test_each_alert_comes_from_its_own_trouble_and_none_without() -> None:
    await promtool("test", "rules", str(FOLDER / "rules_test.yml"))
    tried = (FOLDER / "rules_test.yml").read_text(encoding="utf-8")
    assert {rule["alert"] for rule in rules()} == set(re.findall(r'alertname="(\w+)", severity', tried))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_in_both_languages_what_is_wrong_and_where_the_remedy_stands(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    assert all(notes[name] for name in WORDS)
    assert details_of(notes["summary"]) == details_of(notes["summary_en"])
    page, _, anchor = notes["runbook_url"].partition("#")
    assert f'<a id="{anchor}"></a>' in (ROOT / page).read_text(encoding="utf-8")
