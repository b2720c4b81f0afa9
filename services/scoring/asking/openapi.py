"""Scoring's part of its OpenAPI document: groups, summaries and problems of the routes."""

from __future__ import annotations

from services.scoring.asking.changes import ChangeFrame, ChangesLost
from shared.http.openapi import Description, Operation
from shared.problems import Problems

DESCRIPTION = Description(
    models=(ChangeFrame, ChangesLost),
    tags={
        "Standing": "Tiến độ / Where communes, districts and the province stand.",
        "Reports": "Báo cáo / Papers and files that offices hand in or read themselves.",
        "Outlook": "Triển vọng / What would follow, and who is nearest. Nothing of it is stored.",
    },
    operations={
        "GET /v1/me": Operation("Standing", "Whose key this is, or who is signed in / Ai đang đăng nhập"),
        "GET /v1/summary": Operation(
            "Standing",
            "Communes by status, counted / Số xã theo trạng thái",
            parameters={"as_of": "2023-06-30", "months": True, "known": "then"},
        ),
        "GET /v1/map": Operation(
            "Standing",
            "Communes on the tile map / Bản đồ ô các xã",
            problems=(Problems.REFUSED,),
            parameters={"criterion": "ntm-11", "cohort": "border-2023", "as_of": "2023-06-30", "months": True},
        ),
        "GET /v1/map/borders": Operation("Standing", "Borders of communes on the map / Ranh giới các xã trên bản đồ"),
        "GET /v1/statuses": Operation(
            "Standing",
            "Criteria of the communes / Tiêu chí của các xã",
            problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED),
            parameters={"district": "184", "criterion": "ntm-11", "status": "behind"},
        ),
        "GET /v1/communes/{code}": Operation(
            "Standing",
            "One commune / Một xã",
            problems=(Problems.OUT_OF_SCOPE, Problems.NOT_FOUND),
            parameters={"code": "06280"},
        ),
        "GET /v1/changes": Operation(
            "Standing",
            "Changes between two days / Thay đổi giữa hai ngày",
            problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED),
            parameters={"district": "184", "criterion": "ntm-11", "since": "2023-06-01", "until": "2023-06-30"},
        ),
        "GET /v1/changes/live": Operation(
            "Standing",
            "Changes as they happen / Thay đổi trực tiếp",
            problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED),
            parameters={"district": "184", "criterion": "ntm-11"},
        ),
        "GET /v1/series": Operation(
            "Standing",
            "Values over time with their path / Số liệu theo thời gian và lộ trình",
            problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED, Problems.BUSY),
            parameters={"unit": "06280", "criterion": "ntm-11", "from": "2023-01-31", "to": "2023-06-30"},
        ),
        "GET /v1/recognitions": Operation(
            "Standing",
            "Recognised communes / Xã được công nhận",
            problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED),
            parameters={"district": "184", "state": "recognised", "set": "ntm"},
        ),
        "GET /v1/targets": Operation("Standing", "Targets of districts and the province / Mục tiêu của huyện, tỉnh"),
        "GET /v1/plan/findings": Operation("Standing", "Errors in the plan's paper / Sai sót trong văn bản kế hoạch"),
        "GET /v1/difficulties": Operation(
            "Standing",
            "Open difficulties / Khó khăn, vướng mắc chưa giải quyết",
            problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED),
            parameters={"unit": "184"},
        ),
        "GET /v1/unacknowledged": Operation(
            "Standing", "Alerts that nobody has acknowledged / Cảnh báo chưa có người nhận xử lý"
        ),
        "GET /v1/reports/{month}.docx": Operation(
            "Reports",
            "The monthly report in Word / Báo cáo tháng",
            problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED, Problems.BUSY),
            parameters={"month": "2023-06", "unit": "184"},
        ),
        "GET /v1/reports/{month}.xlsx": Operation(
            "Reports",
            "The monthly report in Excel / Báo cáo tháng dạng bảng tính",
            problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED, Problems.BUSY),
            parameters={"month": "2023-06", "unit": "184"},
        ),
        "GET /v1/reports/{month}.pdf": Operation(
            "Reports",
            "The monthly report as PDF / Báo cáo tháng dạng PDF",
            problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED, Problems.BUSY, Problems.FORMAT_NOT_INSTALLED),
            parameters={"month": "2023-06", "unit": "184"},
        ),
        "GET /v1/export.csv": Operation(
            "Reports",
            "Statuses and figures as CSV / Đánh giá và số liệu dạng CSV",
            problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED),
            parameters={"table": "statuses", "as_of": "2023-06-30", "district": "184"},
        ),
        "GET /v1/export.parquet": Operation(
            "Reports",
            "Statuses and figures as Parquet / Đánh giá và số liệu dạng Parquet",
            problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED, Problems.BUSY, Problems.FORMAT_NOT_INSTALLED),
            parameters={"table": "statuses", "as_of": "2023-06-30", "district": "184"},
        ),
        "POST /v1/what-if": Operation(
            "Outlook",
            "What would follow / Điều gì sẽ thay đổi",
            problems=(
                Problems.OUT_OF_SCOPE,
                Problems.TOO_SLOW,
                Problems.TOO_LARGE,
                Problems.PACKED,
                Problems.NOT_JSON,
                Problems.BUSY,
            ),
        ),
        "GET /v1/nearest": Operation(
            "Outlook",
            "Who is nearest to meeting a criterion / Xã gần đạt tiêu chí nhất",
            problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED, Problems.BUSY),
            parameters={"criterion": "ntm-11", "district": "184", "cohort": "border-2023"},
        ),
    },
)
