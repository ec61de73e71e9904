"""docs/cli.md says what the program says."""

from __future__ import annotations

from pathlib import Path

from swarmpy.cli.main import COMMANDS
from swarmpy.cli.reference import reference

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_reference_is_current() -> None:
    assert DOCUMENT.read_text() == reference(), "run python -m swarmpy.cli.reference > docs/cli.md"


def test_the_reference_has_every_command() -> None:
    lines = DOCUMENT.read_text().splitlines()
    assert all(f"## swarmpy {name}" in lines for name in COMMANDS)
