"""Intake keeps its OpenAPI document, whatever is sent: schemathesis against the real service.

`NTM_SCHEMATHESIS_EXAMPLES=1000` looks longer at each operation.
"""

from __future__ import annotations

import json
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import CHECKS

from services.intake.doors import openapi_examples
from services.intake.doors.ndjson import NDJSON
from services.intake.doors.uploads import XLSX
from shared.access.agency_keys import Terms, add_key
from shared.access.caller import EVERYTHING
from shared.contract_documents.write import FOLDER
from tests.running import Service, Surroundings
from tests.workbooks import a_workbook

EXAMPLES = int(os.environ.get("NTM_SCHEMATHESIS_EXAMPLES", "100"))
DOCUMENT = json.loads((FOLDER / "openapi-intake.json").read_text(encoding="utf-8"))

CONFIG = {
    "generation": {"with-security-parameters": False},  # else it takes the key away and expects to be refused
    "checks": {"negative_data_rejection": {"expected-statuses": [400, 403, 404, 405, 409, 413, 415, 422]}},
}

api = schemathesis.openapi.from_dict(DOCUMENT, config=schemathesis.Config.from_dict(CONFIG))
schemathesis.openapi.media_type(
    XLSX, st.binary() | st.sampled_from([a_workbook(), a_workbook(("06280", "6/23", -1, "?", 88.5))])
)
LINES = st.lists(st.sampled_from([openapi_examples.LINES.strip(), "", "{}", "[1]", '{"unit":']) | st.text(), min_size=1)
schemathesis.openapi.media_type(NDJSON, LINES.map("\n".join))


@schemathesis.serializer(XLSX, NDJSON)
def send_as_it_is(_: schemathesis.SerializationContext, body: object) -> bytes:
    return body if isinstance(body, bytes) else str(body).encode(errors="replace")


# What fits the document may still break a rule of the field, which is answered by a 4xx.
NOT_PROMISED = CHECKS.get_by_names(["positive_data_acceptance"])


@pytest.fixture(scope="module")
async def around(shared_around: Surroundings) -> Surroundings:
    return shared_around


@pytest.fixture(scope="module")
async def intake(around: Surroundings) -> Service:
    await around.start("scoring")  # judges beside the steps of dossiers
    return await around.start("intake")


@pytest.fixture(scope="module")
async def key(around: Surroundings, intake: Service) -> str:
    """A key for everything, whose agency has sent what the document's examples speak of."""
    key = await add_key(
        around.engine,
        openapi_examples.AGENCY,
        openapi_examples.AGENCY,
        ["20"],
        [EVERYTHING],
        Terms(rate_per_minute=10**6),
    )
    async with intake.client(key) as client:
        sent = await client.post("/v1/submissions", json=openapi_examples.SUBMISSION)
        reported = await client.post(
            "/v1/problems", json=openapi_examples.REPORT, headers={"Idempotency-Key": openapi_examples.DIFFICULTY_KEY}
        )
    assert (sent.json()["id"], reported.json()["id"]) == (
        openapi_examples.SUBMISSION_ID,
        openapi_examples.DIFFICULTY_ID,
    )
    return key


@api.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_intake_answers_as_its_document_says(case: Case, intake: Service, key: str) -> None:
    case.call_and_validate(
        base_url=intake.url, headers={"Authorization": f"Bearer {key}"}, excluded_checks=NOT_PROMISED, timeout=30
    )
