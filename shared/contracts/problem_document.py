"""Problem documents (RFC 9457), over HTTP and over NATS. `shared.problems` writes them."""

from __future__ import annotations

from pydantic import BaseModel, Field


class FaultyField(BaseModel):
    """A field that has to be corrected."""

    pointer: str = Field(description="JSON pointer into what was sent; of a query or header, its name.")
    code: str = Field(description="The stable word for programs, such as `sum_disagrees`.")
    detail: str = Field(description="The fault and its remedy, in the caller's language.")
    sheet: str | None = Field(default=None, description="Of a workbook: the sheet.")
    cell: str | None = Field(default=None, description="Of a workbook: the cell, such as C7.")


class ProblemDocument(BaseModel):
    """The reason why a request was refused, in the language that `Accept-Language` prefers (Vietnamese or English)."""

    type: str = Field(description="`urn:ntm:problem:` and the code.")
    title: str
    status: int = Field(description="The status of HTTP.")
    code: str = Field(description="The stable word for programs, such as `out_of_scope`.")
    detail: str | None = None
    instance: str | None = Field(default=None, description="The path at which this refusal can be read.")
    errors: list[FaultyField] = []
    omitted: int | None = Field(default=None, description="The number of faulty fields that `errors` leaves out.")
