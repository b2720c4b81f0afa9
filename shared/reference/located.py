"""Reading YAML and CSV files so that the line of every value is known."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from yaml.composer import Composer

from shared.contracts.bilingual import Bilingual
from shared.reference.faults import FileFault, InvalidReferenceError, explain
from shared.texts import filled, phrase

type Place = tuple[str | int, ...]
"""The place of a value: keys and positions from the top, such as `("commitments", 2, "goal")`."""

_LONGEST_FOUND = 80
_DEEPEST = 50
_SENSELESS = (ValueError, LookupError, AttributeError, RecursionError)
"""Errors that PyYAML raises, beside its own, for tags that do not fit their values and for thousands of brackets."""


class _Loader(Composer, yaml.CSafeLoader):
    """YAML 1.2 where 1.1 bites: `on` and `no` are words, and a number with a leading zero is a code.

    libyaml reads the text, three times as fast as Python would. The nodes are composed here, without aliases: a few
    lines of them stand for a file of any length.
    """

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent) and (alias := self.peek_event()):
            mark: Any = alias.start_mark  # libyaml's, of which the error needs no more than it has
            raise yaml.MarkedYAMLError(problem="aliases are not taken", problem_mark=mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", list("tf")),
    ("int", r"[-+]?(0|[1-9][0-9_]*)", list("-+0123456789")),
    ("float", r"[-+]?(0|[1-9][0-9_]*)\.[0-9]*", list("-+0123456789")),
    ("timestamp", r"\d{4}-\d\d-\d\d", list("0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first)


@dataclass(frozen=True)
class Located:
    """The data of a file, with the line of each value."""

    file: Path
    data: Any
    lines: dict[Place, int]

    def fault(self, place: Place, problem: Bilingual, remedy: Bilingual, found: object = None) -> FileFault:
        """Return a fault at this place; a place that the file lacks gets its parent's line."""
        here = place
        while here not in self.lines and here:
            here = here[:-1]
        shown = "" if found is None else str(found)[:_LONGEST_FOUND]
        return FileFault(self.file, self.lines.get(here, 1), _written(place), shown, problem, remedy)

    def parse[Model: BaseModel](self, model: type[Model]) -> Model:
        """Return the data as `model`; InvalidReferenceError lists every fault."""
        try:
            return TypeAdapter(model).validate_python(self.data)
        except ValidationError as error:
            faults = []
            for detail in error.errors():
                problem, remedy = explain(detail)
                found = None if detail["type"] == "missing" else _shown(detail["input"])
                faults.append(self.fault(self._place(detail["loc"]), problem, remedy, found))
            raise InvalidReferenceError(faults) from None

    def _place(self, loc: Sequence[str | int]) -> Place:
        """Return pydantic's location without the tags of unions, which stand for no level of the file."""
        value, place = self.data, list[str | int]()
        for number, step in enumerate(loc):
            in_mapping = isinstance(value, dict) and step in value
            if in_mapping or (isinstance(value, list) and isinstance(step, int) and step < len(value)):
                value = value[step]
            elif number < len(loc) - 1:
                continue
            place.append(step)
        return tuple(place)


def read_yaml(file: Path) -> Located:
    """Read one document; InvalidReferenceError when the file is missing, is no YAML, or has a key twice."""
    return parse_yaml(_text(file), file)


def parse_yaml(text: str, file: Path) -> Located:
    """Read one document from text; InvalidReferenceError when it is no YAML, or has a key twice."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        walk = _Walk(file, loader, {(): 1}, [])
        if node is not None:
            walk.into(node, ())
        if walk.faults:
            raise InvalidReferenceError(walk.faults)
        return Located(file, None if node is None else loader.construct_document(node), walk.lines)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InvalidReferenceError([_unreadable(file, mark.line + 1 if mark else 1, (), error)]) from None
    except _SENSELESS as error:
        raise InvalidReferenceError([_unreadable(file, 1, (), error)]) from None


def read_csv(file: Path) -> Located:
    """Read a table into `{"rows": [...]}`; an empty cell is None. Rows of other lengths are faults."""
    reader = csv.DictReader(io.StringIO(_text(file)))
    rows: list[dict[str, str | None]] = []
    lines: dict[Place, int] = {(): 1}
    faults: list[FileFault] = []
    for row in reader:
        place: Place = ("rows", len(rows))
        lines[place] = reader.line_num
        if None in row or None in row.values():
            problem = phrase("reference_located.other_number_of_cells")
            remedy = phrase("reference_located.correct_commas")
            faults.append(FileFault(file, reader.line_num, _written(place), "", problem, remedy))
        rows.append({name: value or None for name, value in row.items()})
    if faults:
        raise InvalidReferenceError(faults)
    return Located(file, {"rows": rows}, lines)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        problem = phrase("reference_located.no_such_file")
    except (OSError, UnicodeDecodeError) as error:
        problem = filled(phrase("reference_located.unreadable_file"), error=error)
    remedy = phrase("reference_located.check_path_and_file")
    raise InvalidReferenceError([FileFault(file, 1, "", "", problem, remedy)])


def _unreadable(file: Path, line: int, place: Place, error: Exception) -> FileFault:
    reason = getattr(error, "problem", None) or str(error)
    problem = filled(phrase("reference_located.unreadable_yaml"), reason=reason)
    remedy = phrase("reference_located.see_indents_and_quotes")
    return FileFault(file, line, _written(place), "", problem, remedy)


@dataclass(frozen=True)
class _Walk:
    """Notes the line of every value of a YAML document, and its faults."""

    file: Path
    loader: _Loader
    lines: dict[Place, int]
    faults: list[FileFault]

    def into(self, node: yaml.Node, place: Place) -> None:
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        if len(place) > _DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=node.start_mark)
        if isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                self.into(item, (*place, position))
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._named(key, (*place, str(key.value)))
                self.into(value, (*place, str(key.value)))
        else:
            try:
                self.loader.construct_object(node)
            except ValueError as error:
                self.faults.append(_unreadable(self.file, line, place, error))

    def _named(self, key: yaml.Node, place: Place) -> None:
        line = key.start_mark.line + 1
        if place in self.lines:
            problem = phrase("reference_located.field_stands_above")
            remedy = phrase("reference_located.keep_one_of_them")
            self.faults.append(FileFault(self.file, line, _written(place), "", problem, remedy))
        self.lines[place] = line


def _written(place: Place) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".")


def _shown(value: object) -> str:
    return "…" if isinstance(value, dict | list) else str(value)
