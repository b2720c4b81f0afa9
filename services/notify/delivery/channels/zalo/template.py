"""The approved template of a Zalo message, and the data that fill it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.notify.alerts.notice import Notice
from services.notify.sms_text import clip
from shared.reference.located import read_yaml

LONGEST = 400
"""The most characters of a message."""
_PARAMETER, _PLACEHOLDER = re.compile(r"<(\w+)>"), re.compile(r"\{(\w+)\}")
_KNOWN = frozenset({"headline", "name", "code", "link"})


class ZaloTemplate(BaseModel):
    """A template as Zalo has approved it: its id and its text, in which parameters stand as `<name>`.

    `data` says what each parameter gets: words with the placeholders `{headline}` (place, criterion, what happened),
    `{name}` (of the recipient), `{code}` (of the unit) and `{link}` (to acknowledge by).
    """

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    data: dict[str, str]
    longest: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default={}, description="The most characters of a parameter, where its kind has a limit."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        parameters = set(_PARAMETER.findall(self.text))
        if parameters != self.data.keys():
            raise ValueError(f"data: the text has the parameters {', '.join(sorted(parameters)) or 'none'}")
        for name, words in self.data.items():
            if unknown := set(_PLACEHOLDER.findall(words)) - _KNOWN:
                raise ValueError(f"data.{name}: {unknown.pop()} is none of {', '.join(sorted(_KNOWN))}")
        return self

    def filled(self, notice: Notice) -> dict[str, str]:
        """Return the data of a notice's message, cut so that no parameter and not the whole is too long."""
        known = {
            "headline": notice.wording.subject or notice.wording.text,
            "name": notice.name or notice.recipient,
            "code": notice.unit_code,
            "link": notice.link or "",
        }
        data = {
            name: clip(_PLACEHOLDER.sub(lambda place: known[place[1]], words), self.longest.get(name, LONGEST))
            for name, words in self.data.items()
        }
        excess = len(self.message(data)) - LONGEST
        if excess > 0:
            longest = max(data, key=lambda name: len(data[name]))
            data[longest] = clip(data[longest], max(len(data[longest]) - excess, 0))
        return data

    def message(self, data: dict[str, str]) -> str:
        """Return the message as its recipient reads it."""
        return _PARAMETER.sub(lambda parameter: data[parameter[1]], self.text)


def read_template(path: Path) -> ZaloTemplate:
    """Read the file of the template; raise an error that names file, line and field where it is faulty."""
    return read_yaml(path).parse(ZaloTemplate)
