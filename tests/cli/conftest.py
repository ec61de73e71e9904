from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from swarmpy.cli.main import app
from tests.client.fake_control import FakeControl
from tests.client.served import served

Run = Callable[..., Any]


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
def run(control: FakeControl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run `swarmpy` with these words against a fake swarm."""
    with served(control, tmp_path / "s.sock") as address:
        monkeypatch.setenv("SWARMPY_HOST", address)
        monkeypatch.delenv("SWARMPY_DEBUG", raising=False)
        yield lambda *words, stdin=None: CliRunner().invoke(app, list(words), input=stdin)
