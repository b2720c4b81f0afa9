"""Texts of SMS: the length that one SMS holds, and that every message fits into one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.sms_text import PART_SEPTETS, Style, clip, is_plain, parts, plain, septets
from services.notify.stages.render import render
from services.notify.world import World
from shared.contracts.bilingual import Bilingual, Language
from shared.contracts.refs import CriterionRef
from shared.contracts.status import Event
from tests.changes import a_draft, a_part, a_status_change, a_target_change, the_world

REFUSED_BY_CARRIERS = set("%#&[]{}\\<@")

WORLD: World = the_world()


@pytest.mark.parametrize(
    ("text", "length"),
    [("", 0), ("Diem He", 7), ("^{}\\[~]|€", 18), ("@£ÅßÄÖÑÜ", 8), ("a\nb", 3)],
    ids=["nothing", "letters", "escaped ones", "letters of the alphabet beyond ASCII", "a line break"],
)
def test_characters_of_the_extension_count_twice(text: str, length: int) -> None:
    assert septets(text) == length


@pytest.mark.parametrize("mark", ["ề", "đ", "`", "–", "\t"])
def test_what_is_not_of_the_alphabet_is_named(mark: str) -> None:
    with pytest.raises(ValueError, match="not in the GSM alphabet"):
        septets(f"a{mark}")


@pytest.mark.parametrize(
    "text", ["\u00d0i\u1ec1m He \u00f0\u1ea1t", "\u0110i\u1ec1m He \u0111\u1ea1t"], ids=["look-alikes", "Vietnamese"]
)
def test_a_letter_that_looks_like_d_with_stroke_is_written_as_d(text: str) -> None:
    assert plain(text) == "Diem He dat"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 159 + "{", 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ề" * 70, 1),
        ("ề" * 71, 2),
        ("ề" * 134, 2),
        ("ề" * 135, 3),
        ("e\u0302\u0300" * 70, 1),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
    ids=lambda value: f"{value[:1]}x{len(value)}" if isinstance(value, str) else None,
)
def test_parts_are_counted_in_both_alphabets_after_composing(text: str, count: int) -> None:
    assert parts(text) == count


def test_vietnamese_is_written_in_plain_letters_whether_composed_or_not() -> None:
    decomposed = "Điềm He"
    assert plain("Xã Điềm He, huyện Văn Quan") == "Xa Diem He, huyen Van Quan"
    assert plain(decomposed) == "Diem He"


@given(st.text())
def test_any_text_has_a_spelling_that_every_carrier_takes(text: str) -> None:
    written = plain(text)
    assert written.isascii()
    assert septets(written) == len(written)
    assert REFUSED_BY_CARRIERS.isdisjoint(written)


@given(st.text(max_size=50), st.integers(min_value=2, max_value=60))
def test_a_clipped_text_is_no_longer_than_asked(text: str, length: int) -> None:
    assert len(clip(text, length)) <= length


words = st.text(min_size=1, max_size=300)
bilingual = st.builds(Bilingual, vi=words, en=words)
numbers = st.none() | st.floats(-1e9, 1e9, allow_nan=False)
measures = st.lists(
    st.builds(
        a_part,
        name=bilingual,
        value=numbers,
        goal=numbers,
        required=numbers,
        missing=st.none() | st.integers(0, 10**9),
        missing_unit=st.none() | bilingual,
        measured_in=st.sampled_from(["percent", "yes_no", "communes", "million_dong", "things"]),
        group=st.sampled_from([None, "men", "women"]),
        deadline=st.none() | st.dates(),
    ),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(
    event=st.sampled_from(Event),
    figures=measures,
    topic=bilingual,
    language=st.sampled_from(["vi", "en"]),
    is_target=st.booleans(),
    sample=st.booleans(),
    criterion=st.sampled_from(["ntm-11", "advanced-12", "some_other_set_of_criteria-3"]),
)
def test_any_change_fits_one_part_and_names_the_code(
    event: Event,
    figures: list[Any],
    topic: Bilingual,
    language: Language,
    is_target: bool,
    sample: bool,
    criterion: str,
) -> None:
    change = (
        a_target_change(event, figures, sample=sample) if is_target else a_status_change(event, figures, sample=sample)
    )
    if is_target:
        change.commitment.title = topic  # type: ignore[union-attr]
    else:
        change.criterion = CriterionRef(key=criterion, name=topic)  # type: ignore[union-attr]
    [draft] = render([a_draft(change, channel="sms", language=language)], WORLD)
    assert draft.wording
    text = draft.wording.text
    assert text.isascii()
    assert is_plain(text)
    assert parts(text) == 1
    assert f"NTM {change.unit.code} " in text
    assert not text.startswith("[QC]")
    assert len(text) <= PART_SEPTETS


def test_a_message_that_is_too_long_loses_the_least_important_first() -> None:
    change = a_status_change()
    name = Bilingual(vi="Tiêu chí có tên rất dài " * 3, en="A long name")
    change.criterion = CriterionRef(key=change.criterion.key, name=name)
    [draft] = render([a_draft(change, channel="sms")], WORLD)
    assert draft.wording
    assert "06280 Diem He" in draft.wording.text
    assert "cham tien do" in draft.wording.text
    assert "con thieu 63 ho" in draft.wording.text
    assert "ten rat dai" not in draft.wording.text


@pytest.mark.parametrize("most_parts", [1, 2, 3])
@pytest.mark.parametrize("has_diacritics", [False, True])
@given(text=st.text(st.sampled_from("aề đ ư1.%"), max_size=600))
def test_what_is_written_and_cut_in_a_style_takes_no_more_parts_than_it_may(
    has_diacritics: bool, most_parts: int, text: str
) -> None:
    style = Style(has_diacritics, most_parts)
    assert style.fits(style.cut(style.write(text)))


def test_diacritics_stay_where_they_are_asked_for() -> None:
    change = a_status_change()
    world = replace(WORLD, sms=Style(has_diacritics=True, most_parts=2))
    [draft] = render([a_draft(change, channel="sms")], world)
    assert draft.wording
    assert "Điềm He" in draft.wording.text
    assert parts(draft.wording.text) <= 2
