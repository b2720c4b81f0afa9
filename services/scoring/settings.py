"""The settings of scoring beside those that all services share: who issues reports, how they become PDF, the map."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from services.scoring.drawing.docx import TemplateError, check_template
from services.scoring.reporting.frame import Office
from shared.service.settings import ServiceSettings
from shared.settings import read_settings


class ScoringSettings(ServiceSettings):
    """The settings of the service. Without any the office that issued the plan issues the reports."""

    report_above: str | None = Field(default=None, description="The superior body above the issuer, on reports.")
    report_issuer: str | None = Field(default=None, description="The body that issues reports of the province.")
    report_symbol: str | None = Field(default=None, description="The symbol behind a report's number: `BC-VPĐP`.")
    report_place: str | None = Field(default=None, description="The place in front of a report's date.")
    report_signed_as: str | None = Field(default=None, description="The position of the person who signs.")
    report_signer: str | None = Field(default=None, description="The name of the person who signs.")
    report_template: Path | None = Field(
        default=None,
        description="A .docx of the office's own, whose frame stands in place of the decree's; the report takes the "
        "place of its paragraph {{body}}.",
    )
    map: Path | None = Field(
        default=None, description="GeoJSON of communes' borders, which the map draws in place of tiles; None: tiles."
    )
    pdf_url: str | None = Field(default=None, description="The address of services.pdf; None: LibreOffice here.")

    @property
    def office(self) -> Office:
        """The office that issues reports."""
        return Office(
            above=self.report_above or None,
            issuer=self.report_issuer or None,
            symbol=self.report_symbol or None,
            place=self.report_place or None,
            signed_as=self.report_signed_as or None,
            signer=self.report_signer or None,
        )

    @model_validator(mode="after")
    def _template_has_room(self) -> Self:
        if self.report_template:
            try:
                check_template(self.report_template)
            except TemplateError as error:
                raise ValueError(str(error)) from None
        return self


@lru_cache
def settings() -> ScoringSettings:
    """Return the settings of this process, which are read once."""
    return read_settings(ScoringSettings)
