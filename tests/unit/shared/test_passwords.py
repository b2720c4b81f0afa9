"""Passwords: which are good enough, and how they are compared."""

from __future__ import annotations

import unicodedata

import pytest

from shared.access.passwords import fault_of, hash_of_password, is_password, one_time_password


@pytest.mark.parametrize(
    "password",
    [
        "ngắn quá",
        "mười một ch",
        "aaaaaaaaaaaaaaaa",
        "abababababababab",
        "123456789012",
        "Password-1234",
        "Mật khẩu 123456",
        "xây dựng nông thôn mới".replace("â", "a").replace("ự", "u").replace("ô", "o").replace("ớ", "o"),
        "lan.vanquan1",
        "LAN-VANQUAN-2024",
        "x" * 201,
    ],
)
def test_weak_passwords_are_refused_with_a_reason(password: str) -> None:
    assert fault_of(password, "lan.vanquan")


@pytest.mark.parametrize("password", ["trâu ăn cỏ bờ đê", "Kỳ Cùng chảy ngược 7 lần"])
def test_a_sentence_is_a_good_password(password: str) -> None:
    assert fault_of(password, "lan.vanquan") is None


def test_the_first_password_that_is_given_out_is_a_good_one() -> None:
    assert fault_of(one_time_password(), "lan.vanquan") is None


def test_a_password_is_the_same_however_the_keyboard_writes_its_letters() -> None:
    stored = hash_of_password(unicodedata.normalize("NFC", "trâu ăn cỏ bờ đê"))
    assert is_password(unicodedata.normalize("NFD", "trâu ăn cỏ bờ đê"), stored)
    assert not is_password("trau an co bo de", stored)


def test_a_hash_shows_nothing_of_its_password_and_is_salted() -> None:
    first, second = hash_of_password("trâu ăn cỏ bờ đê"), hash_of_password("trâu ăn cỏ bờ đê")
    assert first != second
    assert "trâu" not in first


def test_nothing_is_the_password_of_an_account_without_one() -> None:
    assert not is_password("", None)
    assert not is_password("trâu ăn cỏ bờ đê", None)
    assert not is_password("trâu ăn cỏ bờ đê", "no hash at all")
