"""Checks of the definitions that hold for any plan: units, elements, the calendar."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import get_args

from shared.contracts.period import Granularity
from shared.reference.consistency.checks import CRITERION, ELEMENT, UNIT, Checks
from shared.reference.definitions import Definitions
from shared.reference.faults import FileFault
from shared.reference.located import Located, Place
from shared.reference.models import (
    COMMUNE_LEVEL,
    Break,
    CalendarFile,
    ElementsFile,
    PlausibleChange,
    Report,
    Succession,
    TilesFile,
    Unit,
)
from shared.texts import filled, phrase


def of_units(located: Located, units: list[Unit]) -> list[FileFault]:
    """Check that keys stand once, parents exist, and no two units have one code on the same day."""
    checks = Checks(located)
    checks.unique(("rows",), (unit.key for unit in units), "key")
    keys = {unit.key for unit in units}
    by_code: dict[str, Unit] = {}
    for position, unit in sorted(enumerate(units), key=lambda each: each[1].valid_from):
        if unit.parent is not None and unit.parent not in keys:
            checks.known(("rows", position, "parent"), str(unit.parent), {str(key) for key in keys}, UNIT)
        before = by_code.get(unit.code)
        if before is not None and before.is_valid(unit.valid_from):
            checks.fault(
                ("rows", position, "code"),
                phrase("consistency_definitions.code_is_another_units"),
                filled(phrase("consistency_definitions.see_end_of_unit"), key=before.key),
                unit.code,
            )
        by_code[unit.code] = unit
    return checks.faults


def of_successions(located: Located, successions: list[Succession], units: list[Unit]) -> list[FileFault]:
    """Check that both units of a succession exist, the new unit on the day after the old unit's last."""
    checks = Checks(located)
    by_key = {str(unit.key): unit for unit in units}
    for position, succession in enumerate(successions):
        known = [
            checks.known(("rows", position, name), str(key), by_key, UNIT)
            for name, key in (("old", succession.old), ("new", succession.new))
        ]
        if not all(known):
            continue
        old, new = by_key[str(succession.old)], by_key[str(succession.new)]
        if old.valid_to is None or not new.is_valid(old.valid_to + timedelta(days=1)):
            checks.fault(
                ("rows", position, "new"),
                phrase("consistency_definitions.new_unit_does_not_follow"),
                phrase("consistency_definitions.see_validity_of_both"),
                str(succession.new),
            )
    return checks.faults


def of_tiles(located: Located, file: TilesFile, units: list[Unit]) -> list[FileFault]:
    """Check that tiles are of units below the districts, one for each, and that none has two units on the same day.

    A unit may have none, so that a merger does not wait for the map: the map names it beside the tiles.
    """
    checks = Checks(located)
    checks.unique(("tiles",), (tile.unit for tile in file.tiles), "unit")
    placed = {str(unit.key): unit for unit in units if unit.kind in COMMUNE_LEVEL}
    on_tile: defaultdict[tuple[int, int], list[Unit]] = defaultdict(list)
    for position, tile in enumerate(file.tiles):
        if not checks.known(("tiles", position, "unit"), str(tile.unit), placed, UNIT):
            continue
        unit = placed[str(tile.unit)]
        for other in on_tile[tile.at]:
            if other.key != unit.key and (other.is_valid(unit.valid_from) or unit.is_valid(other.valid_from)):
                problem = filled(phrase("consistency_definitions.tile_is_another_units"), key=other.key)
                remedy = phrase("consistency_definitions.choose_a_free_tile")
                checks.fault(("tiles", position, "at"), problem, remedy, f"{tile.at[0]}, {tile.at[1]}")
        on_tile[tile.at].append(unit)
    return checks.faults


def of_elements(located: Located, file: ElementsFile, definitions: Definitions) -> list[FileFault]:
    """Check that codes stand once, criteria exist, limits and sums name elements, and flows have one kind of period."""
    checks = Checks(located)
    checks.unique(("elements",), (element.code for element in file.elements), "code")
    for position, element in enumerate(file.elements):
        checks.all_known(("elements", position, "criteria"), element.criteria, definitions.criterion_keys, CRITERION)
        if element.nature == "flow" and len(element.periods) != 1:
            checks.fault(
                ("elements", position, "periods"),
                phrase("consistency_definitions.flow_has_one_kind"),
                phrase("consistency_definitions.choose_one_so_that"),
                ", ".join(element.periods),
            )
    _breaks(checks, file.breaks, definitions)
    _plausible_changes(checks, file.plausible_changes, definitions)
    for position, rule in enumerate(file.sum_rules):
        checks.all_known(("sum_rules", position, "parts"), rule.parts, definitions.elements, ELEMENT)
        checks.known(("sum_rules", position, "whole"), rule.whole, definitions.elements, ELEMENT)
    return checks.faults


def _breaks(checks: Checks, breaks: list[Break], definitions: Definitions) -> None:
    """Check that breaks name elements, one a day, and that no period of a flow lies on both sides of one."""
    seen: set[tuple[str, date]] = set()
    for at, broken in enumerate(breaks):
        day = broken.valid_from
        for position, code in enumerate(broken.elements):
            place: Place = ("breaks", at, "elements", position)
            if not checks.known(place, code, definitions.elements, ELEMENT):
                continue
            if (code, day) in seen:
                problem = phrase("consistency_definitions.break_stands_above")
                checks.fault(place, problem, phrase("consistency_definitions.remove_one_of_them"), code)
            seen.add((code, day))
            element = definitions.elements[code]
            if element.nature == "flow" and not all(_begins_period(day, each) for each in element.periods):
                problem = phrase("consistency_definitions.break_within_a_period")
                remedy = phrase("consistency_definitions.break_on_first_day")
                checks.fault(("breaks", at, "valid_from"), problem, remedy, day)


def _begins_period(day: date, granularity: Granularity) -> bool:
    months = {"month": 1, "quarter": 3, "half": 6, "year": 12}.get(granularity)
    return months is None or (day.day == 1 and (day.month - 1) % months == 0)


def _plausible_changes(checks: Checks, changes: list[PlausibleChange], definitions: Definitions) -> None:
    seen: set[str] = set()
    for at, change in enumerate(changes):
        for position, code in enumerate(change.elements):
            place: Place = ("plausible_changes", at, "elements", position)
            if not checks.known(place, code, definitions.elements, ELEMENT):
                continue
            if definitions.elements[code].type == "yes_no":
                problem = phrase("consistency_definitions.yes_no_has_no_extent")
                checks.fault(place, problem, phrase("consistency_definitions.remove"), code)
            if code in seen:
                problem = phrase("consistency_definitions.limit_stands_above")
                checks.fault(place, problem, phrase("consistency_definitions.remove_one_of_them"), code)
            seen.add(code)


def of_calendar(located: Located, file: CalendarFile, definitions: Definitions) -> list[FileFault]:
    """Check that names stand once, criteria exist, and every kind of period opens once."""
    checks = Checks(located)
    checks.unique(("reports",), (report.id for report in file.reports), "id")
    checks.unique(("dossier",), (time.step for time in file.dossier), "step")
    for position, report in enumerate(file.reports):
        checks.all_known(("reports", position, "criteria"), report.criteria, definitions.criterion_keys, CRITERION)
        _report_on_elements(checks, ("reports", position), report, definitions)
    opening = Counter(granularity for rule in file.openings for granularity in rule.granularities)
    for granularity in get_args(Granularity.__value__):
        if opening[granularity] != 1:
            checks.fault(
                ("openings",),
                phrase("consistency_definitions.period_kind_opens_once"),
                phrase("consistency_definitions.name_this_kind_period"),
                granularity,
            )
    return checks.faults


def _report_on_elements(checks: Checks, place: Place, report: Report, definitions: Definitions) -> None:
    """Check that a report is about criteria or elements, and that those who owe it may count these for its periods."""
    if bool(report.criteria) == bool(report.elements) or bool(report.elements) != bool(report.reported_by):
        checks.fault(
            place,
            phrase("consistency_definitions.report_about_one_thing"),
            phrase("consistency_definitions.name_criteria_or_elements"),
            report.id,
        )
    for at, code in enumerate(report.elements):
        here = (*place, "elements", at)
        if not checks.known(here, code, definitions.elements, ELEMENT):
            continue
        element = definitions.elements[code]
        if report.granularity not in element.periods or not set(report.reported_by) <= set(element.counted_in):
            checks.fault(
                here,
                phrase("consistency_definitions.element_is_not_reported_so"),
                phrase("consistency_definitions.see_periods_and_counted_in"),
                code,
            )
