"""Promises of shared modules that are too small for a test module each."""

from __future__ import annotations

import json
from string import Formatter

import pytest
from pydantic import BaseModel, SecretStr
from starlette.requests import Request

from shared.access.agency_keys import new_key
from shared.access.caller import Caller
from shared.http.app import language_of
from shared.masking import know_secrets_of, mask, masked
from shared.nats.cloud_events import new_trace
from shared.problems import Fault, Faults, Problem, Problems, Warnings
from shared.reference.load import load

A_KEY_ID, A_KEY, _ = new_key()


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("call +84912345678 now", "912345678"),
        ("call 0912345678 now", "0912345678"),
        ("postgresql+asyncpg://ntm:s3cret@db/ntm", "s3cret"),
        ("Bearer ntm_0123456789ab_c2VjcmV0", "c2VjcmV0"),
        ("request failed at /a/cmXb9kBtqTCALsnhnOb3Fw", "cmXb9kBtqTCALsnhnOb3Fw"),
        ("signed by whsec_c2VjcmV0c2VjcmV0", "c2VjcmV0c2VjcmV0"),
        ("seed SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4", "SUAIBDPBAUTW"),
        ("Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmVk", "eyJzdWIiOiJ4In0"),
    ],
)
def test_logs_show_no_secret_and_no_phone_number(text: str, hidden: str) -> None:
    assert hidden not in mask(text)


def test_what_the_settings_keep_secret_is_hidden_wherever_it_is_quoted() -> None:
    class Settings(BaseModel):
        sms_secret_key: SecretStr
        database_url: SecretStr
        nats_url: str

    know_secrets_of(Settings.model_validate({
        "sms_secret_key": "quoted-by-the-gateway", "database_url": "postgresql+asyncpg://ntm:f%40r-away@db/ntm",
        "nats_url": "nats://nats:4222",
    }))  # fmt: skip
    assert mask("wrong key quoted-by-the-gateway, password f@r-away at nats://nats:4222") == (
        "wrong key ***, password *** at nats://nats:4222"
    )


def test_secrets_are_hidden_also_inside_of_lists_and_by_their_names() -> None:
    entry = {"headers": {"Authorization": "Basic abc", "host": "x"}, "said": ["call 0912345678"]}
    assert masked("entry", entry) == {"headers": {"Authorization": "***", "host": "x"}, "said": ["call ***678"]}


def test_ordinary_numbers_stay_readable_in_logs() -> None:
    assert mask("commune 06280, 1204 households, 2023-06-30") == "commune 06280, 1204 households, 2023-06-30"


def test_a_key_is_not_stored_in_a_readable_way() -> None:
    key_id, key, secret_hash = new_key()
    assert key.startswith(f"ntm_{key_id}_")
    assert key.removeprefix(f"ntm_{key_id}_") not in secret_hash


def test_what_belongs_to_no_criterion_needs_a_key_for_all() -> None:
    assert not Caller("a", ("20",), ("ntm-11",)).covers_criteria(())
    assert Caller("a", ("20",), ("*",)).covers_criteria(())


def test_a_trace_is_kept_when_it_is_one() -> None:
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert new_trace(given) == given
    assert new_trace("nonsense") != "nonsense"


def _details_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("kind", [*Faults, *Warnings])
def test_every_kind_of_fault_and_warning_says_the_same_in_both_languages(kind: Faults | Warnings) -> None:
    assert _details_in(kind.value.vi) == _details_in(kind.value.en)


def test_a_long_value_is_cut_in_messages() -> None:
    problem = Problem(Problems.REFUSED, Fault("/unit", Faults.UNKNOWN_UNIT, {"value": "9" * 5000}))
    assert len(str(problem.document("en")["detail"])) < 300


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "vi"),
        ("fr", "vi"),
        ("en-GB,en;q=0.9", "en"),
        ("vi-VN,vi;q=0.9,en-US;q=0.8", "vi"),
        ("vi;q=0.1,en;q=0.9", "en"),
        ("en;q=0,vi", "vi"),
        ("en;q=much", "vi"),
    ],
)
def test_the_callers_language_is_heeded(header: str, language: str) -> None:
    request = Request({"type": "http", "headers": [(b"accept-language", header.encode())]})
    assert language_of(request) == language


def test_every_contact_role_of_the_routes_has_a_holder() -> None:
    plan = load().plan
    holders = {holder.role for holder in plan.roles}
    for branch in plan.routing.walk():
        assert set(branch.to) <= holders | {"criterion_owner", "commitment_owner"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/unit", Faults.UNKNOWN_UNIT, {"value": A_KEY}),
        Fault("/unit", Faults.UNKNOWN_UNIT, {"value": f"Bearer {A_KEY}"}),
        Fault(f"/readings/{A_KEY}", Faults.UNKNOWN_UNIT, {"value": f"xã {A_KEY[:50]}"}),
    ],
)
def test_a_key_that_was_written_in_the_wrong_place_is_not_quoted(fault: Fault) -> None:
    problem = Problem(Problems.REFUSED, fault)
    for said in (json.dumps(problem.document("vi")), json.dumps(problem.document("en"))):
        assert "ntm_***" in said
        assert A_KEY_ID not in said
        assert A_KEY[-43:-23] not in said
