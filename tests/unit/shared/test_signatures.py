"""Signatures and their keys: a message that was changed in anything is not proved, and keys are renewed in use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest

from shared.access.unsigned_parts import StreamEnd
from shared.contracts import subjects
from shared.nats.cloud_events import Message
from shared.nats.direct_get import DirectMessage
from shared.nats.roles import NOTIFY, ROLES
from shared.nats.signing_keys import MissingKeysError, SigningKeys, keys_file, read_keys
from shared.nats.users import UnknownUserError, make_users, renew_signing, retire_signing
from shared.service.proof import Proof
from shared.signatures import HEADER, key_named, new_key, proves, signature

SUBJECT = subjects.submission("184", "06280")
BODY = b'{"unit": "06280", "stage": "reported"}'
AT = datetime(2023, 6, 30, tzinfo=UTC)
STREAM = subjects.SUBMISSIONS_STREAM


def a_message(subject: str = SUBJECT, body: bytes = BODY, event_id: str = "one") -> Message:
    return Message(subject, body, {"ce-id": event_id})


def fault(proof: Proof, message: Message, sequence: int = 1, at: datetime = AT, stream: str = STREAM) -> str | None:
    headers = {**message.headers, "Nats-Time-Stamp": at.isoformat()}
    return proof.fault_of_direct(stream, DirectMessage(sequence, message.subject, message.body, headers))


@pytest.fixture
def users(tmp_path: Path) -> Path:
    make_users(tmp_path)
    return tmp_path


def keys(users: Path, user: str = "intake") -> SigningKeys:
    return SigningKeys(users / user)


@pytest.mark.parametrize(
    ("subject", "headers", "body"),
    [
        (subjects.submission("184", "06286"), {"ce-id": "one"}, BODY),
        (subjects.review("184", "06280"), {"ce-id": "one"}, BODY),
        (SUBJECT, {"ce-id": "two"}, BODY),
        (SUBJECT, {}, BODY),
        (SUBJECT, {"ce-id": "one"}, BODY.replace(b"reported", b"confirmed")),
        (SUBJECT, {"ce-id": "one\n" + BODY.decode()}, b""),
        (SUBJECT, {"ce-id": "one"}, BODY + b" "),
    ],
)
def test_a_message_that_was_changed_in_anything_is_not_proved(
    subject: str, headers: dict[str, str], body: bytes
) -> None:
    key = new_key()
    own = signature(key, SUBJECT, {"ce-id": "one"}, BODY)
    assert proves(key, SUBJECT, {"ce-id": "one", HEADER: own}, BODY)
    assert not proves(key, subject, {**headers, HEADER: own}, body)
    assert not proves(new_key(), SUBJECT, {"ce-id": "one", HEADER: own}, BODY)


@pytest.mark.parametrize("given", ["", ".", "x", "é.é", "\N{SNOWMAN}", "a" * 5000])
def test_nonsense_in_place_of_a_signature_proves_nothing(given: str, users: Path) -> None:
    message = a_message()
    message.headers[HEADER] = given
    assert "unsigned" in (fault(Proof(keys(users), {}), message) or "")


def test_the_signature_of_one_stream_proves_nothing_on_another(users: Path) -> None:
    message, proof = a_message(subjects.status("184", "06280", "ntm-11")), Proof(keys(users), {})
    keys(users).sign([message])
    assert fault(proof, message, stream=subjects.STATUS_STREAM) is None
    assert "no key of SUBMISSIONS" in (fault(proof, message) or "")


def test_a_key_is_renewed_while_programs_run_and_proves_what_it_has_signed(users: Path) -> None:
    signing, proof = keys(users), Proof(keys(users, "scoring"), {})
    before, after = a_message(), a_message()
    signing.sign([before])
    assert fault(proof, before) is None
    renew_signing(users, STREAM)
    signing.sign([after])
    assert key_named(after.headers) != key_named(before.headers)
    assert [fault(proof, one) for one in (before, after)] == [None, None]
    assert [fault(Proof(keys(users, "scoring"), {}), one) for one in (before, after)] == [None, None]
    with pytest.raises(UnknownUserError):
        renew_signing(users, subjects.ALERTS_STREAM)


def test_what_lay_on_a_stream_before_signing_began_counts_as_signed(users: Path) -> None:
    proof = Proof(keys(users), {STREAM: StreamEnd(5, AT)})
    assert fault(proof, a_message(), 5, AT) is None
    assert fault(proof, a_message(), 6, AT) == "unsigned: the message has no signature"
    # the same number on a stream that was made anew
    assert fault(proof, a_message(), 5, AT + timedelta(seconds=1)) is not None
    assert fault(proof, a_message(), 5, AT, subjects.REFERENCE_STREAM) is not None


def test_each_user_has_the_keys_of_its_role_and_nobody_else_can_read_them(users: Path) -> None:
    for role in ROLES:
        found = {file.stem for file in (users / role.name).glob("*.keys")}
        assert found == set(role.keys)
    assert subjects.SUBMISSIONS_STREAM not in NOTIFY.keys
    assert {file.stat().st_mode & 0o777 for file in users.rglob("*.keys")} == {0o600}
    before = keys_file(users / "intake", STREAM).read_bytes()
    make_users(users, ["x"])
    for user in ("intake", "scoring"):
        assert keys_file(users / user, STREAM).read_bytes() == before


def test_missing_and_damaged_keys_are_named_without_their_content(users: Path) -> None:
    with pytest.raises(MissingKeysError, match=r"SUBMISSIONS\.keys"):
        keys(users, "notify").sign([a_message()])
    keys_file(users / "intake", STREAM).write_text("a secret in one word")
    with pytest.raises(MissingKeysError) as caught:
        keys(users).sign([a_message()])
    assert "secret in" not in str(caught.value)
    assert "ntm nats users" in str(caught.value)


def test_a_file_that_vanishes_stops_no_running_program(users: Path) -> None:
    signing, message = keys(users), a_message()
    signing.check(STREAM)
    keys_file(users / "intake", STREAM).unlink()
    signing.sign([message])
    assert fault(Proof(keys(users, "scoring"), {}), message) is None


def look_again(*users: SigningKeys) -> None:
    """Let the next question look into the file, as it does a second after the last look."""
    for one in users:
        one._of(STREAM)._looked_at = monotonic() - 2


def test_a_retired_key_proves_what_came_before_and_nothing_later_also_in_running_programs(users: Path) -> None:
    signing, verifying = keys(users), keys(users, "scoring")
    proof, message = Proof(verifying, {}), a_message()
    signing.sign([message])
    assert fault(proof, message, at=AT) is None
    retire_signing(users, STREAM, AT)
    look_again(signing, verifying)
    assert fault(proof, message, at=AT - timedelta(microseconds=1)) is None
    for later in (AT, AT + timedelta(days=400)):
        assert "was retired at 2023-06-30" in (fault(proof, message, at=later) or "")
    old = message.headers[HEADER]
    signing.sign([message])  # a repaired stream gets it by the new key
    assert message.headers[HEADER] != old
    assert fault(proof, message, at=AT + timedelta(days=1)) is None


def test_keys_are_retired_once_the_earlier_moment_stays_and_the_newest_signs(users: Path) -> None:
    for at in (AT, AT + timedelta(days=1), AT - timedelta(days=1)):
        retire_signing(users, STREAM, at)
    renew_signing(users, STREAM)
    untils = [key.until for key in read_keys(keys_file(users / "intake", STREAM))]
    day_before = AT - timedelta(days=1)
    assert untils == [None, None, day_before, day_before, day_before]


@pytest.mark.parametrize("line", ["a b 2023-01-01", "a b c", "a b 2023-01-01T00:00:00", "a b 2023-01-01T00:00:00Z"])
def test_a_file_whose_first_key_cannot_sign_is_refused(users: Path, line: str) -> None:
    keys_file(users / "intake", STREAM).write_text(line)
    with pytest.raises(MissingKeysError, match=r"SUBMISSIONS\.keys"):
        keys(users).check(STREAM)


def test_a_file_that_is_damaged_stops_no_running_program(users: Path) -> None:
    signing, message = keys(users), a_message()
    signing.check(STREAM)
    keys_file(users / "intake", STREAM).write_text("nonsense")
    look_again(signing)
    signing.sign([message])
    assert fault(Proof(keys(users, "scoring"), {}), message) is None
