"""The settings of a service, which are checked before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import model_validator

from shared.reference.load import PACKAGED
from shared.settings import Settings
from shared.texts import filled, phrase


class ServiceSettings(Settings):
    """The settings of a service. What it needs at its start is there, else it would end with the start half done."""

    @model_validator(mode="after")
    def _operators_have_a_mail_server(self) -> Self:
        # no rule for every program: the commands run with the operators of `ntm up`, and without its mail server
        if lack := self.lack_of_mail_server:
            raise ValueError(lack.in_both)
        return self

    @model_validator(mode="after")
    def _files_are_there(self) -> Self:
        paths = {name: value for name, value in self if isinstance(value, Path)}
        if missing := [f"{f'NTM_{name}'.upper()}={path}" for name, path in paths.items() if not path.exists()]:
            raise ValueError(filled(phrase("settings.no_such_file"), files=", ".join(missing)).in_both)
        return self

    @model_validator(mode="after")
    def _plans_are_there(self) -> Self:
        plans = (self.reference_dir or PACKAGED) / "plans"
        if missing := [name for name in self.plan_names if not (plans / f"{name}.yaml").is_file()]:
            raise ValueError(filled(phrase("settings.no_such_plan"), plans=", ".join(missing), place=plans).in_both)
        return self
