"""Characters that look like others or like nothing, as keyboards, web pages and spreadsheets leave them in texts."""

from __future__ import annotations

import re
import unicodedata

_D_LOOK_ALIKES = str.maketrans({"\u00d0": "Đ", "\u0189": "Đ", "\u00f0": "đ", "\u0256": "đ"})
"""Eth and African D, which some keyboards and fonts give for Đ."""

_OTHER_SCRIPTS = str.maketrans(
    dict(
        zip(
            "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0405\u0408"
            "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0458"
            "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf",
            "ABEKMHOPCTYXISJaeopcyxisjABEZHIKMNOPTYXo",
            strict=True,
        )
    )
)
"""Cyrillic and Greek letters that look like Latin ones."""

_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"))
_WHOLE = re.compile("([0-9]+)[.,]00?")
_APOSTROPHES = "'\u2018\u2019\u201b\u02bc\uff07`\u00b4"
_BLANK_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
_INVISIBLE = re.compile(
    f"[\u00ad\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff{_BLANK_LETTERS}]"
)
_MARKED_AS_TEXT = re.compile(rf"^[\s{_APOSTROPHES}]+")
_FULL_WIDTH = re.compile(r"[\uff01-\uff5e\u2160-\u2188]")


def with_d_stroke(text: str) -> str:
    """Write Đ and đ where look-alikes stand for them, such as the Icelandic eth."""
    return text if text.isascii() else text.translate(_D_LOOK_ALIKES)


def typed(text: str) -> str:
    """Return the text as a keyboard would type it.

    Characters that cannot be seen go, full-width signs and digits of other scripts become ASCII, dashes become hyphens,
    and an apostrophe goes with which a spreadsheet marks text. Superscripts stay, since `12²` is not 122.
    """
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text)).translate(_DASHES).translate(_D_LOOK_ALIKES)
        text = _FULL_WIDTH.sub(lambda sign: unicodedata.normalize("NFKC", sign[0]), text)
        text = "".join(str(unicodedata.decimal(sign, sign)) for sign in text)
    return _MARKED_AS_TEXT.sub("", text).strip()


def whole_digits(text: str) -> str:
    """Return `6280` where a program writes the whole number as `6280.0`; any other text as a keyboard types it."""
    written = typed(text)
    return match[1] if (match := _WHOLE.fullmatch(written)) else written


def in_latin(text: str) -> str:
    """Write Latin letters where Cyrillic and Greek ones look the same. Only for comparing with names that are known."""
    return text if text.isascii() else text.translate(_OTHER_SCRIPTS)


def visible(text: str) -> str:
    """Show what cannot be seen in a text that is quoted: `06280[U+200B]`; and letters of other scripts beside Latin."""
    if text.isascii():
        return text
    shown = _INVISIBLE.sub(_named, text)
    return _LOOKS_LATIN.sub(lambda sign: sign[0] + _named(sign), shown) if _LATIN.search(text) else shown


_LATIN = re.compile("[A-Za-z0-9]")
_LOOKS_LATIN = re.compile(f"[{''.join(map(chr, {**_OTHER_SCRIPTS, **_D_LOOK_ALIKES}))}]")


def _named(sign: re.Match[str]) -> str:
    return f"[U+{ord(sign[0]):04X}]"
