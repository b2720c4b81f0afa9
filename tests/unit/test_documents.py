"""The documents name files, functions and chores; they have to exist."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from services.cli.main import app
from shared.contract_documents.subject_families import REQUESTS, SUBJECT_FAMILIES
from shared.contracts import subjects
from shared.operations.catalogue import Code

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "deploy/README.md",
    "deploy/README.vi.md",
    "CHANGELOG.md",
    "requirements/README.md",
    "shared/reference/README.md",
    "tests/contracts/README.md",
]
ROOMS = ("services", "shared", "deploy", "tests", "requirements")


def quoted(document: str) -> list[str]:
    """Everything that a document sets in backticks, outside of blocks of code."""
    text = re.sub(r"```.*?```", "", ROOT.joinpath(document).read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"`([^`\n]+)`", text)


def definitions(path: Path) -> set[str]:
    """The names of a module's functions and classes, methods as `Class.method`, and its constants."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found.add(node.name)
            found |= {
                f"{node.name}.{one.name}"
                for one in node.body
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
            }
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_files_and_folders_that_a_document_names_exist(document: str) -> None:
    named = [one for one in quoted(document) if re.fullmatch(rf"({'|'.join(ROOMS)})/[\w./-]*", one)]
    lacking = [one for one in named if not ROOT.joinpath(one).exists()]
    assert not lacking, f"{document} names what is not there: {lacking}"


def test_each_step_of_a_walk_exists() -> None:
    steps = re.findall(
        r"`((?:services|shared|deploy)/[\w/]+\.py):([\w.]+)`", ROOT.joinpath("CONTRIBUTING.md").read_text("utf-8")
    )
    assert len(steps) >= 20, "the three walks stand in CONTRIBUTING.md"
    lacking = [f"{file}:{name}" for file, name in steps if name not in definitions(ROOT / file)]
    assert not lacking, f"CONTRIBUTING.md walks through what is not there: {lacking}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_chores_that_a_document_names_are_make_targets(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", ROOT.joinpath("Makefile").read_text("utf-8"), flags=re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z-]+)\b(?= |`|$)", "\n".join(f"{one}" for one in quoted(document))))
    assert named <= targets


def commands(document: str) -> list[str]:
    """Every call of `ntm` in a document, with its arguments; `… --renew` and its like go on with one that was named."""
    text = ROOT.joinpath(document).read_text(encoding="utf-8")
    code = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^ {4,}(\S.*)$", text, re.MULTILINE)]
    return [call for line in code for call in re.findall(r"(?:^|[ /;])ntm ([a-z-]+(?: [^#|;`&]*)?)", line)]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "deploy/README.md", "deploy/README.vi.md"])
def test_the_commands_that_a_document_names_exist_with_their_options(document: str) -> None:
    program = typer.main.get_command(app)
    context, calls, unknown = typer.Context(program), commands(document), []
    for call in calls:
        command: Any = program
        words = call.split()
        while words and isinstance(command, TyperGroup) and command.get_command(context, words[0]):
            _, command, words = command.resolve_command(context, words)
        options = {"--help", *(name for option in command.params for name in option.opts)}
        if command is program or not {word.split("=")[0] for word in words if word.startswith("--")} <= options:
            unknown.append(call)
    assert calls
    assert not unknown


@pytest.mark.parametrize("document", ["deploy/README.md", "deploy/README.vi.md"])
def test_each_chapter_that_the_guide_names_exists(document: str) -> None:
    text = "".join(
        ROOT.joinpath(one).read_text("utf-8") for one in ("deploy/README.md", "README.md", "CONTRIBUTING.md")
    )
    titles = set(re.findall(r"^#+ (.+)$|^\*\*([^*]+)\*\*", text, re.MULTILINE))
    named = re.findall(r'"([A-Z][A-Za-z ,\']+)"', ROOT.joinpath(document).read_text("utf-8").partition("\n## ")[0])
    if document.endswith(".vi.md"):
        named += re.findall(r'\("([^"]+)"', ROOT.joinpath(document).read_text("utf-8"))
    lacking = {one for one in named if not any(one in {title.rstrip(":"), bold.rstrip(":")} for title, bold in titles)}
    assert named
    assert not lacking


def test_what_a_command_of_the_handbook_writes_outlives_its_container() -> None:
    text = ROOT.joinpath("deploy/README.vi.md").read_text("utf-8")
    code = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^ {4,}(\S.*)$", text, re.MULTILINE)]
    writing = [line for line in code if re.search(r" --(into|out) ", line)]
    assert writing
    for line in writing:
        mounts = re.findall(r" -v [^ :]+:([^ :]+)(?= )", line)
        assert all(path.startswith(tuple(mounts)) for path in re.findall(r" --(?:into|out) (\S+)", line)), line


def test_the_handbook_says_what_to_do_about_each_trouble() -> None:
    table = ROOT.joinpath("deploy/README.vi.md").read_text("utf-8").partition("## Khi có sự cố")[2]
    told = {code for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for code in re.findall(r"`(\w+)`", row)}
    assert told == {code.value for code in Code}


def test_each_subject_stands_in_the_table_of_subjects_with_its_stream() -> None:
    table = ROOT.joinpath("CONTRIBUTING.md").read_text("utf-8").partition("## Subjects")[2].partition("\n## ")[0]
    written = dict(re.findall(r"^\| `(ntm\.[^`]+)` \| (\w*) ?\|", table, flags=re.MULTILINE))
    families = {family.address: subjects.stream_of(family.address) or "" for family in SUBJECT_FAMILIES}
    requests = {request.address: "" for request in REQUESTS}
    existing = {re.sub(r"{(\w+)}", r"<\1>", address): stream for address, stream in {**families, **requests}.items()}
    assert written == existing


def test_every_direct_dependency_has_a_reason_and_a_licence() -> None:
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text("utf-8"))
    groups = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    used = {re.split(r"[^\w.-]", one)[0] for group in groups for one in group if isinstance(one, str)}
    rows = re.findall(
        r"^\| ([\w., -]+) \| (.+)$", ROOT.joinpath("requirements/README.md").read_text("utf-8"), re.MULTILINE
    )
    told = [name for names, _ in rows for name in names.split(", ") if name not in ("package", "---")]
    assert sorted(told) == sorted(used)
    assert all(cell.strip() for _, cells in rows for cell in cells.strip(" |").split(" | "))
