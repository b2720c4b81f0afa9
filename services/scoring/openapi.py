"""What scoring's OpenAPI document says beside what its routes do."""

from __future__ import annotations

from shared.openapi import Description, Operation
from shared.problems import Problems

DESCRIPTION = Description(
    tags={"Standing": "Tiến độ / Where communes, districts and the province stand."},
    operations={
        "GET /v1/statuses": Operation(
            "Standing",
            "Criteria of the communes / Tiêu chí của các xã",
            problems=(Problems.OUT_OF_SCOPE, Problems.NOT_FOUND),
            parameters={"district": "184", "criterion": "ntm-11", "status": "behind"},
        ),
        "GET /v1/communes/{code}": Operation(
            "Standing",
            "One commune / Một xã",
            problems=(Problems.OUT_OF_SCOPE, Problems.NOT_FOUND),
            parameters={"code": "06280"},
        ),
        "GET /v1/targets": Operation("Standing", "Targets of districts and the province / Mục tiêu của huyện, tỉnh"),
    },
)
