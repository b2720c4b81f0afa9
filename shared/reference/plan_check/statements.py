"""Checks of a paper's statements that can mean something else: changes of shares, sets among criteria."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.reference.plan_check.finding import Finding, Paper, nfc
from shared.texts import filled, phrase

_SHARE = re.compile(r"\b(?:tỷ lệ|tỉ lệ|tỷ suất|tỉ suất)\b", re.IGNORECASE)
# The verb, what changes (no other number, no clause between), the words of an amount, the number. A level has other
# words: "lên 50 %", "xuống còn 12 %", "tỷ lệ 13 %"; "giảm nghèo" and "nâng cao" speak of no number.
_CHANGE = re.compile(
    r"\b(?:giảm(?!\s+nghèo)|tăng(?!\s+cường)|nâng(?!\s+cao)|hạ)\b"
    r"(?P<subject>(?:(?!\b(?:xuống|còn|lên|đạt|dưới|bằng|chiếm|là|đến)\b)[^,;:.%\d])*?)"
    r"(?:(?:\b(?:từ|thêm|được|ít nhất|tối thiểu|bình quân|trung bình|khoảng|trên|hơn|quá)\s+)*"
    r"(?P<stated>\d+(?:[.,]\d+)?(?:\s*[-–]\s*\d+(?:[.,]\d+)?)?\s*(?:%|phần trăm)))"
    r"(?!\s*điểm)(?!\s*số\b)"
    r"(?!\s*(?:\([^()]*\)\s*)?(?:(?:vào\s+|trong\s+)?năm\s+\d{4}\s+)?(?:xuống|lên|còn|đến)\b)",
    re.IGNORECASE,
)
_ENDS_AS_A_LEVEL = re.compile(r"(?:tỷ lệ|tỉ lệ|tỷ suất|tỉ suất)\s*$", re.IGNORECASE)
_SET = r"(?:nông thôn mới|NTM)"
_SET_IN_CRITERION = re.compile(
    rf"\bđạt\s+tiêu\s+chí\b(?!\s+(?:xã\s+|quốc gia\s+về\s+)*{_SET})[^;.]*?"
    rf"\b(?:trong\s+(?:đó|số\s+đó)|bao\s+gồm|gồm)\b[^;.]*?"
    rf"(?P<set>\d+\s+xã\s+(?:đạt\s+|được\s+công\s+nhận\s+)(?:chuẩn\s+|xã\s+)*{_SET}(?:\s+(?:nâng\s+cao|kiểu\s+mẫu))?)",
    re.IGNORECASE,
)
_OF_A_SET_ITSELF = re.compile(rf"\bđạt\s+(?:chuẩn\s+)?{_SET}", re.IGNORECASE)


def changes_of_shares_are_in_points(paper: Paper) -> Iterator[Finding]:
    """Find changes of a share in percent where percentage points are meant.

    "Giảm tỷ lệ hộ nghèo 3 %" may be a fall from 20 % to 17 % or to 19,4 %.
    """
    for number, text in enumerate(paper.lines, 1):
        for sentence in re.split(r"(?<=[^\d\s]\.)\s|;", nfc(text)):
            share = _SHARE.search(sentence)
            for match in _CHANGE.finditer(sentence):
                speaks_of_a_share = share is not None and share.start() <= match.end() + 1
                if not speaks_of_a_share or _ENDS_AS_A_LEVEL.search(match["subject"]):
                    continue
                stated = match["stated"]
                expected = re.sub(r"\s*(?:%|phần trăm)$", " điểm phần trăm", stated)
                message = filled(phrase("plan_check_statements.percent_for_points"), stated=stated, right=expected)
                yield Finding((number,), "warning", "percent-for-points", message, match[0], expected)


def sets_are_not_parts_of_criteria(paper: Paper) -> Iterator[Finding]:
    """Find communes that reach a whole set told as a part of those that meet one criterion.

    "181/181 xã đạt tiêu chí giáo dục, trong đó 03 xã đạt nông thôn mới nâng cao" hangs a set on a criterion.
    """
    for number, text in enumerate(paper.lines, 1):
        for sentence in re.split(r"(?<=[^\d\s]\.)\s|;", nfc(text)):
            match = _SET_IN_CRITERION.search(sentence)
            if match is None or _OF_A_SET_ITSELF.search(sentence[: match.start("set")]):
                continue
            stated = match["set"]
            message = filled(phrase("plan_check_statements.set_among_criterion"), stated=stated)
            yield Finding((number,), "warning", "set-among-criterion", message, stated)
