"""What notify's OpenAPI document says beside what its routes do."""

from __future__ import annotations

from shared.openapi import Description, Operation
from shared.problems import Problems

DESCRIPTION = Description(
    tags={"Notices": "Thông báo / What was said, to whom, and whether it went out."},
    operations={
        "GET /v1/alerts": Operation(
            "Notices",
            "What somebody should know / Các cảnh báo",
            problems=(Problems.OUT_OF_SCOPE, Problems.NOT_FOUND),
            parameters={"unit": "184"},
        ),
        "GET /v1/notices": Operation(
            "Notices",
            "Notices with every attempt / Các thông báo đã gửi",
            problems=(Problems.OUT_OF_SCOPE, Problems.NOT_FOUND),
            parameters={"unit": "184", "recipient": "district_office@184"},
        ),
        "POST /v1/notices/{notice_id}/resend": Operation(
            "Notices",
            "Send a notice again / Gửi lại",
            problems=(Problems.NOT_FOUND, Problems.NO_ADDRESS),
        ),
    },
)
