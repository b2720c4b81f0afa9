"""The stage of a figure, the status of a commitment, and the events that change the status."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """The stage of a figure: reported, verified by the district (thẩm tra), confirmed by the sector (thẩm định)."""

    REPORTED = "reported"
    VERIFIED = "verified"
    CONFIRMED = "confirmed"

    @property
    def rank(self) -> int:
        """The rank of the stage: later stages outrank earlier ones."""
        return _RANKS[self]


_RANKS = {stage: rank for rank, stage in enumerate(Stage)}


class Status(StrEnum):
    """The verdict on a commitment at a date. Declared from worst to best: a criterion takes its worst part's."""

    MISSED = "missed"
    BEHIND = "behind"
    NO_DATA = "no_data"
    NOT_MET = "not_met"
    ON_TRACK = "on_track"
    MET = "met"

    @property
    def severity(self) -> int:
        """The rank of the status, from the worst (0) to the best."""
        return _SEVERITIES[self]


_SEVERITIES = {status: severity for severity, status in enumerate(Status)}


class Event(StrEnum):
    """The events of a verdict: changes of its status, and reports that are late or arrive after all."""

    FIRST_DATA = "first_data"
    MET = "met"
    LOST = "lost"
    FELL_BEHIND = "fell_behind"
    RECOVERED = "recovered"
    MISSED = "missed"
    CHANGED = "changed"
    """Another change of status, such as `not_met` to `on_track` when a commitment begins to bind."""
    OVERDUE = "overdue"
    REPORT_ARRIVED = "report_arrived"
