"""Loading and checking reference data. Loaded data are whole: every name in them refers to something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from shared.reference import consistency
from shared.reference.definitions import Definitions
from shared.reference.faults import FileFault, InvalidReferenceError
from shared.reference.located import Located, parse_yaml, read_csv, read_yaml
from shared.reference.models import (
    CalendarFile,
    Contact,
    ContactsFile,
    CriteriaSet,
    ElementsFile,
    GroupsFile,
    InstrumentsFile,
    Plan,
    SampleCohorts,
    Spelling,
    SuccessionsFile,
    TilesFile,
    UnitGroup,
    UnitsFile,
)
from shared.reference.plans import Plans
from shared.reference.reference import Reference
from shared.reference.units import Units
from shared.texts import phrase

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = [
    "PACKAGED",
    "Definitions",
    "FileFault",
    "InvalidReferenceError",
    "Plans",
    "Reference",
    "follow_each_other",
    "load",
    "load_contacts",
    "load_file",
    "load_for",
    "load_plan",
    "load_sample_cohorts",
    "load_text",
    "source_text",
    "with_members",
    "with_plan",
    "with_sample",
]

PACKAGED = Path(__file__).parent
"""The folder of the reference data that come with the program."""


def load(plan: str = "lang-son-2023", directory: Path | None = None) -> Reference:
    """Load the reference data of a plan by its name; each plan is read once.

    InvalidReferenceError has the faults of the first faulty file.
    """
    return _load(plan, directory)


def load_file(file: Path, directory: Path | None = None) -> Reference:
    """Load the reference data of a plan by its file; all other data come from `directory`, by default the packaged."""
    return _of_plan(read_yaml(file), _definitions(directory or PACKAGED))


def load_text(text: str, definitions: Definitions) -> Reference:
    """Load the reference data of a plan from the text of its file."""
    return _of_plan(parse_yaml(text, Path("plan.yaml")), definitions)


def with_plan(reference: Reference, plan: Plan) -> Reference:
    """Replace the plan; InvalidReferenceError where the new plan names things that do not exist."""
    replaced = Reference.of(reference, plan)
    _raise(consistency.of_plan(Located(Path("plan"), None, {}), replaced))
    return replaced


def load_for(settings: Settings) -> Plans:
    """Load the plans that the settings name, with invented cohort members where they ask for these.

    Without a name it is every plan in the folder. InvalidReferenceError where they do not follow each other.
    """
    directory = settings.reference_dir or PACKAGED
    names = settings.plan_names or sorted(file.stem for file in (directory / "plans").glob("*.yaml"))
    references = [load(name, settings.reference_dir) for name in names]
    if settings.sample_cohorts is not None:
        located = read_yaml(settings.sample_cohorts)
        references = _with_sample(references, located.parse(SampleCohorts), located)
    return follow_each_other(references)


def follow_each_other(references: Sequence[Reference]) -> Plans:
    """Put plans in the order of their time; InvalidReferenceError where they do not follow each other."""
    in_order = sorted(references, key=lambda reference: reference.plan.first_day)
    _raise(consistency.of_plans([reference.plan for reference in in_order]))
    return Plans(tuple(in_order))


def _with_sample(references: Sequence[Reference], sample: SampleCohorts, located: Located) -> list[Reference]:
    """Add the invented members to the plan that has the cohorts; the first one is asked where none has them all."""
    has_all = [all(cohort in _cohorts(reference.plan) for cohort in sample.members) for reference in references]
    chosen = has_all.index(True) if True in has_all else 0
    return [
        with_sample(reference, sample, located) if number == chosen else reference
        for number, reference in enumerate(references)
    ]


def _cohorts(plan: Plan) -> set[str]:
    return {cohort.id for cohort in plan.cohorts}


def load_plan(file: Path, directory: Path | None = None) -> Plan:
    """Load a plan, checked against the other reference data."""
    return load_file(file, directory).plan


def load_contacts(file: Path) -> list[Contact]:
    """Load a file of contacts."""
    return read_yaml(file).parse(ContactsFile).contacts


def load_sample_cohorts(file: Path) -> SampleCohorts:
    """Load invented members for cohorts whose members the plan does not name."""
    return read_yaml(file).parse(SampleCohorts)


def with_sample(reference: Reference, sample: SampleCohorts, located: Located | None = None) -> Reference:
    """Add invented members to the plan's cohorts and to groups of communes, and mark the plan as sample.

    Raises what `with_members` raises, also for groups.
    """
    located = located or Located(Path("sample cohorts"), sample.model_dump(), {})
    plan = with_members(reference.plan, sample, reference.units, located)
    _raise(consistency.of_sample_groups(located, sample, reference))
    groups = {name: _with_units(group, sample.groups.get(name, [])) for name, group in reference.groups.items()}
    return replace(reference, plan=plan, groups=groups)


def _with_units(group: UnitGroup, codes: list[str]) -> UnitGroup:
    lists = [each.model_copy(update={"units": [*each.units, *codes]}) for each in group.lists]
    return group.model_copy(update={"lists": lists})


def with_members(plan: Plan, sample: SampleCohorts, units: Units | None = None, located: Located | None = None) -> Plan:
    """Add invented members to the plan's cohorts, and mark the plan as sample.

    `units`: by default the packaged ones. `located`: the sample's file, for the lines of its faults.
    InvalidReferenceError where a cohort is unknown or would outgrow its size, or where a member is no commune at the
    plan's time or is a member already.
    """
    units = units or _definitions(PACKAGED).units.counting(plan.counted_kinds)
    located = located or Located(Path("sample cohorts"), sample.model_dump(), {})
    _raise(consistency.of_sample(located, sample, plan, units))
    cohorts = [
        cohort.model_copy(update={"members": [*cohort.members, *sample.members.get(cohort.id, ())]})
        for cohort in plan.cohorts
    ]
    return plan.model_copy(update={"cohorts": cohorts, "sample": True})


def source_text(plan: Plan, file: Path | None = None) -> str:
    """Read the text to which the plan's lines and quotes refer: beside the plan's file, else the packaged one."""
    name = plan.document.source
    beside = [file.parent / name, file.parent.parent / "sources" / name] if file else []
    for candidate in (*beside, PACKAGED / "sources" / name):
        if candidate.is_file():
            return candidate.read_text(encoding="utf-8")
    problem = phrase("reference_load.no_source_text")
    remedy = phrase("reference_load.put_beside_the_plan")
    raise InvalidReferenceError([FileFault(file or Path(plan.id), 1, "document.source", name, problem, remedy)])


def _of_plan(located: Located, definitions: Definitions) -> Reference:
    reference = Reference.of(definitions, located.parse(Plan))
    _raise(consistency.of_plan(located, reference))
    return reference


@lru_cache
def _load(plan: str, directory: Path | None) -> Reference:
    return load_file((directory or PACKAGED) / "plans" / f"{plan}.yaml", directory)


@lru_cache
def _definitions(directory: Path) -> Definitions:
    units_file = read_csv(directory / "units.csv")
    units = units_file.parse(UnitsFile).rows
    _raise(consistency.of_units(units_file, units))
    successions_file = read_csv(directory / "successions.csv")
    successions = successions_file.parse(SuccessionsFile).rows
    _raise(consistency.of_successions(successions_file, successions, units))
    tiles_file = directory / "tiles.yaml"  # directories of earlier versions have none
    located_tiles = read_yaml(tiles_file) if tiles_file.is_file() else None
    tiles = located_tiles.parse(TilesFile) if located_tiles else None
    if located_tiles and tiles:
        _raise(consistency.of_tiles(located_tiles, tiles, units))

    set_files = [read_yaml(file) for file in sorted((directory / "criteria").glob("*.yaml"))]
    sets = [located.parse(CriteriaSet) for located in set_files]
    elements_file = read_yaml(directory / "elements.yaml")
    elements = elements_file.parse(ElementsFile)
    calendar_file = read_yaml(directory / "calendar.yaml")
    calendar = calendar_file.parse(CalendarFile)
    instruments = read_yaml(directory / "instruments.yaml").parse(InstrumentsFile).instruments
    groups_file = directory / "groups.yaml"  # directories of earlier versions have none
    located_groups = read_yaml(groups_file) if groups_file.is_file() else None
    groups = located_groups.parse(GroupsFile).groups if located_groups else []
    definitions = Definitions(
        units=Units(units, successions),
        tiles=tiles,
        elements={element.code: element for element in elements.elements},
        breaks=elements.breaks,
        plausible_changes=elements.plausible_changes,
        sum_rules=elements.sum_rules,
        sets={criteria_set.id: criteria_set for criteria_set in sets},
        groups={group.id: group for group in groups},
        openings=calendar.openings,
        calendar=calendar.reports,
        step_times=calendar.dossier,
        instruments={instrument.id: instrument for instrument in instruments},
        spelling=read_yaml(directory / "spelling.yaml").parse(Spelling),
    )
    _raise(consistency.of_elements(elements_file, elements, definitions))
    for located, criteria_set in zip(set_files, sets, strict=True):
        _raise(consistency.of_set(located, criteria_set, definitions))
    if located_groups:
        _raise(consistency.of_groups(located_groups, groups, definitions))
    _raise(consistency.of_calendar(calendar_file, calendar, definitions))
    return definitions


def _raise(faults: list[FileFault]) -> None:
    if faults:
        raise InvalidReferenceError(faults)
