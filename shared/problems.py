"""The catalogue of problems: code, HTTP status, title and texts in Vietnamese and English, remedy included.

Raised where the fault is known, turned into an RFC 9457 document in one place (`shared.web`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from shared.contracts.words import Bilingual, Language


def _b(vi: str, en: str) -> Bilingual:
    return Bilingual(vi=vi, en=en)


class Problems(Enum):
    """Every kind of problem: HTTP status and title. The name in lower case is its code."""

    INVALID_JSON = 400, _b("Nội dung không phải JSON hợp lệ", "The body is not valid JSON")
    INVALID_QUERY = 400, _b("Tham số truy vấn không hợp lệ", "A query parameter is not valid")
    NO_KEY = 401, _b("Thiếu khóa truy cập", "No access key")
    WRONG_KEY = 401, _b("Khóa truy cập không đúng hoặc đã bị thu hồi", "The access key is wrong or revoked")
    OUT_OF_SCOPE = 403, _b("Khóa này không được phép làm việc đó", "This key may not do that")
    NOT_FOUND = 404, _b("Không tìm thấy", "Not found")
    METHOD_NOT_ALLOWED = 405, _b("Phương thức không được hỗ trợ", "Method not allowed")
    NO_ADDRESS = (
        409,
        _b(
            "Đơn vị nhận chưa có địa chỉ. Hãy bổ sung vào danh bạ liên hệ.",
            "The recipient has no address. Add one to the contacts.",
        ),
    )
    TOO_SLOW = 408, _b("Nội dung gửi đến quá chậm", "The body came too slowly")
    TOO_LARGE = 413, _b("Nội dung quá lớn", "The body is too large")
    TOO_MANY_ITEMS = 413, _b("Quá nhiều bản ghi trong một lần gửi", "Too many submissions at once")
    NOT_JSON = 415, _b("Chỉ nhận application/json", "Only application/json is taken")
    REFUSED = 422, _b("Số liệu không được chấp nhận", "The submission is refused")
    UNAVAILABLE = (
        503,
        _b("Tạm thời chưa nhận được, xin gửi lại", "Not available for the moment, please send again"),
    )
    FAILED = 500, _b("Lỗi của hệ thống", "The system failed")

    @property
    def http_status(self) -> int:
        """The status code to answer with."""
        return int(self.value[0])

    @property
    def title(self) -> Bilingual:
        """What kind of problem it is."""
        return self.value[1]

    @property
    def code(self) -> str:
        """The stable word for programs."""
        return self.name.lower()


class Faults(Enum):
    """Every kind of faulty field. Texts take the value found and the fault's own details; each says what to do."""

    MISSING = _b("Thiếu trường bắt buộc. Hãy bổ sung.", "A required field is missing. Add it.")
    UNKNOWN_FIELD = _b("Trường không có trong quy định. Hãy bỏ đi.", "There is no such field. Remove it.")
    WRONG_TYPE = _b(
        "Giá trị {value} sai kiểu dữ liệu ({expected}). Hãy sửa lại.",
        "The value {value} has the wrong type ({expected}). Correct it.",
    )
    BAD_PERIOD = _b(
        "{value} không phải là kỳ báo cáo. Viết 2023, 2023-H1, 2023-Q2, 2023-06 hoặc 2023-06-30.",
        "{value} is not a period. Write 2023, 2023-H1, 2023-Q2, 2023-06 or 2023-06-30.",
    )
    FUTURE_PERIOD = _b(
        "Chưa đến kỳ {value} (hôm nay là {today}). Hãy gửi từ ngày {opens}.",
        "Period {value} cannot be known yet (today is {today}). Send it from {opens} on.",
    )
    UNKNOWN_UNIT = _b(
        "Không có đơn vị nào mang mã {value}. Xem danh mục mã đơn vị hành chính.",
        "No unit has the code {value}. See the list of unit codes.",
    )
    UNIT_NOT_VALID = _b(
        "Đơn vị {value} không tồn tại trong kỳ {period}. {successors}",
        "Unit {value} does not exist in period {period}. {successors}",
    )
    NOT_COUNTED_HERE = _b(
        "Chỉ tiêu {element} không tổng hợp ở đơn vị {value}. Hãy gửi cho {expected}.",
        "Element {element} is not counted in unit {value}. Send it for a {expected}.",
    )
    UNKNOWN_ELEMENT = _b(
        "Không có chỉ tiêu {value}. Xem GET /v1/catalogue.",
        "There is no element {value}. See GET /v1/catalogue.",
    )
    WRONG_GRANULARITY = _b(
        "Chỉ tiêu {element} không báo cáo theo kỳ {value}. Dùng kỳ: {expected}.",
        "Element {element} is not reported for periods such as {value}. Use: {expected}.",
    )
    NOT_A_NUMBER = _b("{value} không phải là số hữu hạn. Hãy sửa lại.", "{value} is not a finite number. Correct it.")
    NOT_WHOLE = _b("{value} phải là số nguyên. Hãy sửa lại.", "{value} has to be a whole number. Correct it.")
    NOT_YES_NO = _b("{value} phải là true hoặc false.", "{value} has to be true or false.")
    TOO_SMALL = _b(
        "{value} nhỏ hơn mức tối thiểu {expected}. Kiểm tra lại số liệu.",
        "{value} is below the minimum {expected}. Check the figure.",
    )
    TOO_GREAT = _b(
        "{value} lớn hơn mức tối đa {expected}. Kiểm tra lại số liệu.",
        "{value} is above the maximum {expected}. Check the figure.",
    )
    SUM_DISAGREES = _b(
        "{parts} = {value} không khớp với {whole} = {expected}: {reason}. Kiểm tra lại các số liệu này.",
        "{parts} = {value} does not agree with {whole} = {expected}: {reason}. Check these figures.",
    )
    OUTSIDE_UNITS = _b(
        "Khóa này không được gửi số liệu cho đơn vị {value}. Dùng khóa của đơn vị phụ trách.",
        "This key may not report for unit {value}. Use the key of the office in charge.",
    )
    OUTSIDE_CRITERIA = _b(
        "Khóa này không được gửi chỉ tiêu {element} (thuộc {expected}). Dùng khóa của ngành phụ trách.",
        "This key may not report element {element} (of {expected}). Use the key of the sector in charge.",
    )
    OUTSIDE_STAGE = _b(
        "Khóa này không được gửi số liệu ở bước {value}. Dùng khóa phụ trách cả {expected}.",
        "This key may not report at stage {value}. Use a key for the whole of {expected}.",
    )
    EMPTY = _b("Danh sách trống. Gửi ít nhất một mục.", "The list is empty. Send at least one item.")
    TOO_LONG = _b("Dài quá {expected}. Hãy rút ngắn hoặc chia nhỏ.", "Longer than {expected}. Shorten or split it.")
    BAD_PARAMETER = _b("Giá trị {value} không dùng được: {expected}.", "The value {value} cannot be used: {expected}.")

    @property
    def code(self) -> str:
        """The stable word for programs."""
        return self.name.lower()


FAULT_LIMIT = 100
"""Faults that one problem document tells; it says how many more there are."""

_POINTER_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """One faulty field: where it is (JSON pointer), what is wrong, and the details its text takes."""

    pointer: str
    kind: Faults
    details: dict[str, Any] = field(default_factory=dict)

    def text(self, language: Language) -> str:
        """What is wrong and what to do about it."""
        shown = {name: _shown(value, language) for name, value in self.details.items()}
        return self.kind.value.in_(language).format(**shown)


def _shown(value: object, language: Language) -> str:
    if isinstance(value, Bilingual):
        return value.in_(language)
    text = value if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."


class Problem(Exception):  # noqa: N818 - the name that RFC 9457 gives it
    """A request cannot be done; carries everything its problem document says."""

    def __init__(
        self,
        kind: Problems,
        *faults: Fault,
        detail: Bilingual | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(kind.code)
        self.kind = kind
        self.faults = faults[:FAULT_LIMIT]
        self.omitted = len(faults) - len(self.faults)
        self.detail = detail
        self.headers = headers or {}

    def document(self, language: Language) -> dict[str, object]:
        """The RFC 9457 problem document, with one entry per faulty field."""
        document: dict[str, object] = {
            "type": f"urn:ntm:problem:{self.kind.code}",
            "title": self.kind.title.in_(language),
            "status": self.kind.http_status,
            "code": self.kind.code,
        }
        if self.detail:
            document["detail"] = self.detail.in_(language)
        elif self.faults:
            document["detail"] = self.faults[0].text(language)
        if self.faults:
            document["errors"] = [
                {"pointer": fault.pointer[:_POINTER_LENGTH], "code": fault.kind.code, "detail": fault.text(language)}
                for fault in self.faults
            ]
        if self.omitted:
            document["omitted"] = self.omitted
        return document
