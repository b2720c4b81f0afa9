"""The examples of intake's OpenAPI document: the requests of one district in a month, and the answers to them.

The ids are those that intake gives to exactly these submissions.
"""

from __future__ import annotations

import json
from typing import Any

AGENCY = "phong-ldtbxh-van-quan"
SUBMISSION_ID = "f09f9878-eb73-5fb0-958d-de3d8b31afa1"
DIFFICULTY_KEY = "vuong-mac-2023-06-30"
DIFFICULTY_ID = "5fd70fdc-d08e-5408-862d-ef1f77b46092"
_SENT_AT = "2023-06-30T16:20:05.120000+07:00"
_DIGEST = "jcs:d17d1dcadba93fad8ed8a3a72f698c1b44af65a9a856fe3d455e44a756528929"

SUBMISSION: dict[str, Any] = {
    "unit": "06280",
    "period": "2023-06",
    "stage": "reported",
    "source_ref": "VQ-2023-06-11",
    "readings": {"households": 1204, "poor_households": 131, "near_poor_households": 88},
}

RECEIPT: dict[str, Any] = {
    "status": "accepted",
    "id": SUBMISSION_ID,
    "unit": "06280",
    "period": "2023-06",
    "received_at": _SENT_AT,
    "digest": _DIGEST,
    "due": None,
    "warnings": [],
}

ACCEPTED: dict[str, Any] = {
    **SUBMISSION,
    "revision": 1,
    "confirmed": False,
    "id": SUBMISSION_ID,
    "agency": AGENCY,
    "key": "5f1c0a9be2d4",
    "unit_key": 137,
    "district": "184",
    "received_at": _SENT_AT,
    "digest": _DIGEST,
    "due": None,
    "warnings": [],
    "reviews": None,
}

EVIDENCE_ID = "0b9b2f7c-5c0e-5d5b-8b0e-6c6b0a4f8a55"

EVIDENCE: dict[str, Any] = {
    "id": EVIDENCE_ID,
    "unit": "06280",
    "unit_key": 137,
    "district": "184",
    "period": "2023-06",
    "submission": SUBMISSION_ID,
    "element": "poor_households",
    "criteria": ["ntm-11"],
    "name": "Biên bản rà soát hộ nghèo.pdf",
    "file": {
        "type": "application/pdf",
        "bytes": 184213,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    },
    "link": None,
    "host": None,
    "agency": AGENCY,
    "agency_name": None,
    "key": "5f1c0a9be2d4",
    "at": "2023-06-30T16:25:00+07:00",
    "withdraws": None,
    "reason": None,
}

REVIEW: dict[str, Any] = {
    "id": "9d3f5a37-3f6d-5d1b-8a55-6a0b7f0b9a10",
    "submission": SUBMISSION_ID,
    "decision": "verified",
    "reason": None,
    "agency": AGENCY,
    "key": "5f1c0a9be2d4",
    "at": "2023-07-03T09:02:11.004000+07:00",
    "unit": "06280",
    "period": "2023-06",
    "result": "b3a1f6a4-93cb-5b43-a0b5-0a7a6a3c2f01",
}

WITHDRAWAL: dict[str, Any] = {
    "id": "2f4c9a61-8f0c-5c0a-9d52-0e4f1d6f7b33",
    "submission": SUBMISSION_ID,
    "reason": "Gửi nhầm sang xã khác.",
    "agency": AGENCY,
    "key": "5f1c0a9be2d4",
    "at": "2023-07-04T08:15:40.120000+07:00",
    "unit": "06280",
    "period": "2023-06",
}

TRACKED: dict[str, Any] = {
    "status": "scored",
    "receipt": RECEIPT,
    "agency": AGENCY,
    "stage": "reported",
    "revision": 1,
    "submission": None,
    "changes": [
        {
            "id": "6c0a2a36-6f39-5c3f-9a3c-3c5a1f0f7f55",
            "event": "fell_behind",
            "unit": "06280",
            "criterion": "ntm-11",
            "before": "on_track",
            "after": "behind",
            "at": "2023-06-30T16:20:05.310000+07:00",
            "reason": {
                "vi": "Tỷ lệ nghèo đa chiều 18,19 %, cần không quá 17 % vào ngày 30/06/2023.",
                "en": "The multidimensional poverty rate is 18.19 %; at most 17 % is needed on 30 June 2023.",
            },
        }
    ],
    "reviews": [REVIEW],
    "withdrawal": None,
}

REPORTS_DUE: dict[str, Any] = {
    "on": "2023-07-06",
    "items": [
        {
            "report": "poverty-monthly",
            "name": {
                "vi": "Rà soát thường xuyên hộ nghèo, hộ cận nghèo",
                "en": "Regular review of poor households",
            },
            "criteria": [{"key": "ntm-11", "name": {"vi": "Nghèo đa chiều", "en": "Multidimensional poverty"}}],
            "period": "2023-06",
            "due": "2023-07-05",
            "overdue": True,
            "district": {"code": "184", "name": "huyện Văn Quan", "kind": "district", "key": 5},
            "expected": 16,
            "arrived": 15,
            "missing": [{"code": "06280", "name": "xã Điềm He", "kind": "commune", "key": 137}],
            "returned": [],
            "never_reported": 0,
        }
    ],
}

REFUSED: dict[str, Any] = {
    "status": "refused",
    "id": "7f4a1d9e-1f53-4b77-9d0f-3f1f2f7a6a21",
    "agency": AGENCY,
    "received_at": _SENT_AT,
    "problem": {
        "type": "urn:ntm:problem:refused",
        "title": "Yêu cầu không được chấp nhận",
        "status": 422,
        "code": "refused",
        "instance": "/v1/submissions/7f4a1d9e-1f53-4b77-9d0f-3f1f2f7a6a21",
        "detail": "1e6 lớn hơn mức tối đa 20000. Kiểm tra lại số liệu.",
        "errors": [
            {
                "pointer": "/readings/households",
                "code": "too_great",
                "detail": "1e6 lớn hơn mức tối đa 20000. Kiểm tra lại số liệu.",
            }
        ],
    },
    "submission": None,
}

UPLOAD_PREVIEW: dict[str, Any] = {
    "rows": 1,
    "acceptable": True,
    "faults": [],
    "warnings": [],
    "changes": [
        {
            "unit": "06280",
            "name": "Xã Điềm He",
            "element": "poor_households",
            "element_name": "Số hộ nghèo",
            "period": "2023-06",
            "sheet": "Số liệu",
            "cell": "D7",
            "old": {"value": 140, "period": "2023-03", "stage": "verified"},
            "new": 131,
        }
    ],
    "statuses": [
        {
            "unit": "06280",
            "name": "Xã Điềm He",
            "criterion": "ntm-11",
            "criterion_name": "Nghèo đa chiều",
            "before": "on_track",
            "after": "behind",
            "reason": "Tỷ lệ nghèo đa chiều 18,19 %, cần không quá 17 % vào ngày 30/06/2023.",
        }
    ],
}

REPORT: dict[str, Any] = {
    "unit": "06280",
    "criterion": "ntm-12",
    "kind": "funding",
    "words": "Chưa được bố trí kinh phí mở lớp đào tạo nghề quý III.",
    "contact": "Công chức LĐTBXH xã Điềm He",
}

DIFFICULTY: dict[str, Any] = {
    "id": DIFFICULTY_ID,
    "state": "open",
    "unit": {"code": "06280", "name": "Xã Điềm He", "kind": "commune", "key": 137},
    "district": {"code": "184", "name": "Huyện Văn Quan", "kind": "district", "key": 12},
    "criterion": REPORT["criterion"],
    "kind": REPORT["kind"],
    "contact": REPORT["contact"],
    "reported_at": _SENT_AT,
    "age_days": 0,
    "said": [
        {
            "at": _SENT_AT,
            "agency": AGENCY,
            "words": REPORT["words"],
            "closes": False,
        }
    ],
}

DIFFICULTY_CLOSED: dict[str, Any] = {
    **DIFFICULTY,
    "state": "closed",
    "age_days": 4,
    "said": [
        *DIFFICULTY["said"],
        {
            "at": "2023-07-04T10:00:00+07:00",
            "agency": "so-ldtbxh-lang-son",
            "words": "Đã bố trí kinh phí đợt 2, mở lớp từ 01/8.",
            "closes": True,
        },
    ],
}

SELF_ASSESSMENT: dict[str, Any] = {
    "step": "self_assessed",
    "person": "Lý Văn Nam",
    "answers": [{"criterion": "ntm-1", "yes": True, "note": "Quy hoạch được duyệt ngày 12/05/2022."}],
}

CATALOGUE: dict[str, Any] = {
    "elements": [
        {
            "code": "poor_households",
            "name": {"vi": "Số hộ nghèo", "en": "Poor households"},
            "type": "count",
            "nature": "stock",
            "unit": {"vi": "hộ", "en": "households"},
            "minimum": 0,
            "maximum": 20000,
            "criteria": ["ntm-11"],
            "counted_in": ["commune"],
            "periods": ["month", "quarter", "half", "year"],
            "plausible_change": {"share_percent": 20, "at_least": 10, "verified": False, "source": "…"},
        }
    ],
    "sums": [
        {
            "parts": ["poor_households", "near_poor_households"],
            "whole": "households",
            "relation": "at_most",
            "reason": {"vi": "Hộ nghèo và cận nghèo là một phần số hộ.", "en": "They are a part of all households."},
        }
    ],
    "reports": [
        {
            "id": "poverty-monthly",
            "name": {"vi": "Báo cáo tháng về hộ nghèo", "en": "Monthly report on poverty"},
            "criteria": ["ntm-11"],
            "elements": [],
            "reported_by": ["commune"],
            "periods": [{"period": "2023-06", "opens": "2023-06-01", "due": "2023-07-05"}],
            "verified": False,
            "source": "…",
        }
    ],
    "criteria": [
        {
            "key": "ntm-11",
            "name": {"vi": "Nghèo đa chiều", "en": "Multidimensional poverty"},
            "lead": {"vi": "Sở LĐTBXH", "en": "DOLISA"},
        }
    ],
    "units": [{"code": "06280", "name": "Xã Điềm He", "kind": "commune", "parent": "184"}],
}


def _written(*lines: dict[str, Any]) -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


LINES = _written(SUBMISSION)
LINES_OF_ANSWER = _written({"line": 1, **RECEIPT}, {"summary": {"accepted": 1, "refused": 0}})
