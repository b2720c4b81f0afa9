"""The contracts are written down in schemas by which programs of others can read the messages."""

from __future__ import annotations

import copy
import json
import pickle
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from services.intake.admission.candidate import Posted
from services.intake.admission.digest import digests_of, identity
from services.intake.doors import openapi as intake
from services.intake.doors import openapi_examples
from services.notify.api import openapi as notify
from services.scoring.asking import openapi as scoring
from shared.access.caller import Caller
from shared.contract_documents.subject_families import SUBJECT_FAMILIES
from shared.contract_documents.write import FOLDER, schemas
from shared.contracts import subjects
from shared.contracts.period import Period
from shared.contracts.submission import AcceptedSubmission, Submission
from shared.http.openapi import Description
from tests.builders import an_accepted_submission

RUN = "run `make schemas` and commit the result"


def documents(folder: Path, pattern: str) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob(pattern)}


def test_the_schemas_and_the_document_of_the_broker_are_current() -> None:
    assert documents(FOLDER, "[!o]*.json") == schemas(), RUN


def test_the_documents_of_http_are_current(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "services.cli.openapi", tmp_path], check=True)
    assert documents(FOLDER, "openapi-*.json") == documents(tmp_path, "*"), RUN


def test_every_subject_that_a_stream_keeps_is_described_and_names_its_parameters() -> None:
    kept = {one for listens in subjects.NEEDED.values() for one in listens}
    assert {channel.address.partition("{")[0] + ">" for channel in SUBJECT_FAMILIES} == kept - {subjects.ALL_TRIALS}
    for channel in SUBJECT_FAMILIES:
        assert re.findall(r"{(\w+)}", channel.address) == [*channel.parameters]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2023", date(2023, 1, 1), date(2023, 12, 31)),
        ("2023-H2", date(2023, 7, 1), date(2023, 12, 31)),
        ("2023-Q1", date(2023, 1, 1), date(2023, 3, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2023-06-30", date(2023, 6, 30), date(2023, 6, 30)),
    ],
)
def test_a_period_knows_its_first_and_last_day(text: str, start: date, end: date) -> None:
    period = Period.parse(text)
    assert (period.start, period.end, str(period)) == (start, end, text)


@pytest.mark.parametrize(
    "text", ["2023-13", "2023-00", "2023-Q5", "2023-H3", "2023-02-30", "23", "2023-6", "2023 ", "1789", "٢٠٢٣", ""]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"period|range|month"):
        Period.parse(text)


class Carrier(BaseModel):
    period: Period


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 12, 31)))
def test_a_period_survives_json(day: date) -> None:
    carrier = Carrier(period=Period.parse(day.isoformat()))
    assert Carrier.model_validate_json(carrier.model_dump_json()) == carrier


def test_a_period_is_one_object_however_it_comes() -> None:
    period = Period.parse("2023-06")
    carrier = Carrier.model_validate_json('{"period": "2023-06"}')
    assert carrier.period is period
    assert pickle.loads(pickle.dumps(period)) is copy.deepcopy(period) is copy.copy(period) is period  # noqa: S301
    assert carrier.model_copy(deep=True).period is period
    assert Period.parse("2023-Q2") != period


def test_a_unit_without_district_has_a_dash_in_its_subject() -> None:
    assert subjects.submission(None, "06280") == "ntm.v1.submissions.-.06280"
    assert subjects.status("184", "06280", "ntm-11") == "ntm.v1.status.184.06280.ntm-11"


HTTP = {name: json.loads(text) for name, text in documents(FOLDER, "openapi-*.json").items()}
OPERATIONS = [
    pytest.param(document, operation, id=operation["operationId"])
    for document in HTTP.values()
    for operations in document["paths"].values()
    for operation in operations.values()
]


@pytest.mark.parametrize(("document", "operation"), OPERATIONS)
def test_the_examples_of_an_operation_are_what_its_schemas_say(
    document: dict[str, Any], operation: dict[str, Any]
) -> None:
    answers = [
        document["components"]["responses"].get(last(answer), answer) for answer in operation["responses"].values()
    ]
    for part in (operation.get("requestBody", {}), *answers):
        for content in part.get("content", {}).values():
            examples = [one["value"] for one in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            validator = jsonschema_rs.validator_for({**content.get("schema", {}), "components": document["components"]})
            for example in examples:
                assert [error.message for error in validator.iter_errors(example)] == []


def last(answer: dict[str, Any]) -> str:
    return str(answer.get("$ref", "")).rpartition("/")[2]


@pytest.mark.parametrize(
    ("service", "description"),
    [("intake", intake.DESCRIPTION), ("scoring", scoring.DESCRIPTION), ("notify", notify.DESCRIPTION)],
    ids=["intake", "scoring", "notify"],
)
def test_a_service_describes_every_operation_that_it_serves_and_no_other(
    service: str, description: Description
) -> None:
    served = {
        f"{method.upper()} {path}": operation
        for path, operations in HTTP[f"openapi-{service}.json"]["paths"].items()
        for method, operation in operations.items()
    }
    assert served.keys() == description.operations.keys()
    for operation in served.values():
        assert operation["tags"][0] in description.tags
        assert {"401", "429", "503"} <= operation["responses"].keys()


def test_the_ids_of_the_examples_are_those_that_intake_would_give() -> None:
    posted = Posted(Caller(openapi_examples.AGENCY, (), ()))
    digests = digests_of(Submission.model_validate(openapi_examples.SUBMISSION))
    assert digests.digest == openapi_examples.RECEIPT["digest"]
    assert str(identity(posted, 0, digests.earlier)) == openapi_examples.SUBMISSION_ID


def test_who_reads_a_submission_passes_over_what_a_newer_intake_adds() -> None:
    accepted = an_accepted_submission()
    newer = {**accepted.model_dump(mode="json"), "weather": "rain"}
    assert AcceptedSubmission.model_validate(newer) == accepted
