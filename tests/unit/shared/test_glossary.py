"""Everything that people read says one thing in one way: `shared/texts/glossary.yaml` has the wordings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from shared.texts.catalogue import LANGUAGES, read_catalogue
from tests.unit.shared.test_texts import PACKAGES, ROOT

GLOSSARY = yaml.safe_load((ROOT / "shared/texts/glossary.yaml").read_text(encoding="utf-8"))
ENTRIES = [entry for entries in GLOSSARY.values() for entry in entries]
TERM = re.compile(r'^\s*(\w+): \["((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)"\]', re.MULTILINE)
MARKS = re.compile(r"[ạảãàáâậầấẩẫăắằặẳẵẹẻẽèéêềếểễệịỉĩìíọỏõòóôồốổỗộơờớởỡợụủũùúưừứửữựỵỷỹỳýđ]", re.IGNORECASE)


def files(pattern: str) -> list[Path]:
    found = [path for folder in ("shared", "services", "deploy") for path in (ROOT / folder).rglob(pattern)]
    return [path for path in found if "migrations" not in path.parts]


def in_python(path: Path) -> Iterator[str]:
    """Yield the Vietnamese literals of a module, without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings)
    yield from (text.value for text in texts if isinstance(text.value, str) and MARKS.search(text.value))


@cache
def vietnamese() -> list[tuple[str, str]]:
    """Return each Vietnamese text that people may read, with its place."""
    texts = [(f"{package} {key}", text) for package in PACKAGES for key, text in read_catalogue(package, "vi").items()]
    for path in files("*.js"):
        texts += [(f"{path.name} {key}", words) for key, words, _ in TERM.findall(path.read_text(encoding="utf-8"))]
    for pattern in ("templates/**/*.html", "templates/**/*.txt", "templates/**/*.jinja"):
        for path in files(pattern):
            if "en" not in path.parts:
                lines = path.read_text(encoding="utf-8").splitlines()
                texts += [(f"{path.relative_to(ROOT)}:{number}", line) for number, line in enumerate(lines, 1)]
    texts += [(str(path.relative_to(ROOT)), words) for path in files("*.py") for words in in_python(path)]
    return texts


def test_texts_of_every_kind_are_looked_at() -> None:
    places = [place for place, _ in vietnamese()]
    for part in ("services.scoring reasons.value", "terms.js due_title", "templates/vi/words.jinja", "services/cli/"):
        assert any(part in place for place in places), part


@pytest.mark.parametrize("entry", [one for one in ENTRIES if "text" in one], ids=lambda entry: entry["text"])
def test_the_catalogues_say_what_the_glossary_says(entry: dict[str, str]) -> None:
    assert {language: read_catalogue("shared", language)[entry["text"]] for language in LANGUAGES} == {
        language: entry[language] for language in LANGUAGES
    }


@pytest.mark.parametrize("entry", [one for one in ENTRIES if "not" in one], ids=lambda entry: entry["vi"])
def test_nobody_writes_another_wording(entry: dict[str, list[str]]) -> None:
    allowed = re.compile("|".join(map(re.escape, entry.get("but", ["\0"]))), re.IGNORECASE)
    others = re.compile("|".join(rf"(?<!\w)(?:{wording})(?!\w)" for wording in entry["not"]), re.IGNORECASE)
    found = [f"{place}: {text}" for place, text in vietnamese() if others.search(allowed.sub("", text))]
    assert not found, f"write {entry['vi']!r}:\n" + "\n".join(found)


def said_by(call: ast.Call) -> str:
    """Return the words that stand in the first argument of a call."""
    first = call.args[0] if call.args else None
    parts = first.values if isinstance(first, ast.JoinedStr) else [first]
    return " ".join(str(part.value) for part in parts if isinstance(part, ast.Constant))


def test_commands_speak_both_languages() -> None:
    own = {"audit.py", "migrate.py"}  # findings that operators' programs read, and a chore of developers
    english = re.compile(r"[A-Za-z]{2,}[,:]? [a-z]{2,}")
    modules = [path for path in (ROOT / "services/cli").glob("*.py") if path.name not in own]
    for path in modules:
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        prints = [call for call in calls if ast.unparse(call.func).split(".")[-1] in ("fail", "print", "echo")]
        alone = [words for call in prints if english.search(words := said_by(call)) and not MARKS.search(words)]
        assert not [words for words in alone if not words.lstrip().startswith(("--", "→"))], path.name


def test_pages_call_statuses_as_mails_do() -> None:
    words = {
        key: {"vi": in_vietnamese, "en": in_english}
        for key, in_vietnamese, in_english in TERM.findall(
            (ROOT / "shared/page/static/verdicts.js").read_text(encoding="utf-8")
        )
    }
    for language in LANGUAGES:
        catalogue = read_catalogue("shared", language)
        statuses = {key.removeprefix("text.statuses."): text for key, text in catalogue.items() if ".statuses." in key}
        assert {key: words[f"status_{key}"][language] for key in statuses} == statuses
