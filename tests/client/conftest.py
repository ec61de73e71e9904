from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from swarmpy.client.client import Client
from tests.client.fake_control import FakeControl, serving


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
async def address(control: FakeControl, tmp_path: Path) -> AsyncIterator[str]:
    async with serving(control, tmp_path / "s.sock") as address:
        yield address


@pytest.fixture
async def client(address: str) -> AsyncIterator[Client]:
    async with await Client.connect(address) as client:
        yield client
