"""A leader with two workers in its store, its duties running, and a clock moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from swarmpy.testing import builders
from tests.manager.fake_agent import Swarm
from tests.manager.one_manager import leading_seat, put


@pytest.fixture
async def swarm() -> AsyncIterator[Swarm]:
    seat = await leading_seat()
    await put(seat.store, nodes=[builders.node("w1"), builders.node("w2")])
    swarm = Swarm(seat)
    yield swarm
    await swarm.close()
