"""The summaries, problems and examples of notify's OpenAPI document."""

from __future__ import annotations

from shared.http.openapi import Description, Operation
from shared.problems import Problems

_UNIT = (Problems.OUT_OF_SCOPE, Problems.NOT_FOUND)
_WRONG = (Problems.INVALID_QUERY, *_UNIT)

DESCRIPTION = Description(
    tags={
        "Alerts": "Cảnh báo / What somebody has to know, and who takes care of it.",
        "Notices": "Thông báo / What was said, to whom, and whether it went out.",
        "Routes": "Nơi nhận / Who hears of what.",
        "Contacts": "Danh bạ / How those who hold a role are reached.",
        "Subscriptions": "Webhook / Systems that are told.",
    },
    operations={
        "GET /v1/alerts": Operation(
            "Alerts", "What somebody should know / Các cảnh báo", problems=_UNIT, parameters={"unit": "184"}
        ),
        "POST /v1/alerts/{alert_id}/acknowledge": Operation(
            "Alerts", "Take care of an alert / Xác nhận đã nhận", problems=(Problems.NOT_FOUND,)
        ),
        "GET /v1/notices": Operation(
            "Notices",
            "Notices with every attempt / Các thông báo đã gửi",
            problems=_UNIT,
            parameters={"unit": "184", "recipient": "district_office@184"},
        ),
        "GET /v1/notices.csv": Operation(
            "Notices", "The ledger for Excel / Xuất sổ thông báo", problems=_UNIT, parameters={"unit": "184"}
        ),
        "POST /v1/notices/{notice_id}/resend": Operation(
            "Notices",
            "Send a notice again / Gửi lại",
            problems=(Problems.NOT_FOUND, Problems.NO_ADDRESS, Problems.SENT_LATELY),
        ),
        "GET /v1/delivery-reports/{gateway}": Operation(
            "Notices", "What a gateway calls back / Báo cáo của cổng SMS", problems=(Problems.INVALID_QUERY,)
        ),
        "POST /v1/delivery-reports/{gateway}": Operation(
            "Notices", "What a gateway calls back / Báo cáo của cổng SMS", problems=(Problems.INVALID_QUERY,)
        ),
        "GET /v1/routes:explain": Operation(
            "Routes",
            "Who would hear of it, and why / Ai sẽ được báo, vì sao",
            problems=_WRONG,
            parameters={"event": "fell_behind", "unit": "06280", "criterion": "ntm-11"},
        ),
        "GET /v1/silences": Operation("Routes", "What is not told for now / Đang tạm ngừng báo"),
        "POST /v1/silences": Operation("Routes", "Silence what matches / Tạm ngừng báo", problems=_WRONG),
        "DELETE /v1/silences/{silence_id}": Operation("Routes", "End a silence / Báo trở lại", problems=_UNIT),
        "GET /v1/contacts": Operation(
            "Contacts", "Who is told / Danh bạ liên hệ", problems=_UNIT, parameters={"unit": "184"}
        ),
        "GET /v1/me": Operation("Contacts", "Whose key this is / Khóa này của ai"),
        "GET /v1/contacts/gaps": Operation("Contacts", "Roles that nobody answers for / Vai trò chưa có đầu mối"),
        "POST /v1/contacts": Operation("Contacts", "Add a contact / Thêm đầu mối", problems=_WRONG),
        "PUT /v1/contacts/{contact_id}": Operation("Contacts", "Replace a contact / Sửa đầu mối", problems=_WRONG),
        "DELETE /v1/contacts/{contact_id}": Operation("Contacts", "Remove a contact / Xóa đầu mối", problems=_UNIT),
        "POST /v1/contacts/import": Operation(
            "Contacts",
            "Import a file / Nhập danh bạ từ tệp",
            problems=(*_UNIT, Problems.FILE_REFUSED, Problems.TOO_LARGE, Problems.PACKED, Problems.BUSY),
        ),
        "GET /v1/subscriptions": Operation("Subscriptions", "The key's subscriptions / Các webhook"),
        "POST /v1/subscriptions": Operation("Subscriptions", "Subscribe / Đăng ký webhook", problems=_WRONG),
        "DELETE /v1/subscriptions/{subscription_id}": Operation(
            "Subscriptions", "Unsubscribe / Hủy đăng ký", problems=(Problems.NOT_FOUND,)
        ),
        "POST /v1/subscriptions/{subscription_id}/rotate": Operation(
            "Subscriptions", "A new secret / Đổi khóa ký", problems=(Problems.NOT_FOUND,)
        ),
        "POST /v1/subscriptions/{subscription_id}/enable": Operation(
            "Subscriptions", "Send to it again / Bật lại", problems=(Problems.NOT_FOUND,)
        ),
        "POST /v1/subscriptions/{subscription_id}/replay": Operation(
            "Subscriptions", "Send again what was sent / Gửi lại từ một thời điểm", problems=(Problems.NOT_FOUND,)
        ),
    },
)
