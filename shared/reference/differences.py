"""Differences between two versions of the reference data, in words, and what a new version may not take away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared.contracts.bilingual import Bilingual
from shared.reference.faults import FileFault
from shared.reference.plans import Plans
from shared.reference.reference import Reference
from shared.texts import filled, phrase

type Thing = Mapping[str, Any]
"""A piece of reference data as JSON."""

type Things = Mapping[str, Thing]
"""Pieces of a kind, each by what names it for ever."""

_LONGEST = 60
_CHANGES = {
    "added": phrase("reference_differences.added"),
    "removed": phrase("reference_differences.removed"),
    "changed": phrase("reference_differences.changed"),
}
_NAMES = {
    "plan": phrase("reference_differences.kinds.plan"),
    "unit": phrase("reference_differences.kinds.unit"),
    "element": phrase("reference_differences.kinds.element"),
    "set": phrase("reference_differences.kinds.set"),
    "criterion": phrase("reference_differences.kinds.criterion"),
    "report": phrase("reference_differences.kinds.report"),
    "group": phrase("reference_differences.kinds.group"),
    "cohort": phrase("reference_differences.kinds.cohort"),
    "commitment": phrase("reference_differences.kinds.commitment"),
    "duty": phrase("reference_differences.kinds.duty"),
    "role": phrase("reference_differences.kinds.role"),
    "route": phrase("reference_differences.kinds.route"),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A thing that a new version adds, removes or changes, in words."""

    kind: str
    name: str
    words: Bilingual


def differences(old: Plans, new: Plans) -> list[Difference]:
    """Return what is added, removed and changed: units, elements, criteria, cohorts, commitments, routes and so on."""
    return [difference for kind in _NAMES for difference in _of_kind(kind, _all(kind, old), _all(kind, new))]


def taken_away(old: Plans, new: Plans, directory: Path) -> list[FileFault]:
    """Return a fault for everything that figures and dossiers may name, and that the new version no longer has.

    What was accepted by an older version stays accepted, so units end, and elements are left out of criteria: they are
    not removed. A system stays that of its province.
    """
    faults = [
        FileFault(directory / file, 1, kind, name, phrase("reference_differences.is_gone"), remedy)
        for kind, file, remedy in _STAY
        for name in sorted(_all(kind, old).keys() - _all(kind, new).keys())
    ]
    first, first_new = old.references[0], new.references[0]
    if first.plan.unit != first_new.plan.unit:
        problem, remedy = phrase("reference_differences.other_province"), phrase("reference_differences.keep_province")
        faults.append(FileFault(directory / "plans", 1, "unit", first_new.plan.unit, problem, remedy))
    before = {unit.key: unit for unit in first.units}
    faults += [
        FileFault(
            directory / "units.csv",
            1,
            f"key {unit.key}: code",
            unit.code,
            phrase("reference_differences.other_code"),
            filled(phrase("reference_differences.keep_code"), code=before[unit.key].code),
        )
        for unit in first_new.units
        if unit.key in before and before[unit.key].code != unit.code
    ]
    return faults


_STAY = (
    ("unit", "units.csv", phrase("reference_differences.let_it_end")),
    ("element", "elements.yaml", phrase("reference_differences.keep_element")),
    ("set", "criteria", phrase("reference_differences.keep_set")),
)


def _of_kind(kind: str, old: Things, new: Things) -> Iterator[Difference]:
    for name in (*(name for name in old if name not in new), *new):
        if name not in new:
            yield _difference(kind, name, "removed", old[name])
        elif name not in old:
            yield _difference(kind, name, "added", new[name])
        elif fields := _changed(old[name], new[name]):
            yield _difference(kind, name, "changed", old[name], "; ".join(fields))


def _difference(kind: str, name: str, change: str, thing: Thing, fields: str = "") -> Difference:
    shown = f"{thing['code']} {thing['name']}" if kind == "unit" else name
    words = filled(_CHANGES[change], what=_NAMES[kind], name=shown, fields=fields)
    return Difference(kind, name, words)


def _changed(old: Thing, new: Thing) -> list[str]:
    """Name the fields that differ, with both values where these are short."""
    return [
        f"{field}: {_shown(old.get(field))} → {_shown(new.get(field))}"
        for field in dict.fromkeys((*old, *new))
        if old.get(field) != new.get(field)
    ]


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _by(name: str, things: Iterable[BaseModel], *without: str) -> Things:
    """Return things by one of their fields, without the parts that are compared by themselves."""
    dumped = (thing.model_dump(mode="json", exclude=set(without)) for thing in things)
    return {str(thing[name]): thing for thing in dumped}


def _of_plans(plans: Plans, things: Callable[[Reference], Things]) -> Things:
    """Return things of each plan; those of several plans are named with their plan."""
    many = len(plans.references) > 1
    return {
        f"{reference.plan.id}/{name}" if many else name: thing
        for reference in plans
        for name, thing in things(reference).items()
    }


def _branches(reference: Reference) -> Things:
    roots = (reference.plan.routing, reference.plan.dossier_routing, reference.plan.reminder_routing)
    return _by("id", (branch for root in roots for branch in root.walk()), "branches")


def _elements(reference: Reference) -> Things:
    return {
        code: {**thing, "breaks": [each.model_dump(mode="json") for each in reference.breaks_of([code])]}
        for code, thing in _by("code", reference.elements.values()).items()
    }


def _criteria(reference: Reference) -> Things:
    return {key: reference.criterion(key).model_dump(mode="json") for key in reference.criterion_keys}


_TREES = ("routing", "dossier_routing", "reminder_routing")
_OF_ALL: Mapping[str, Callable[[Reference], Things]] = {
    "unit": lambda reference: _by("key", reference.units),
    "element": _elements,
    "set": lambda reference: _by("id", reference.sets.values(), "criteria"),
    "criterion": _criteria,
    "report": lambda reference: _by("id", reference.calendar),
    "group": lambda reference: _by("id", reference.groups.values()),
}
"""The kinds that hold for any plan."""

_OF_A_PLAN: Mapping[str, Callable[[Reference], Things]] = {
    "plan": lambda reference: _by("id", [reference.plan], "cohorts", "commitments", "duties", "roles", *_TREES),
    "cohort": lambda reference: _by("id", reference.plan.cohorts),
    "commitment": lambda reference: _by("id", reference.plan.commitments),
    "duty": lambda reference: _by("id", reference.plan.duties),
    "role": lambda reference: _by("role", reference.plan.roles),
    "route": _branches,
}


def _all(kind: str, plans: Plans) -> Things:
    if kind in _OF_ALL:
        return _OF_ALL[kind](plans.references[0])
    return _of_plans(plans, _OF_A_PLAN[kind])
