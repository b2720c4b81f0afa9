"""The collector of a file's faults, and the words for the kinds of things that names refer to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from shared.contracts.bilingual import Bilingual
from shared.reference.faults import FileFault
from shared.reference.located import Located, Place
from shared.reference.models import Term
from shared.texts import filled, phrase

CRITERION = phrase("consistency_checks.criterion")
ELEMENT = phrase("consistency_checks.element")
ROLE = phrase("consistency_checks.role")
UNIT = phrase("consistency_checks.unit")
COMMUNE_GROUP = phrase("consistency_checks.commune_group")
GROUP = phrase("consistency_checks.group")
SET = phrase("consistency_plan.criteria_set")
COMMITMENT = phrase("consistency_checks.commitment")
COHORT = phrase("consistency_checks.cohort")


@dataclass
class Checks:
    """Collects the faults of one file."""

    located: Located
    faults: list[FileFault] = field(default_factory=list)

    def fault(self, place: Place, problem: Bilingual, remedy: Bilingual, found: object = None) -> None:
        """Add a fault at this place."""
        self.faults.append(self.located.fault(place, problem, remedy, found))

    def known(self, place: Place, name: str, names: Collection[str], what: Bilingual) -> bool:
        """Say whether the name is known; add a fault that suggests the nearest names where it is not."""
        if name in names:
            return True
        near = ", ".join(get_close_matches(name, names, n=3)) or ", ".join(sorted(names)[:8])
        self.fault(
            place,
            filled(phrase("consistency_checks.no_such"), what=what),
            filled(phrase("consistency_checks.is_it_one_of"), near=near),
            name,
        )
        return False

    def all_known(self, place: Place, names: Iterable[str], known: Collection[str], what: Bilingual) -> None:
        """Add a fault for each name that is not known."""
        for position, name in enumerate(names):
            self.known((*place, position), name, known, what)

    def unique(self, place: Place, names: Iterable[object], key: str) -> None:
        """Add a fault for each name that stands further up already."""
        seen: set[object] = set()
        for position, name in enumerate(names):
            if name in seen:
                self.fault(
                    (*place, position, key),
                    phrase("consistency_checks.stands_above_already"),
                    phrase("consistency_checks.name_otherwise_or_remove"),
                    name,
                )
            seen.add(name)


def term(checks: Checks, place: Place, record: Term) -> None:
    """Check that a record does not end before it begins."""
    if record.valid_from and record.valid_to and record.valid_to < record.valid_from:
        checks.fault(
            (*place, "valid_to"),
            filled(phrase("consistency_checks.ends_before_it_begins"), begins=record.valid_from),
            phrase("consistency_checks.write_a_later_day"),
            record.valid_to,
        )
