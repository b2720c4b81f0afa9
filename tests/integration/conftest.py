"""Fixtures that several integration tests share.

`around`, `intake` and `scoring` are made for each test; `shared_around`, `shared_intake` and `shared_scoring` for all
tests of a module, which do not disturb their state.
"""

from __future__ import annotations

import pytest

from tests.running import Service, Surroundings


@pytest.fixture
async def intake(around: Surroundings) -> Service:
    """A running intake of the test's own."""
    return await around.start("intake")


@pytest.fixture
async def scoring(around: Surroundings) -> Service:
    """A running scoring of the test's own."""
    return await around.start("scoring")


@pytest.fixture(scope="module")
async def shared_intake(shared_around: Surroundings) -> Service:
    """A running intake for all tests of a module."""
    return await shared_around.start("intake")


@pytest.fixture(scope="module")
async def shared_scoring(shared_around: Surroundings) -> Service:
    """A running scoring for all tests of a module."""
    return await shared_around.start("scoring")


@pytest.fixture(scope="module")
async def key(shared_around: Surroundings) -> str:
    """The key of the office of the district Văn Quan (184), for all tests of a module."""
    return await shared_around.key("184", agency="district-184")
