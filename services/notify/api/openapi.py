"""The summaries, problems and examples of notify's OpenAPI document."""

from __future__ import annotations

from shared.http.openapi import Description, Operation
from shared.problems import Problems

_ONE = (Problems.OUT_OF_SCOPE, Problems.NOT_FOUND)
_UNIT = (Problems.OUT_OF_SCOPE, Problems.REFUSED)
_WRONG = (Problems.INVALID_QUERY, *_UNIT)

DESCRIPTION = Description(
    tags={
        "Alerts": "Cảnh báo / Events that somebody has to know of, and the people who take care of them.",
        "Notices": "Thông báo / The messages to each recipient, and whether they went out.",
        "Routes": "Nơi nhận / The recipients who hear of an event, and silences.",
        "Contacts": "Danh bạ / The holders of roles, and their addresses.",
        "Subscriptions": "Webhook / Systems that hear of alerts by webhook.",
    },
    operations={
        "GET /v1/alerts": Operation(
            "Alerts", "List the alerts / Các cảnh báo", problems=_WRONG, parameters={"unit": "184"}
        ),
        "GET /v1/alerts/counts": Operation(
            "Alerts", "Count the alerts / Số cảnh báo theo huyện, tiêu chí, mức độ", problems=_UNIT
        ),
        "POST /v1/alerts/{alert_id}/acknowledge": Operation(
            "Alerts", "Acknowledge an alert / Xác nhận đã nhận", problems=_ONE
        ),
        "GET /v1/notices": Operation(
            "Notices",
            "List the notices with every attempt / Các thông báo đã gửi",
            problems=_UNIT,
            parameters={"unit": "184", "recipient": "district_office@184"},
        ),
        "GET /v1/notices/totals": Operation(
            "Notices",
            "Count the notices by channel and status / Tổng số thông báo theo kênh",
            problems=_UNIT,
            parameters={"unit": "184"},
        ),
        "GET /v1/notices.csv": Operation(
            "Notices", "Export the ledger for Excel / Xuất sổ thông báo", problems=_UNIT, parameters={"unit": "184"}
        ),
        "POST /v1/notices/{notice_id}/resend": Operation(
            "Notices",
            "Send a notice again / Gửi lại",
            problems=(
                *_ONE,
                Problems.NO_ADDRESS,
                Problems.NOTICE_WITHHELD,
                Problems.NOT_SENDABLE,
                Problems.SENT_LATELY,
            ),
        ),
        "GET /v1/delivery-reports/{gateway}": Operation(
            "Notices", "Take an SMS gateway's report / Báo cáo của cổng SMS", problems=(Problems.INVALID_QUERY,)
        ),
        "POST /v1/delivery-reports/{gateway}": Operation(
            "Notices", "Take an SMS gateway's report / Báo cáo của cổng SMS", problems=(Problems.INVALID_QUERY,)
        ),
        "GET /v1/routes:explain": Operation(
            "Routes",
            "Explain who would hear of an event / Ai sẽ được báo, vì sao",
            problems=_WRONG,
            parameters={"event": "fell_behind", "unit": "06280", "criterion": "ntm-11"},
        ),
        "GET /v1/silences": Operation("Routes", "List the silences / Đang tạm ngừng báo"),
        "POST /v1/silences": Operation("Routes", "Silence matching alerts / Tạm ngừng báo", problems=_WRONG),
        "DELETE /v1/silences/{silence_id}": Operation(
            "Routes", "End a silence / Báo trở lại", problems=(*_ONE, Problems.SILENCE_ENDED)
        ),
        "GET /v1/contacts": Operation(
            "Contacts", "List the contacts / Danh bạ liên hệ", problems=_UNIT, parameters={"unit": "184"}
        ),
        "GET /v1/me": Operation("Contacts", "Whose key this is, or who is signed in / Ai đang đăng nhập"),
        "GET /v1/contacts/gaps": Operation("Contacts", "List roles without contact / Vai trò chưa có đầu mối"),
        "POST /v1/contacts": Operation("Contacts", "Add a contact / Thêm đầu mối", problems=_WRONG),
        "PUT /v1/contacts/{contact_id}": Operation(
            "Contacts", "Replace a contact / Sửa đầu mối", problems=(*_WRONG, Problems.NOT_FOUND)
        ),
        "DELETE /v1/contacts/{contact_id}": Operation("Contacts", "Remove a contact / Xóa đầu mối", problems=_ONE),
        "POST /v1/contacts/import": Operation(
            "Contacts",
            "Import the contacts of a file / Nhập danh bạ từ tệp",
            problems=(Problems.OUT_OF_SCOPE, Problems.FILE_REFUSED, Problems.TOO_LARGE, Problems.PACKED, Problems.BUSY),
        ),
        "POST /v1/contacts/{contact_id}/personal-data": Operation(
            "Contacts",
            "Hand over or erase a person's data / Cung cấp hoặc xóa dữ liệu cá nhân",
            problems=(*_WRONG, Problems.NOT_FOUND),
        ),
        "POST /v1/contacts/{contact_id}/personal-data-requests": Operation(
            "Contacts",
            "File such a request, to be carried out later / Ghi sổ yêu cầu, thực hiện sau",
            problems=(*_WRONG, Problems.NOT_FOUND),
        ),
        "GET /v1/personal-data-requests": Operation(
            "Contacts", "List such requests / Sổ yêu cầu về dữ liệu cá nhân", problems=(Problems.OUT_OF_SCOPE,)
        ),
        "GET /v1/subscriptions": Operation("Subscriptions", "List the subscriptions / Các webhook"),
        "POST /v1/subscriptions": Operation("Subscriptions", "Subscribe a system / Đăng ký webhook", problems=_WRONG),
        "DELETE /v1/subscriptions/{subscription_id}": Operation(
            "Subscriptions", "Remove a subscription / Hủy đăng ký", problems=(Problems.NOT_FOUND,)
        ),
        "POST /v1/subscriptions/{subscription_id}/rotate": Operation(
            "Subscriptions", "Make a new secret / Đổi khóa ký", problems=(Problems.NOT_FOUND,)
        ),
        "POST /v1/subscriptions/{subscription_id}/enable": Operation(
            "Subscriptions", "Enable a subscription / Bật lại", problems=(Problems.NOT_FOUND,)
        ),
        "POST /v1/subscriptions/{subscription_id}/replay": Operation(
            "Subscriptions", "Repeat calls since a moment / Gửi lại từ một thời điểm", problems=(Problems.NOT_FOUND,)
        ),
    },
)
