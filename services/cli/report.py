"""`ntm report`: the monthly report of the province or of a district, as a file."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import httpx
import typer

from deploy.local.clients import http
from services.cli.answers import problem_text
from services.cli.console import console, fail, run
from services.cli.options import DATA, Data, Key, Under, key_of, system_of, unit_code


class Format(StrEnum):
    """The formats of a report."""

    DOCX = "docx"
    XLSX = "xlsx"
    PDF = "pdf"


class ReportLanguage(StrEnum):
    """The languages of a report."""

    VIETNAMESE = "vi"
    ENGLISH = "en"


_SECONDS = 300
"""The longest that a report may take: of a great province, while others wait too."""


def report(
    month: Annotated[str, typer.Argument(help="Such as 2023-06.")],
    unit: Under = None,
    kind: Annotated[Format, typer.Option("--format", help="The format of the file.")] = Format.DOCX,
    lang: Annotated[ReportLanguage, typer.Option(help="The language of the report.")] = ReportLanguage.VIETNAMESE,
    into: Annotated[Path, typer.Option(file_okay=False, exists=True, help="The directory of the file.")] = Path(),
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Write the monthly report of the province or a district into a file."""

    code = unit_code(data, unit, is_area=True)

    async def work() -> None:
        url = f"{system_of(data).scoring_url}/v1/reports/{month}.{kind.value}"
        asked = {"lang": lang.value} | ({"unit": code} if code else {})
        async with http(key_of(data, key)) as client:
            try:
                answer = await client.get(url, params=asked, timeout=_SECONDS)
            except httpx.HTTPError as error:
                raise fail(f"{url}: {error or type(error).__name__}") from None
        if answer.is_error:
            raise fail(problem_text(answer))
        file = into / _name_of(answer, f"report.{kind.value}")
        file.write_bytes(answer.content)
        console.print(str(file), highlight=False, soft_wrap=True)

    run(work())


def _name_of(answer: httpx.Response, otherwise: str) -> str:
    """Return the name that the service gives the file, without any directory."""
    named = re.search(r'filename="([\w.-]+)"', answer.headers.get("content-disposition", ""))
    return named[1] if named else otherwise
