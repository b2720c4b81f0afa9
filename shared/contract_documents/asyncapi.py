"""The AsyncAPI 3.0 document: every channel on the broker with its messages and its stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from shared.contract_documents.subject_families import REQUESTS, SUBJECT_FAMILIES, TRACE, Request, SubjectFamily
from shared.contracts import subjects
from shared.contracts.judgement import JudgementRequest
from shared.contracts.parked_message import ReplayRequest
from shared.contracts.preview import PreviewRequest
from shared.contracts.submission import Submission

_ABOUT = (
    "The messages that the services publish, and the requests that they answer, over NATS. Events are CloudEvents 1.0 "
    "in the NATS binding's binary mode: their attributes are headers, the body is the data. Readers ignore fields that "
    "they do not know. They may get an event more than once: the same `ce-id` is the same event."
)


def document() -> dict[str, Any]:
    """Return the whole document, which refers to no other document."""
    contracts: list[type[BaseModel]] = [family.contract for family in SUBJECT_FAMILIES]
    contracts += [
        Submission,
        PreviewRequest,
        JudgementRequest,
        ReplayRequest,
        *(answer for request in REQUESTS for answer in request.answers),
    ]
    _, schemas = models_json_schema(
        [(contract, "validation") for contract in dict.fromkeys(contracts)], ref_template="#/components/schemas/{model}"
    )
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for family in SUBJECT_FAMILIES:
        messages[family.contract.__name__] = _event(family)
        channels[family.name] = _channel(family)
        operations[family.name] = _operation("send", family.name, family.about, family.contract.__name__)
    for request in REQUESTS:
        _add_request(request, channels, operations, messages)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "NTM Coordination",
            "version": "1",
            "description": _ABOUT,
        },
        "servers": {
            "nats": {
                "host": "{host}:4222",
                "protocol": "nats",
                "variables": {"host": {"default": "127.0.0.1", "description": "NATS with JetStream, 2.14 or newer."}},
                "security": [{"$ref": "#/components/securitySchemes/token"}],
            }
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "securitySchemes": {"token": {"type": "userPassword", "description": "The token of the NATS server."}},
            "messages": messages,
            "schemas": dict(sorted(schemas["$defs"].items())),
        },
    }


def _event(family: SubjectFamily) -> dict[str, Any]:
    described = (family.contract.__doc__ or "").partition("\n")[0]
    headers = {
        "Nats-Msg-Id": {
            "type": "string",
            "format": "uuid",
            "description": "The event's id: JetStream drops repetitions.",
        },
        "ce-specversion": {"const": "1.0"},
        "ce-id": {"type": "string", "format": "uuid"},
        "ce-type": {"enum": [f"vn.ntm.{kind}.v1" for kind in family.kinds]},
        "ce-source": {"enum": [f"/ntm/{service}" for service in family.services]},
        "ce-subject": {"type": "string", "description": "The subject."},
        "ce-time": {"type": "string", "format": "date-time"},
        "content-type": {"const": "application/json"},
        "traceparent": TRACE,
    }
    return {
        "name": family.contract.__name__,
        "title": described,
        "headers": {"type": "object", "required": [*headers], "properties": {**headers, **family.headers}},
        "payload": _ref(family.contract),
    }


def _channel(family: SubjectFamily) -> dict[str, Any]:
    name = family.contract.__name__
    stream = subjects.stream_of(family.address)
    return {
        "address": family.address,
        "description": family.about,
        "parameters": _parameters(family.parameters),
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "x-stream": {"name": stream, "kept": _kept(stream)},
    }


def _kept(stream: str | None) -> str:
    if stream in subjects.KEPT_LAST:
        return "the last message of each subject"
    return "a year" if stream in subjects.KEPT_A_YEAR else "for ever"


def _operation(action: str, channel: str, about: str, *messages: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": about,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages],
    }


def _add_request(
    request: Request, channels: dict[str, Any], operations: dict[str, Any], messages: dict[str, Any]
) -> None:
    asked, reply = f"{request.name}_request", f"{request.name}_reply"
    schema = TypeAdapter(request.asked).json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    payload = schema if "anyOf" in schema else _ref(request.asked)
    messages[asked] = {"name": asked, "headers": _open_headers(request.asked_headers), "payload": payload}
    channels[asked] = {
        "address": request.address,
        "description": request.about,
        **({"parameters": _parameters(request.parameters)} if request.parameters else {}),
        "messages": {asked: {"$ref": f"#/components/messages/{asked}"}},
    }
    for answer in request.answers:
        messages[f"{reply}_{answer.__name__}"] = {
            "name": f"{reply}_{answer.__name__}",
            "headers": _open_headers(request.answer_headers),
            "payload": _ref(answer),
        }
    names = [f"{reply}_{answer.__name__}" for answer in request.answers]
    channels[reply] = {
        "address": None,
        "description": "The inbox of the program that asked.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }
    operations[request.name] = {
        **_operation("receive", asked, request.about, asked),
        "reply": {
            "channel": {"$ref": f"#/channels/{reply}"},
            "messages": [{"$ref": f"#/channels/{reply}/messages/{name}"} for name in names],
        },
    }


def _parameters(described: Mapping[str, str]) -> dict[str, Any]:
    return {parameter: {"description": text} for parameter, text in described.items()}


def _open_headers(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties)}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
