"""Additions to intake's OpenAPI document, among them `POST /v1/submissions`, which no route of the framework serves."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from services.intake.admission.accept import ITEM_LIMIT
from services.intake.admission.candidate import REQUEST_KEY
from services.intake.doors import openapi_examples
from services.intake.doors.ndjson import NDJSON
from shared.contracts.item_answers import ItemAnswers, RefusedItem
from shared.contracts.submission import Receipt, Submission
from shared.http.body import BODY_LIMIT, LINE_LIMIT
from shared.http.openapi import Description, Operation
from shared.problems import Problems

_MEGABYTE = 1024 * 1024


_TAGS = {
    "Submissions": "Gửi số liệu / Sending figures.",
    "Workbooks": "Biểu mẫu Excel và CSV / Workbooks to fill in, and CSV files.",
    "Receipts": "Biên nhận, kết quả, từ chối / Receipts, outcomes and refusals.",
    "Review": "Thẩm tra, thẩm định / Stages: verified by the district, confirmed by the sector, or returned.",
    "Evidence": "Minh chứng / Files and links that prove figures, or how a criterion is fulfilled.",
    "Difficulties": "Vướng mắc / Difficulties that a unit cannot solve by itself.",
    "Dossiers": "Hồ sơ công nhận xã / Dossiers: the steps by which a commune is recognised by a criteria set.",
    "Reference": "Danh mục, khóa truy cập / The elements to report, and the scope of a key.",
}

_BODY_PROBLEMS = (Problems.TOO_SLOW, Problems.TOO_LARGE, Problems.PACKED, Problems.BUSY)

_JSON_PROBLEMS = (*_BODY_PROBLEMS, Problems.NOT_JSON)

_OPERATIONS = {
    "POST /v1/submissions": Operation(
        "Submissions",
        "Send figures / Gửi số liệu",
        problems=(
            Problems.OUT_OF_SCOPE,
            Problems.KEY_USED,
            Problems.TOO_MANY_ITEMS,
            Problems.REFUSED,
            *_JSON_PROBLEMS,
        ),
    ),
    "GET /v1/submissions": Operation(
        "Receipts",
        "Submissions, the newest first / Các lần gửi, mới nhất trước",
        problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED),
        parameters={"agency": openapi_examples.AGENCY, "unit": "06280", "status": "scored"},
        answers={200: {"items": [openapi_examples.TRACKED], "next": None}},
    ),
    "GET /v1/submissions/{submission_id}": Operation(
        "Receipts",
        "The outcome of a submission / Biên nhận và kết quả",
        problems=(Problems.NOT_FOUND,),
        parameters={"submission_id": openapi_examples.SUBMISSION_ID},
        answers={200: {**openapi_examples.TRACKED, "submission": openapi_examples.ACCEPTED}},
    ),
    "GET /v1/refusals": Operation(
        "Receipts",
        "Refused submissions / Số liệu bị từ chối",
        answers={200: {"items": [openapi_examples.REFUSED], "next": None}},
    ),
    "POST /v1/submissions/{submission_id}/review": Operation(
        "Review",
        "Verify, confirm or return / Thẩm tra, thẩm định hoặc trả lại",
        problems=(
            Problems.OUT_OF_SCOPE,
            Problems.NOT_FOUND,
            Problems.REVIEWED,
            Problems.WITHDRAWN,
            Problems.LOG_DIFFERS,
            Problems.REFUSED,
            *_JSON_PROBLEMS,
        ),
        parameters={"submission_id": openapi_examples.SUBMISSION_ID},
        answers={202: openapi_examples.REVIEW},
    ),
    "POST /v1/submissions/{submission_id}/withdraw": Operation(
        "Receipts",
        "Withdraw a submission / Rút lại số liệu",
        problems=(Problems.OUT_OF_SCOPE, Problems.NOT_FOUND, Problems.LOG_DIFFERS, Problems.REFUSED, *_JSON_PROBLEMS),
        parameters={"submission_id": openapi_examples.SUBMISSION_ID},
        answers={202: openapi_examples.WITHDRAWAL},
    ),
    "GET /v1/reports-due": Operation(
        "Receipts",
        "Reports that are due / Báo cáo đến hạn",
        problems=(Problems.OUT_OF_SCOPE, Problems.INVALID_QUERY, Problems.REFUSED),
        parameters={"unit": "184", "on": "2023-07-06"},
        answers={200: openapi_examples.REPORTS_DUE},
    ),
    "GET /v1/reviews-due": Operation(
        "Review",
        "Figures that wait for a review / Số liệu chờ thẩm tra, thẩm định",
        problems=(Problems.OUT_OF_SCOPE, Problems.INVALID_QUERY, Problems.REFUSED),
        parameters={"unit": "184", "stage": "reported", "period": "2023-06"},
    ),
    "GET /v1/forms/{report}": Operation(
        "Workbooks",
        "A report as a form / Biểu nhập số liệu",
        problems=(Problems.OUT_OF_SCOPE, Problems.INVALID_QUERY, Problems.REFUSED, Problems.NOTHING_TO_FILL),
        parameters={"report": "poverty-monthly", "unit": "06280", "period": "2023-06"},
    ),
    "GET /v1/templates/{criteria}.xlsx": Operation(
        "Workbooks",
        "A workbook to fill in / Tải biểu mẫu",
        problems=(Problems.OUT_OF_SCOPE, Problems.REFUSED, Problems.NOTHING_TO_FILL, Problems.BUSY),
        parameters={"criteria": "ntm-11,ntm-12", "unit": "184", "period": "2023-06"},
    ),
    "POST /v1/uploads": Operation(
        "Workbooks",
        "Send a filled workbook / Nộp biểu mẫu",
        problems=(
            Problems.OUT_OF_SCOPE,
            Problems.KEY_USED,
            Problems.REFUSED,
            Problems.FILE_REFUSED,
            Problems.NOTHING_FILLED,
            *_BODY_PROBLEMS,
        ),
        parameters={"unit": "184", "period": "2023-06"},
        answers={200: openapi_examples.UPLOAD_PREVIEW, 202: {"accepted": 1, "items": [openapi_examples.RECEIPT]}},
    ),
    "POST /v1/evidence": Operation(
        "Evidence",
        "Attach a file or a link / Gắn minh chứng",
        problems=(
            Problems.OUT_OF_SCOPE,
            Problems.NOT_FOUND,
            Problems.WITHDRAWN,
            Problems.REFUSED,
            Problems.FILE_REFUSED,
            Problems.FILE_UNSAFE,
            Problems.INVALID_QUERY,
            Problems.LOG_DIFFERS,
            Problems.NO_EVIDENCE_STORE,
            *_BODY_PROBLEMS,
        ),
        parameters={"submission": openapi_examples.SUBMISSION_ID, "element": "poor_households", "name": "bien-ban.pdf"},
        answers={202: openapi_examples.EVIDENCE},
    ),
    "GET /v1/evidence": Operation(
        "Evidence",
        "Evidence, the newest first / Các minh chứng",
        problems=(Problems.OUT_OF_SCOPE, Problems.INVALID_QUERY, Problems.REFUSED),
        parameters={"unit": "06280", "period": "2023-06", "criterion": "ntm-11"},
        answers={200: {"items": [openapi_examples.EVIDENCE], "unreadable": [], "next": None}},
    ),
    "GET /v1/evidence/{evidence_id}/file": Operation(
        "Evidence",
        "A file / Tải tệp minh chứng",
        problems=(
            Problems.NOT_FOUND,
            Problems.EVIDENCE_WITHDRAWN,
            Problems.EVIDENCE_LOST,
            Problems.NO_EVIDENCE_STORE,
        ),
        parameters={"evidence_id": openapi_examples.EVIDENCE_ID},
    ),
    "POST /v1/evidence/{evidence_id}/withdraw": Operation(
        "Evidence",
        "Take evidence back / Rút lại minh chứng",
        problems=(
            Problems.OUT_OF_SCOPE,
            Problems.NOT_FOUND,
            Problems.EVIDENCE_WITHDRAWN,
            Problems.LOG_DIFFERS,
            Problems.REFUSED,
            *_JSON_PROBLEMS,
        ),
        parameters={"evidence_id": openapi_examples.EVIDENCE_ID},
    ),
    "POST /v1/problems": Operation(
        "Difficulties",
        "Report a difficulty / Báo vướng mắc",
        problems=(Problems.OUT_OF_SCOPE, Problems.KEY_USED, Problems.REFUSED, *_JSON_PROBLEMS),
        parameters={"idempotency-key": openapi_examples.DIFFICULTY_KEY},
        answers={202: openapi_examples.DIFFICULTY},
    ),
    "GET /v1/problems": Operation(
        "Difficulties",
        "Difficulties, the newest first / Các vướng mắc",
        problems=(Problems.REFUSED,),
        parameters={"unit": "184", "criterion": "ntm-12", "state": "open"},
        answers={200: {"items": [openapi_examples.DIFFICULTY], "next": None}},
    ),
    "GET /v1/problems/{problem_id}": Operation(
        "Difficulties",
        "One difficulty / Một vướng mắc",
        problems=(Problems.NOT_FOUND,),
        parameters={"problem_id": openapi_examples.DIFFICULTY_ID},
        answers={200: openapi_examples.DIFFICULTY},
    ),
    "POST /v1/problems/{problem_id}/answers": Operation(
        "Difficulties",
        "Answer or close a difficulty / Trả lời, khép lại vướng mắc",
        problems=(
            Problems.OUT_OF_SCOPE,
            Problems.NOT_FOUND,
            Problems.CLOSED,
            Problems.KEY_USED,
            Problems.REFUSED,
            *_JSON_PROBLEMS,
        ),
        parameters={"problem_id": openapi_examples.DIFFICULTY_ID},
        answers={202: openapi_examples.DIFFICULTY_CLOSED},
    ),
    "GET /v1/dossiers": Operation(
        "Dossiers",
        "Dossiers, by commune and set / Các hồ sơ công nhận",
        problems=(Problems.REFUSED,),
        parameters={"unit": "184", "turn": "verified"},
    ),
    "GET /v1/dossiers/{commune}/{set}": Operation(
        "Dossiers",
        "A commune's dossier / Hồ sơ công nhận của một xã",
        problems=(Problems.NOT_FOUND, Problems.OUT_OF_SCOPE),
        parameters={"commune": "06280", "set": "ntm"},
    ),
    "POST /v1/dossiers/{commune}/{set}": Operation(
        "Dossiers",
        "Take a step / Thực hiện một bước của hồ sơ",
        problems=(
            Problems.OUT_OF_SCOPE,
            Problems.NOT_FOUND,
            Problems.OUT_OF_TURN,
            Problems.KEY_USED,
            Problems.REFUSED,
            *_JSON_PROBLEMS,
        ),
        parameters={"commune": "06280", "set": "ntm", "idempotency-key": openapi_examples.DIFFICULTY_KEY},
    ),
    "GET /v1/me": Operation("Reference", "Whose key this is, or who is signed in / Ai đang đăng nhập"),
    "GET /v1/catalogue": Operation(
        "Reference",
        "Elements, criteria and units to report / Danh mục chỉ tiêu, tiêu chí, đơn vị",
        answers={200: openapi_examples.CATALOGUE},
    ),
}


def _header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string", **schema},
    }


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _lines(description: str, example: str) -> dict[str, Any]:
    return {"schema": {"type": "string", "description": description}, "example": example}


_LINES_OF_ANSWER = _lines(
    "A line for each submission: its receipt or its problem, with `line`. The last line has the counts (`summary`) "
    "and, where the stream ended early, the reason (`problem`): submissions that have a receipt are accepted.",
    openapi_examples.LINES_OF_ANSWER,
)

_POST_SUBMISSIONS: dict[str, Any] = {
    "operationId": "post_submissions",
    "description": (
        f"One submission (an object), up to {ITEM_LIMIT:,} (an array), or any number (`{NDJSON}`, a line each, read as "
        f"it comes). Each gets a receipt or a problem; a refused submission refuses no other. JSON may have "
        f"{BODY_LIMIT // _MEGABYTE} MB, a line {LINE_LIMIT // 1024} kB.\n\n"
        "A receipt means that the submission is on disk. A sender that gets no answer repeats the request: intake "
        "recognises an accepted submission by its content or its `Idempotency-Key`, and gives its first receipt again."
    ),
    "parameters": [
        _header(
            "Idempotency-Key",
            "A key of the agency's choice. The same key with other content is a conflict (409); a stream that goes on "
            "otherwise than the one with its key ends there, and nothing more of it is accepted. Without a key the "
            "content counts: the same figures sent twice are one submission.",
            pattern=REQUEST_KEY,
        ),
        _header("Accept-Language", "The language of problems: `vi` (the default) or `en`."),
        _header("traceparent", "W3C trace context, which all messages that follow from the submission carry on."),
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        _ref(Submission),
                        {"type": "array", "items": _ref(Submission), "minItems": 1, "maxItems": ITEM_LIMIT},
                    ]
                },
                "examples": {
                    "one": {"summary": "One / Một lần gửi", "value": openapi_examples.SUBMISSION},
                    "several": {"summary": "An array / Nhiều lần gửi", "value": [openapi_examples.SUBMISSION]},
                },
            },
            NDJSON: _lines("A `Submission` in each line.", openapi_examples.LINES),
        },
    },
    "responses": {
        "202": {
            "description": "All submissions were accepted, or some of several: each has its own answer.",
            "content": {
                "application/json": {
                    "schema": {"oneOf": [_ref(Receipt), _ref(ItemAnswers)]},
                    "examples": {
                        "one": {"value": openapi_examples.RECEIPT},
                        "several": {"value": {"accepted": 1, "refused": 0, "items": [openapi_examples.RECEIPT]}},
                    },
                },
                NDJSON: _LINES_OF_ANSWER,
            },
        },
        **{
            status: {"description": description, "content": {NDJSON: _LINES_OF_ANSWER}}
            for status, description in {
                "408": "The body came too slowly.",
                "409": "The key was used for other lines; those before have their receipts.",
                "415": "The body is neither JSON nor NDJSON, or is compressed.",
                "422": "Nothing was accepted.",
                "429": "This key, or all keys together, send too much at once.",
                "503": "The broker or the database is away; earlier lines may be accepted.",
            }.items()
        },
    },
}

DESCRIPTION = Description(
    operations=_OPERATIONS,
    tags=_TAGS,
    paths={"/v1/submissions": {"post": _POST_SUBMISSIONS}},
    models=(Submission, Receipt, ItemAnswers, RefusedItem),
)
