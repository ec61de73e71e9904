"""The program itself: quick help, one clear message for an error, the documented exit codes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

import swarmpy
from swarmpy import errors
from swarmpy.cli.main import COMMANDS, app
from tests.cli.conftest import Run
from tests.client.fake_control import FakeControl


def test_help_names_every_command() -> None:
    said = CliRunner().invoke(app, ["--help"])
    assert said.exit_code == 0
    assert all(f"  {name} " in said.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    said = CliRunner().invoke(app, [name, "--help"])
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith("Usage:")


def test_help_imports_neither_grpc_nor_rich() -> None:
    program = (
        "import sys\nfrom swarmpy.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'grpc', 'rich', 'google', 'yaml', 'docker', 'cryptography'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert time.monotonic() - began < 2.0, "0.1 s alone; the bound allows for a busy machine"


def test_importing_swarmpy_imports_no_client() -> None:
    program = "import sys, swarmpy; sys.exit('grpc' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_version_prints_the_version() -> None:
    assert CliRunner().invoke(app, ["version"]).stdout.strip() == swarmpy.__version__


def test_an_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(app, ["swim"]).exit_code == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFound("x"), 1),
        (errors.InvalidInput("x"), 2),
        (errors.CannotBePlaced("x"), 3),
        (errors.Unhealthy("x"), 4),
        (errors.RolledBack("x"), 4),
        (errors.TimedOut("x"), 5),
        (errors.Conflict("x"), 6),
        (errors.AlreadyExists("x"), 6),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_errors_end_the_program_with_their_exit_code(
    run: Run, control: FakeControl, error: errors.SwarmPyError, code: int
) -> None:
    control.failures["ListStacks"] = [error]
    assert run("stack", "ls").exit_code == code


def test_an_error_is_one_message_and_a_hint(run: Run) -> None:
    said = run("service", "inspect", "nothing")
    assert said.stdout == ""
    assert said.stderr == "error: no service is named 'nothing'\nhint: swarmpy service ls\n"
    assert said.exit_code == 1


def test_debug_shows_where_an_error_comes_from(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARMPY_DEBUG", "1")
    assert isinstance(run("service", "inspect", "nothing").exception, errors.NotFound)


def test_without_a_daemon_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMPY_HOST", f"unix://{tmp_path}/none.sock")
    said = CliRunner().invoke(app, ["node", "ls"])
    assert said.exit_code == 1
    assert said.stderr.startswith("error: no node daemon answers at")
    assert "hint: swarmpy init" in said.stderr
