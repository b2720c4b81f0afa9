"""Changes of a contract that break programs which rely on it, and changes that break nothing."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from shared.contract_documents.compatibility import breaking_changes
from shared.contract_documents.release import RELEASED, broken_promises, read
from shared.contract_documents.write import FOLDER

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["unit", "period"],
    "properties": {
        "unit": {"type": "string", "pattern": "^[0-9]+$", "maxLength": 5},
        "period": {"type": "string"},
        "stage": {"$ref": "#/$defs/Stage"},
        "revision": {"type": "integer", "minimum": 1, "default": 1},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "kind": {"const": "status"},
        "warnings": {"type": "array", "items": {"type": "object", "properties": {"code": {"type": "string"}}}},
        "readings": {"type": "object", "patternProperties": {"^[a-z]+$": {"type": "number"}}, "maxProperties": 9},
    },
    "$defs": {"Stage": {"enum": ["reported", "verified"], "type": "string"}},
}


def changed(path: str, **keywords: Any) -> dict[str, Any]:
    """Return the schema with keywords set in one place; None removes a keyword."""
    schema = deepcopy(SCHEMA)
    place: dict[str, Any] = schema
    for step in filter(None, path.split("/")):
        place = place[step]
    for name, value in keywords.items():
        if value is None:
            place.pop(name)
        else:
            place[name] = value
    return schema


def without(name: str) -> dict[str, Any]:
    schema = deepcopy(SCHEMA)
    del schema["properties"][name]
    schema["required"] = [one for one in schema["required"] if one != name]
    return schema


STAGES = "/$defs/Stage"
UNIT, REVISION = "/properties/unit", "/properties/revision"
WIDER = {
    "a value more": changed(STAGES, enum=["reported", "verified", "confirmed"]),
    "any value": changed(STAGES, enum=None),
    "another type beside": changed(
        "/properties/note", anyOf=[{"type": "string"}, {"type": "null"}, {"type": "integer"}]
    ),
    "a number for an integer": changed(REVISION, type="number"),
    "null beside": changed("/properties/period", type=["string", "null"]),
    "no pattern": changed(UNIT, pattern=None),
    "a longer text": changed(UNIT, maxLength=7),
    "no lower bound": changed(REVISION, minimum=None),
    "a lower bound": changed(REVISION, minimum=0),
    "more entries": changed("/properties/readings", maxProperties=10),
    "a field that may be missing": changed("", required=["unit"]),
    "any constant": changed("/properties/kind", const=None),
    "wider values inside": changed("/properties/readings/patternProperties", **{"^[a-z]+$": {}}),
    "wider items": changed("/properties/warnings/items/properties", code={"type": ["string", "integer"]}),
}
BREAKING_BOTH = {
    "a field that is gone": without("unit"),
    "an optional field that is gone": without("stage"),
    "another type": changed(UNIT, type="integer"),
    "another pattern": changed(UNIT, pattern="^[0-9]{2}$"),
    "another constant": changed("/properties/kind", const="target"),
    "other names inside": changed("/properties/readings", patternProperties={"^[a-z0-9]+$": {"type": "number"}}),
}
HARMLESS = {
    "nothing": SCHEMA,
    "an optional field more": changed("/properties", source={"type": "string"}),
    "words": changed(UNIT, description="Code", title="Unit", examples=["06280"]),
}


@pytest.mark.parametrize("wider", WIDER.values(), ids=WIDER)
def test_who_reads_is_broken_by_what_may_come_beyond_the_promise_and_who_writes_is_not(wider: dict[str, Any]) -> None:
    assert breaking_changes(SCHEMA, wider, "read")
    assert breaking_changes(SCHEMA, wider, "written") == []


@pytest.mark.parametrize("wider", WIDER.values(), ids=WIDER)
def test_who_writes_is_broken_by_what_is_not_taken_any_more_and_who_reads_is_not(wider: dict[str, Any]) -> None:
    assert breaking_changes(wider, SCHEMA, "written")
    assert breaking_changes(wider, SCHEMA, "read") == []


@pytest.mark.parametrize("direction", ["read", "written"])
@pytest.mark.parametrize("new", BREAKING_BOTH.values(), ids=BREAKING_BOTH)
def test_what_is_taken_away_or_replaced_breaks_both(new: dict[str, Any], direction: Any) -> None:
    assert breaking_changes(SCHEMA, new, direction)


@pytest.mark.parametrize("direction", ["read", "written"])
@pytest.mark.parametrize("new", HARMLESS.values(), ids=HARMLESS)
def test_an_optional_field_or_other_words_break_nobody(new: dict[str, Any], direction: Any) -> None:
    assert breaking_changes(SCHEMA, new, direction) == []


def test_a_new_required_field_breaks_who_writes_only() -> None:
    new = changed("/properties", source={"type": "string"})
    new["required"] = [*SCHEMA["required"], "source"]
    assert breaking_changes(SCHEMA, new, "written") == ["/source: has to be sent now"]
    assert breaking_changes(SCHEMA, new, "read") == []


def test_another_default_changes_what_is_meant_by_leaving_a_field_out() -> None:
    new = changed(REVISION, default=2)
    assert breaking_changes(SCHEMA, new, "written") == ["/revision: left out it meant 1, and means 2 now"]
    assert breaking_changes(SCHEMA, new, "read") == []


def test_a_request_that_refuses_unknown_fields_all_at_once_breaks_who_sent_them() -> None:
    assert breaking_changes(changed("", additionalProperties=None), SCHEMA, "written")


def test_a_schema_that_holds_itself_is_compared_once() -> None:
    tree = {
        "$ref": "#/$defs/Tree",
        "$defs": {"Tree": {"type": "object", "properties": {"under": {"$ref": "#/$defs/Tree"}}}},
    }
    assert breaking_changes(tree, deepcopy(tree), "read") == []


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("Receipt.json", ["properties", "digest"]),
        ("openapi-intake.json", ["paths", "/v1/refusals"]),
        ("openapi-intake.json", ["paths", "/v1/submissions", "post", "responses", "202"]),
        ("openapi-intake.json", ["paths", "/v1/submissions", "post", "requestBody", "content", "application/x-ndjson"]),
        ("openapi-intake.json", ["components", "schemas", "Tracked", "properties", "changes"]),
        ("openapi-intake.json", ["components", "schemas", "ProblemReport", "properties", "contact"]),
        ("asyncapi.json", ["channels", "statuses"]),
        ("asyncapi.json", ["channels", "statuses", "messages", "StatusChanged"]),
        ("asyncapi.json", ["operations", "submit"]),
    ],
)
def test_whatever_is_taken_out_of_a_document_breaks_a_promise(file: str, path: list[str]) -> None:
    released = read(FOLDER)
    current = deepcopy(dict(released))
    place: Any = current[file]
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    assert broken_promises(released, current)
    assert broken_promises(current, released) == []


def test_a_renamed_subject_breaks_a_promise() -> None:
    released = read(FOLDER)
    current = deepcopy(dict(released))
    current["asyncapi.json"]["channels"]["statuses"]["address"] = "ntm.v2.status"  # type: ignore[index]
    assert broken_promises(released, current)


def test_a_parameter_that_has_to_be_sent_breaks_a_promise() -> None:
    released = read(FOLDER)
    current = deepcopy(dict(released))
    current["openapi-intake.json"]["paths"]["/v1/submissions"]["get"]["parameters"][0]["required"] = True
    assert broken_promises(released, current)


def test_a_document_that_is_gone_breaks_a_promise() -> None:
    released = read(FOLDER)
    assert broken_promises(released, {name: one for name, one in released.items() if name != "Receipt.json"})


def test_the_contracts_keep_what_was_promised() -> None:
    assert broken_promises(read(RELEASED), read(FOLDER)) == []
