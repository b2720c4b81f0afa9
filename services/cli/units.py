"""`ntm units`: the units that had a code or name, with their origins and their successors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from services.cli.console import console, fail
from services.cli.texts import phrase
from shared.contracts.bilingual import Language
from shared.reference.load import InvalidReferenceError, Reference, load
from shared.reference.models import Succession, Unit
from shared.text import day
from shared.time import VIETNAM

app = typer.Typer(no_args_is_help=True, help="Units: their codes over time, and their successors.")

Code = Annotated[str, typer.Argument(help="A unit's code, such as 06040.")]
On = Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="A day instead of today.")]
Lang = Annotated[Literal["vi", "en"], typer.Option("--lang", help="Language of the output.")]
ReferenceDir = Annotated[
    Path | None,
    typer.Option("--reference", envvar="NTM_REFERENCE_DIR", help="Reference data in place of the packaged."),
]

_WORDS = {
    "whole": phrase("units.whole"),
    "split_default": phrase("units.split_default"),
    "split_minor": phrase("units.split_minor"),
    "origin_whole": phrase("units.origin_whole"),
    "origin_split_default": phrase("units.origin_split_default"),
    "origin_split_minor": phrase("units.origin_split_minor"),
    "exists": phrase("units.exists"),
    "ended": phrase("units.ended"),
    "now": phrase("units.now"),
    "since": phrase("units.since"),
    "between": phrase("units.between"),
    "unknown": phrase("units.unknown"),
    "goes_over": phrase("units.goes_over"),
    "nothing": phrase("units.nothing"),
    "grows": phrase("units.grows"),
    "split": phrase("units.split"),
    "part": phrase("units.part"),
    "lacking": phrase("units.lacking"),
}


@app.command("successor")
def successor(code: Code, on: On = None, lang: Lang = "vi", directory: ReferenceDir = None) -> None:
    """Print the successors of every unit that had this code, and which of its figures go over to them."""
    reference, by = _reference(directory, lang), on.date() if on else datetime.now(VIETNAM).date()
    for unit in _found(reference.units.known(code), code, lang):
        _print(_headline(unit, reference, lang), style="bold")
        for line in _fate(unit, reference, by, lang):
            _print(f"  {line}")


@app.command("show")
def show(
    text: Annotated[str, typer.Argument(help="A code, or a name such as 'xã Hòa Bình, huyện Văn Quan'.")],
    on: On = None,
    lang: Lang = "vi",
    directory: ReferenceDir = None,
) -> None:
    """Print every unit of this code or name (with --on, only units of that day): its time, origins and successors."""
    reference = _reference(directory, lang)
    known = reference.units.known(text) or reference.units.meant_by(text)
    for unit in _found([unit for unit in known if on is None or unit.is_valid(on.date())], text, lang):
        _print(_headline(unit, reference, lang), style="bold")
        for succession, old in reference.units.predecessors(unit):
            _print(f"  ← {_WORDS[f'origin_{succession.relation}'].in_(lang)} {_named(old, lang)}")
        for succession, new in reference.units.successors(unit):
            _print(f"  → {_WORDS[succession.relation].in_(lang)} {_named(new, lang)}")


def _fate(unit: Unit, reference: Reference, by: date, lang: Language) -> Iterator[str]:
    successors = sorted(reference.units.successors(unit), key=lambda each: each[0].relation == "split_minor")
    if unit.valid_to is None or by <= unit.valid_to:
        yield _WORDS["exists"].in_(lang)
        return
    if not successors:
        yield _WORDS["ended"].in_(lang)
        return
    for succession, new in successors:
        yield f"→ {_WORDS[succession.relation].in_(lang)} {_named(new, lang)}"
    yield _figures(unit, *successors[0], reference, lang)
    heirs = ", ".join(_named(heir, lang) for heir in reference.units.heirs(unit, by))
    yield _WORDS["now"].in_(lang).format(on=day(by, lang), heirs=heirs)


def _figures(old: Unit, succession: Succession, new: Unit, reference: Reference, lang: Language) -> str:
    """Return the words that say which figures of a unit go over to the unit that it went into."""
    elements = {code: element for code, element in reference.elements.items() if reference.is_handed_on(code)}
    counted = [code for code, element in elements.items() if old.kind in element.counted_in]
    if not counted:
        return _WORDS["nothing"].in_(lang).format(old=old.title_in(lang))
    if succession.relation != "whole":
        return _listed("split", counted, lang)
    if new.is_valid(old.last_day(new.valid_from)):
        return _WORDS["grows"].in_(lang).format(new=new.title_in(lang))
    origins = reference.units.predecessors(new)
    parts = [origin for succession, origin in origins if succession.relation != "whole"]
    if parts:
        return _listed("part", counted, lang, new, parts)
    places = [new, *(origin for _, origin in origins)]
    lacking = {code: [place for place in places if place.kind not in elements[code].counted_in] for code in counted}
    codes = [code for code in counted if lacking[code]]
    if codes:
        return _listed("lacking", codes, lang, new, [place for code in codes for place in lacking[code]])
    return _WORDS["goes_over"].in_(lang).format(new=new.title_in(lang))


def _listed(
    why: str, codes: Sequence[str], lang: Language, new: Unit | None = None, others: Sequence[Unit] = ()
) -> str:
    named = ", ".join(dict.fromkeys(other.title_in(lang) for other in others))
    words = _WORDS[why].in_(lang).format(new=new.title_in(lang) if new else "", others=named)
    return f"{words}: {', '.join(codes) or '–'}"


def _headline(unit: Unit, reference: Reference, lang: Language) -> str:
    above = [ancestor.title_in(lang) for ancestor in reference.units.ancestors(unit)]
    first, last = day(unit.valid_from, lang), day(unit.valid_to, lang) if unit.valid_to else None
    when = _WORDS["between" if last else "since"].in_(lang).format(first=first, last=last)
    return f"{', '.join([_named(unit, lang), *above])}: {when}"


def _named(unit: Unit, lang: Language) -> str:
    return f"{unit.code} {unit.title_in(lang)}"


def _found(units: list[Unit], text: str, lang: Language) -> list[Unit]:
    if not units:
        raise fail(_WORDS["unknown"].in_(lang).format(text=text), 2)
    return units


def _reference(directory: Path | None, lang: Language) -> Reference:
    try:
        return load(directory=directory)
    except InvalidReferenceError as broken:
        raise fail("\n".join(fault.text(lang) for fault in broken.faults), 2) from None


def _print(line: str, style: str | None = None) -> None:
    console.print(escape(line), style=style, highlight=False)
