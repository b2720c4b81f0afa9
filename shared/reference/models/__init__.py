"""What the reference data says, as types: units, elements, criteria sets, plans, the calendar, contacts.

The files beside this package hold the data; `shared.reference.load` reads and checks them. No threshold, date
or name of the field stands in code.
"""

from shared.contracts.words import Period
from shared.reference.models.calendar import CalendarFile, Report
from shared.reference.models.criteria import (
    Amount,
    CriteriaSet,
    Criterion,
    Group,
    Indicator,
    Level,
    Ratio,
    YesNo,
)
from shared.reference.models.elements import Element, ElementsFile, SumRule
from shared.reference.models.plan import (
    COMMITMENT_OWNER,
    CRITERION_OWNER,
    Cohort,
    CohortMeeting,
    Commitment,
    CommunesMeeting,
    Contact,
    ContactsFile,
    Document,
    Done,
    Measure,
    Milestone,
    Plan,
    Rate,
    Recipient,
    RoleHolder,
    Route,
    SampleCohorts,
    StatedCount,
    StatedSpan,
    StatedUnit,
    Total,
)
from shared.reference.models.record import CriterionKey, Record, Role
from shared.reference.models.units import Succession, SuccessionsFile, Unit, UnitKind, UnitsFile
from shared.reference.models.writing import Instrument, InstrumentsFile, Misspelling, Spelling

__all__ = [
    "COMMITMENT_OWNER",
    "CRITERION_OWNER",
    "Amount",
    "CalendarFile",
    "Cohort",
    "CohortMeeting",
    "Commitment",
    "CommunesMeeting",
    "Contact",
    "ContactsFile",
    "CriteriaSet",
    "Criterion",
    "CriterionKey",
    "Document",
    "Done",
    "Element",
    "ElementsFile",
    "Group",
    "Indicator",
    "Instrument",
    "InstrumentsFile",
    "Level",
    "Measure",
    "Milestone",
    "Misspelling",
    "Period",
    "Plan",
    "Rate",
    "Ratio",
    "Recipient",
    "Record",
    "Report",
    "Role",
    "RoleHolder",
    "Route",
    "SampleCohorts",
    "Spelling",
    "StatedCount",
    "StatedSpan",
    "StatedUnit",
    "Succession",
    "SuccessionsFile",
    "SumRule",
    "Total",
    "Unit",
    "UnitKind",
    "UnitsFile",
    "YesNo",
]
