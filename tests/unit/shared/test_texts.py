"""The catalogues of texts for people are complete in both languages, and have no unused entry."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

from shared.contracts.bilingual import Bilingual
from shared.texts import phrase
from shared.texts.catalogue import LANGUAGES, filled, read_catalogue

ROOT = Path(__file__).parents[3]
PACKAGES = ["shared", "services.intake", "services.scoring", "services.notify", "services.cli", "deploy.local"]


def keys_in_code(package: str) -> set[str]:
    """Return every key for which the package's modules and templates ask its catalogue."""
    folder = ROOT.joinpath(*package.split("."))
    found = {
        key
        for path in folder.rglob("templates/**/*.html")
        for key in re.findall(r'\bphrase\("([^"]+)"\)', path.read_text(encoding="utf-8"))
    }
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "phrase":
                (key,) = node.args
                assert isinstance(key, ast.Constant), f"{path}:{node.lineno}: the key has to stand there as it is"
                found.add(key.value)
    return found


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_text_is_said_somewhere_and_stands_in_both_languages(package: str) -> None:
    asked = keys_in_code(package)
    assert asked
    for language in LANGUAGES:
        assert set(read_catalogue(package, language)) == asked, language


@pytest.mark.parametrize("package", PACKAGES)
def test_both_languages_fill_in_the_same_details(package: str) -> None:
    vietnamese, english = (read_catalogue(package, language) for language in LANGUAGES)
    assert {key: placeholders(text) for key, text in vietnamese.items()} == {
        key: placeholders(text) for key, text in english.items()
    }


def test_a_bilingual_detail_is_filled_in_by_its_language() -> None:
    template = Bilingual(vi="{unit} thiếu {count} hộ", en="{unit} lacks {count} households")
    unit = Bilingual(vi="xã Điềm He", en="Điềm He commune")
    assert filled(template, unit=unit, count=31) == Bilingual(
        vi="xã Điềm He thiếu 31 hộ", en="Điềm He commune lacks 31 households"
    )


def test_a_key_that_no_catalogue_has_is_an_error() -> None:
    with pytest.raises(KeyError):
        phrase("nothing.of.this.name")
