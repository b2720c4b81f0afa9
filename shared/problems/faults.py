"""The kinds of faulty fields, and of remarks about accepted figures, with their texts in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from shared.contracts.bilingual import Bilingual, Language
from shared.masking import without_keys
from shared.text import shown
from shared.texts import phrase


class Faults(Enum):
    """Every kind of faulty field. Each text names the value and the remedy; placeholders take the fault's details."""

    MISSING = phrase("faults.missing")
    UNKNOWN_FIELD = phrase("faults.unknown_field")
    WRONG_TYPE = phrase("faults.wrong_type")
    BAD_PERIOD = phrase("faults.bad_period")
    FUTURE_PERIOD = phrase("faults.future_period")
    UNKNOWN_UNIT = phrase("faults.unknown_unit")
    UNIT_NOT_VALID = phrase("faults.unit_not_valid")
    NOT_ON_THAT_DAY = phrase("faults.not_on_that_day")
    NOT_COUNTED_HERE = phrase("faults.not_counted_here")
    UNKNOWN_ELEMENT = phrase("faults.unknown_element")
    WRONG_GRANULARITY = phrase("faults.wrong_granularity")
    NOT_A_NUMBER = phrase("faults.not_a_number")
    NOT_WHOLE = phrase("faults.not_whole")
    NOT_YES_NO = phrase("faults.not_yes_no")
    TOO_SMALL = phrase("faults.too_small")
    TOO_GREAT = phrase("faults.too_great")
    SUM_DISAGREES = phrase("faults.sum_disagrees")
    UNKNOWN_CRITERION = phrase("faults.unknown_criterion")
    SUPERSEDED = phrase("faults.superseded")
    STANDING_DISAGREES = phrase("faults.standing_disagrees")
    UNIT_BY_NAME = phrase("faults.unit_by_name")
    REVISION_TAKEN = phrase("faults.revision_taken")
    WITHDRAWN = phrase("faults.withdrawn")
    RAISED_BY_OTHERS = phrase("faults.raised_by_others")
    NEEDS_CONFIRMATION = phrase("faults.needs_confirmation")
    ZERO_NEEDS_CONFIRMATION = phrase("faults.zero_needs_confirmation")
    COUNTED_AT_OTHER_LEVEL = phrase("faults.counted_at_other_level")
    OUTSIDE_UNITS = phrase("faults.outside_units")
    OUTSIDE_CRITERIA = phrase("faults.outside_criteria")
    OUTSIDE_STAGE = phrase("faults.outside_stage")
    EMPTY = phrase("faults.empty")
    TOO_LONG = phrase("faults.too_long")
    BAD_PARAMETER = phrase("faults.bad_parameter")
    UNKNOWN_PARAMETER = phrase("faults.unknown_parameter")
    REPEATED_PARAMETER = phrase("faults.repeated_parameter")

    # of evidence
    NO_EVIDENCE = phrase("faults.no_evidence")
    NOTHING_ATTACHED = phrase("faults.nothing_attached")
    UNSAFE_FILE = phrase("faults.unsafe_file")
    NOT_A_FIGURE_OF_IT = phrase("faults.not_a_figure_of_it")
    FILE_AND_LINK = phrase("faults.file_and_link")
    BAD_LINK = phrase("faults.bad_link")

    # of contacts
    UNKNOWN_ROLE = phrase("faults.unknown_role")
    NO_SUCH_ROLE_HERE = phrase("faults.no_such_role_here")
    BAD_EMAIL = phrase("faults.bad_email")
    BAD_PHONE = phrase("faults.bad_phone")
    BAD_SERVICE = phrase("faults.bad_service")
    LANDLINE = phrase("faults.landline")
    INVISIBLE_MARK = phrase("faults.invisible_mark")
    NO_WAY_TO_REACH = phrase("faults.no_way_to_reach")
    BAD_NAME = phrase("faults.bad_name")
    KNOWN_CONTACT = phrase("faults.known_contact")
    LEAVE_NOT_WHOLE = phrase("faults.leave_not_whole")
    UNKNOWN_SUBSTITUTE = phrase("faults.unknown_substitute")
    SIMILAR_CONTACT = phrase("faults.similar_contact")
    UNKNOWN_CONTACT_COLUMN = phrase("faults.unknown_contact_column")
    NAMELESS_COLUMN = phrase("faults.nameless_column")
    REPEATED_CONTACT = phrase("faults.repeated_contact")
    NO_CONTACT_COLUMNS = phrase("faults.no_contact_columns")

    # of difficulties
    DISASTER_NEEDS_CRITERION = phrase("faults.disaster_needs_criterion")

    # of dossiers
    STEP_MISSING = phrase("faults.step_missing")
    STEP_MISSING_CRITERIA = phrase("faults.step_missing_criteria")
    STEP_TAKEN = phrase("faults.step_taken")
    ALREADY_RECOGNISED = phrase("faults.already_recognised")
    OTHER_TURN = phrase("faults.other_turn")
    NOTHING_TO_RETURN = phrase("faults.nothing_to_return")
    CRITERION_ANSWERED = phrase("faults.criterion_answered")
    NOT_OF_THE_STEP = phrase("faults.not_of_the_step")
    NO_NEEDS_NOTE = phrase("faults.no_needs_note")
    JUDGED_NOT_MET = phrase("faults.judged_not_met")
    WITHDRAWAL_NOT_JUDGED = phrase("faults.withdrawal_not_judged")
    DAY_TO_COME = phrase("faults.day_to_come")
    BEFORE_THE_UNIT = phrase("faults.before_the_unit")
    OUTSIDE_STEP = phrase("faults.outside_step")
    OUTSIDE_ALL_CRITERIA = phrase("faults.outside_all_criteria")
    OUTSIDE_CRITERION = phrase("faults.outside_criterion")
    RECOGNISED_BEFORE_NEEDED = phrase("faults.recognised_before_needed")

    # of silences, and of the conditions that alerts have to fulfil
    BAD_TIMES = phrase("faults.bad_times")
    END_HAS_PASSED = phrase("faults.end_has_passed")
    END_TOO_LATE = phrase("faults.end_too_late")
    NO_CONDITION = phrase("faults.no_condition")
    MATCHES_NOTHING = phrase("faults.matches_nothing")
    UNKNOWN_COHORT = phrase("faults.unknown_cohort")
    UNKNOWN_COMMITMENT = phrase("faults.unknown_commitment")
    UNKNOWN_REPORT = phrase("faults.unknown_report")
    UNKNOWN_CRITERIA_SET = phrase("faults.unknown_criteria_set")
    BAD_RECIPIENT = phrase("faults.bad_recipient")
    OWN_UNITS_NEEDED = phrase("faults.own_units_needed")
    OWN_CRITERIA_NEEDED = phrase("faults.own_criteria_needed")
    OUTSIDE_ROLE = phrase("faults.outside_role")
    NOT_TOLD = phrase("faults.not_told")
    OTHERS_NOTICE = phrase("faults.others_notice")
    OTHERS_RECIPIENT = phrase("faults.others_recipient")
    ANOTHERS_SILENCE = phrase("faults.anothers_silence")

    # of subscriptions
    BAD_ENDPOINT = phrase("faults.bad_endpoint")

    # of workbooks and CSV files
    EMPTY_FILE = phrase("faults.empty_file")
    NOT_A_WORKBOOK = phrase("faults.not_a_workbook")
    OTHER_FORMAT = phrase("faults.other_format")
    OLD_WORKBOOK = phrase("faults.old_workbook")
    ENCRYPTED_WORKBOOK = phrase("faults.encrypted_workbook")
    DAMAGED_WORKBOOK = phrase("faults.damaged_workbook")
    HAS_MACROS = phrase("faults.has_macros")
    HAS_LINKS = phrase("faults.has_links")
    HAS_OBJECTS = phrase("faults.has_objects")
    UNPACKS_TOO_LARGE = phrase("faults.unpacks_too_large")
    READING_TOO_LONG = phrase("faults.reading_too_long")
    BAD_ENCODING = phrase("faults.bad_encoding")
    TOO_MANY_ROWS = phrase("faults.too_many_rows")
    TOO_MANY_COLUMNS = phrase("faults.too_many_columns")
    NO_HEADER = phrase("faults.no_header")
    NO_ROWS = phrase("faults.no_rows")
    UNKNOWN_COLUMN = phrase("faults.unknown_column")
    REPEATED_COLUMN = phrase("faults.repeated_column")
    REPEATED_ROW = phrase("faults.repeated_row")
    ERROR_IN_CELL = phrase("faults.error_in_cell")
    FORMULA_IN_CELL = phrase("faults.formula_in_cell")
    AMBIGUOUS_NUMBER = phrase("faults.ambiguous_number")
    NOT_A_FIGURE = phrase("faults.not_a_figure")
    A_DATE_IN_CELL = phrase("faults.a_date_in_cell")
    YES_OR_NO = phrase("faults.yes_or_no")
    UNKNOWN_UNIT_NAME = phrase("faults.unknown_unit_name")
    AMBIGUOUS_UNIT = phrase("faults.ambiguous_unit")
    UNIT_DISAGREES = phrase("faults.unit_disagrees")
    PERIOD_NOT_READ = phrase("faults.period_not_read")
    NO_PERIOD = phrase("faults.no_period")
    PERIODS_DISAGREE = phrase("faults.periods_disagree")
    PERIOD_INCOMPLETE = phrase("faults.period_incomplete")
    MERGED_FIGURES = phrase("faults.merged_figures")
    HIDDEN_FIGURES = phrase("faults.hidden_figures")
    MERGED_CONTACTS = phrase("faults.merged_contacts")
    HIDDEN_CONTACTS = phrase("faults.hidden_contacts")
    STRUCK_CONTACTS = phrase("faults.struck_contacts")
    STRUCK_FIGURES = phrase("faults.struck_figures")
    SHOWN_OTHERWISE = phrase("faults.shown_otherwise")
    STANDS_ALREADY = phrase("faults.stands_already")
    ANOTHER_THAN_NAMED = phrase("faults.another_than_named")

    @property
    def code(self) -> str:
        """The stable code for programs."""
        return self.name.lower()


class Warnings(Enum):
    """Every kind of remark about accepted figures or contacts. A remark asks for nothing."""

    OUTRANKED = phrase("faults.outranked")
    IMPLAUSIBLE_CHANGE = phrase("faults.implausible_change")
    OFFICIAL_STANDS = phrase("faults.official_stands")
    ZERO_CONFIRMED = phrase("faults.zero_confirmed")
    COUNTED_BY_COMMUNES = phrase("faults.counted_by_communes")
    RETURNED = phrase("faults.returned")

    # of contacts
    PHONE_RENUMBERED = phrase("faults.phone_renumbered")
    SHEET_NOT_READ = phrase("faults.sheet_not_read")

    @property
    def code(self) -> str:
        """The stable code for programs."""
        return self.name.lower()

    def text(self, **details: object) -> Bilingual:
        """Return the remark with its details in_words in."""
        return Bilingual(vi=in_words(self.value, details, "vi"), en=in_words(self.value, details, "en"))


def in_words(template: Bilingual, details: Mapping[str, object], language: Language) -> str:
    """Fill in the details of any type, each written as the language writes it (`shown`), and no access key."""
    words = {name: without_keys(shown(value, language)) for name, value in details.items()}
    return template.in_(language).format(**words)
