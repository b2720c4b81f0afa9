"""Fixtures that several integration tests share."""

from __future__ import annotations

import pytest

from tests.running import Service, Surroundings


@pytest.fixture(scope="module")
async def intake(shared_around: Surroundings) -> Service:
    """Intake for all tests of a module, which do not disturb its state."""
    return await shared_around.start("intake")
