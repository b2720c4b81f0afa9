"""The kinds of problems that a request can have."""

from __future__ import annotations

from enum import Enum

from shared.contracts.words import Bilingual


def _b(vi: str, en: str) -> Bilingual:
    return Bilingual(vi=vi, en=en)


class Problems(Enum):
    """Every kind of problem: HTTP status and title. The name in lower case is its code."""

    INVALID_JSON = 400, _b("Nội dung không phải JSON hợp lệ", "The body is not valid JSON")
    INVALID_QUERY = 400, _b("Tham số truy vấn không hợp lệ", "A query parameter is not valid")
    NO_KEY = 401, _b("Thiếu khóa truy cập", "No access key")
    WRONG_KEY = (
        401,
        _b(
            "Khóa truy cập không đúng, đã hết hạn hoặc đã bị thu hồi",
            "The access key is wrong, has expired or was revoked",
        ),
    )
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
    SENT_LATELY = (
        429,
        _b("Tin này vừa được gửi. Hãy đợi một phút.", "This notice was sent a moment ago. Wait a minute."),
    )
    LINK_EXPIRED = 410, _b("Liên kết đã hết hạn", "The link has expired")
    TOO_SLOW = 408, _b("Nội dung gửi đến quá chậm", "The body came too slowly")
    TOO_LARGE = 413, _b("Nội dung quá lớn", "The body is too large")
    TOO_MANY_ITEMS = 413, _b("Quá nhiều bản ghi trong một lần gửi", "Too many submissions at once")
    KEY_USED = (
        409,
        _b(
            "Idempotency-Key này đã dùng cho nội dung khác. Hãy gửi với khóa mới.",
            "This Idempotency-Key was used for other content. Send with a new one.",
        ),
    )
    REVIEWED = (
        409,
        _b(
            "Không xét được số liệu này: đã được xét hoặc đã có số liệu mới hơn. Hãy xem lại biên nhận.",
            "This submission cannot be reviewed: it was reviewed already, or newer figures stand. See its receipt.",
        ),
    )
    CLOSED = (
        409,
        _b("Vướng mắc này đã khép lại. Hãy báo vướng mắc mới.", "This difficulty is closed. Report a new one."),
    )
    PACKED = 415, _b("Không nhận nội dung nén. Hãy gửi không nén.", "Compressed bodies are not taken. Send it plain.")
    NOT_JSON = 415, _b("Chỉ nhận application/json", "Only application/json is taken")
    REFUSED = 422, _b("Số liệu không được chấp nhận", "The submission is refused")
    FILE_REFUSED = 422, _b("Không đọc được tệp này", "The file cannot be taken")
    NOTHING_TO_FILL = 422, _b("Không có chỉ tiêu nào để nhập", "There is nothing to fill in")
    BUSY = (
        429,
        _b("Đang có quá nhiều số liệu gửi đến, xin gửi lại sau", "Too much arrives at the moment, please send again"),
    )
    RATE_LIMITED = 429, _b("Quá nhiều yêu cầu trong một phút", "Too many requests in a minute")
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
