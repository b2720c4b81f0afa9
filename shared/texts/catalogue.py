"""Texts for people, kept in gettext catalogues: one file for each service and language, which an official can edit."""

from __future__ import annotations

from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING

from babel.messages.pofile import read_po

from shared.contracts.bilingual import Bilingual

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("vi", "en")


class Texts:
    """The texts of one package, by their key. The files `texts/vi.po` and `texts/en.po` in the package hold them."""

    def __init__(self, package: str) -> None:
        self._package = package

    def __call__(self, key: str) -> Bilingual:
        """Return the text of this key in both languages; KeyError when a catalogue lacks the key."""
        return self._texts[key]

    @cached_property
    def _texts(self) -> Mapping[str, Bilingual]:
        vietnamese, english = (read_catalogue(self._package, language) for language in LANGUAGES)
        return {key: Bilingual(vi=text, en=english[key]) for key, text in vietnamese.items() if key in english}


def read_catalogue(package: str, language: str) -> dict[str, str]:
    """Return a package's texts in one language, by their key."""
    with files(package).joinpath("texts", f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    return {str(entry.id): str(entry.string) for entry in catalogue if entry.id and entry.string}


def filled(template: Bilingual, **details: object) -> Bilingual:
    """Return the template with its placeholders filled in; a bilingual detail is filled in by its language."""

    def in_(language: str) -> str:
        words = {
            name: getattr(value, language) if isinstance(value, Bilingual) else value for name, value in details.items()
        }
        return str(getattr(template, language)).format(**words)

    return Bilingual(vi=in_("vi"), en=in_("en"))
