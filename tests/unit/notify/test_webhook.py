"""Webhooks: their signatures, their allowed addresses, and the longest wait that a receiver can ask for."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from services.notify.contacts.public_addresses import is_public
from services.notify.delivery.channels.http import LONGEST_WAIT, retry_after
from services.notify.delivery.channels.webhook import endpoint_fault, new_secret
from shared.webhook_signature import signed


def test_the_signature_is_that_of_the_standard_s_example() -> None:
    headers = signed(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",)
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_each_secret_signs_and_a_new_one_is_of_the_length_that_the_standard_wants() -> None:
    secrets = (new_secret(), new_secret())
    assert len(set(signed("a", 1, b"", secrets)["webhook-signature"].split(" "))) == 2
    assert all(24 <= len(b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64 for secret in secrets)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104
     "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "2002:7f00:1::", "::7f00:1", "64:ff9b::7f00:1",
     "64:ff9b::10.1.2.3", "64:ff9b:1::1", "::ffff:0:127.0.0.1", "fec0::1", "fe80::1%eth0", "2001::1",
     "2405:4800::5efe:7f00:1", "::", "ff02::1", "3fff::1", "3fff:fff::1", "2001:db8::1", "2002:c0a8:101::1"],
)  # fmt: skip
def test_what_leads_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["203.162.4.191", "2405:4800::1", "::ffff:203.162.4.191", "64:ff9b::203.162.4.191", "3ffe::1"]
)
def test_what_is_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def test_an_https_address_with_a_name_is_fine_until_it_is_resolved() -> None:
    assert endpoint_fault("https://board.langson.example.vn/hook?x=1") is None


@pytest.mark.parametrize(
    "host",
    ["127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "10.1",
     "[::7f00:1]", "[64:ff9b::7f00:1]", "[::ffff:7f00:1]", "0"],
)  # fmt: skip
def test_an_address_inside_is_known_however_it_is_spelled(host: str) -> None:
    assert endpoint_fault(f"https://{host}/hook")


def test_a_receiver_may_ask_for_patience_in_seconds_or_until_a_moment_but_not_for_ever() -> None:
    in_two_minutes = format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True)
    assert retry_after("120") == 120
    assert 60 < retry_after(in_two_minutes) <= 120
    assert [retry_after(text) for text in ("", "soon", "-5", "1e9")] == [0, 0, 0, 0]
    assert retry_after("9" * 400) == retry_after("Fri, 31 Dec 9999 23:59:59 GMT") == LONGEST_WAIT
