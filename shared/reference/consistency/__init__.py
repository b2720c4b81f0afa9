"""Checks that the reference data agree with themselves: every name refers to something, and no name stands twice."""

from shared.reference.consistency.criteria import of_set
from shared.reference.consistency.definitions import of_calendar, of_elements, of_successions, of_tiles, of_units
from shared.reference.consistency.groups import of_groups, of_sample_groups
from shared.reference.consistency.plan import of_plan, of_sample
from shared.reference.consistency.plans import of_plans

__all__ = [
    "of_calendar",
    "of_elements",
    "of_groups",
    "of_plan",
    "of_plans",
    "of_sample",
    "of_sample_groups",
    "of_set",
    "of_successions",
    "of_tiles",
    "of_units",
]
