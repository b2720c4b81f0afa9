"""Names of offices as papers write and abbreviate them: `Lao động việc làm - Bảo hiểm xã hội` is `LĐVL-BHXH`."""

from __future__ import annotations

import re
from collections.abc import Iterator

_KINDS = re.compile(
    r"^(?:Lãnh đạo |Văn phòng (?!Điều phối))?(?:Phòng(?= Phòng, )|Phòng|Sở|Ngành|Bộ|Ban|Chi cục|Trung tâm) "
    r"(?!nhân dân|chỉ đạo)"
)
_PLACES = re.compile(r"(?:\s+(?:các|của))?[\s,]+(?:tỉnh|huyện|thành phố|thị xã|quận|xã(?!\s+hội)|phường)\b.*$")
_WORD = re.compile(r"\w+")
_AND = "và"


def stem(name: str) -> str:
    """Return an office's name without its kind and place: `Giáo dục nghề nghiệp` of `Phòng Giáo dục nghề nghiệp`."""
    return _PLACES.sub("", _KINDS.sub("", re.sub(r"\s*\([^()]*\)", "", name))).strip()


def initials(name: str) -> str:
    """Return the first letters of a name's words, `và` left out: `LĐVLBHXH`."""
    return "".join(word[0].upper() for word in _words(name))


def breaks(name: str) -> set[int]:
    """Return after how many words the name has a break: a dash, a comma, or `và`."""
    found = set[int]()
    words = 0
    for match in re.finditer(r"\w+|[-–,]", name):
        if match[0] in "-–," or match[0].lower() == _AND:
            found.add(words)
        else:
            words += 1
    return found


def with_any_joints(name: str) -> re.Pattern[str]:
    """Return a pattern that finds the name's words, whatever stands between them: dashes, commas, `và`."""
    joint = r"(?:\s*[-–,]\s*|\s+)(?:và\s+)?"
    return re.compile(rf"(?<!\w){joint.join(map(re.escape, _words(name)))}(?!\w)")


def _words(name: str) -> Iterator[str]:
    return (word for word in _WORD.findall(name) if word.lower() != _AND)
