"""Callers and their scopes, as far as they need no database."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import create_async_engine

from shared.access.authenticator import Authenticator
from shared.access.caller import agency_id
from shared.access.oidc_tokens import Issuer
from shared.problems import Problem, Problems
from shared.settings import Settings

NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:9/nothing"


@given(st.text() | st.text("ntm_0123456789abcdef.-=", max_size=80) | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_header_that_is_not_a_key_is_looked_up(credential: str) -> None:
    wanted = Settings(database_url=SecretStr(NOWHERE), oidc_issuer="http://127.0.0.1:9", oidc_audience="a")

    async def ask() -> None:
        keys = Authenticator(create_async_engine(NOWHERE), Issuer.of(wanted))
        for header in (credential, f"Bearer {credential}", f"Bearer {credential}\udcff.."):
            with pytest.raises(Problem) as caught:
                await keys.caller(header)
            assert caught.value.kind in (Problems.NO_KEY, Problems.WRONG_KEY)
            assert caught.value.__cause__ is None

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Phòng LĐTBXH Văn Quan", "phong-ldtbxh-van-quan"),
        ("Đoàn  Thanh niên (xã)", "doan-thanh-nien-xa"),
        ("a.b.>.*", "a-b"),
    ],
)
def test_an_agencys_id_is_its_name_in_plain_letters(name: str, plain: str) -> None:
    assert agency_id(name) == plain
    assert agency_id(plain) == plain


@given(st.text())
def test_an_agencys_id_can_stand_in_a_subject(name: str) -> None:
    try:
        found = agency_id(name)
    except ValueError:
        return
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", found)
    assert len(found) <= 64
