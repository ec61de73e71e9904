"""`scripts/quickstart --once` does it all within a minute and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.local_swarm import ENGINE, docker, require_engine

QUICKSTART = Path(__file__).parents[2] / "scripts" / "quickstart"
NO_ENGINE = "unix:///nowhere/docker.sock"
READY_S = 60.0
STOP_S = 30.0


def quickstart(engine: str, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [QUICKSTART, *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DOCKER_HOST": engine, "NO_COLOR": "1"},
    )


def end_of(process: subprocess.Popen[str], timeout_s: float) -> str:
    """Return what it printed; it must end well."""
    printed, _ = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, printed
    return printed


def assert_it_worked(printed: str, runtime: str) -> None:
    assert f"runtime   {runtime}" in printed
    assert re.search(r"^swarm +3 managers, 2 workers ready after [\d.]+ s$", printed, re.MULTILINE)
    assert re.search(r"^answers +http://\S+ by 3 replicas$", printed, re.MULTILINE)
    [total] = re.findall(r"^total +([\d.]+) s$", printed, re.MULTILINE)
    assert float(total) <= READY_S


def assert_nothing_stays(printed: str) -> None:
    [state_dir] = re.findall(r"^state +(\S+)$", printed, re.MULTILINE)
    assert not Path(state_dir).exists()
    assert not processes_that_name(state_dir)


def processes_that_name(text: str) -> list[str]:
    """Return the ids of processes with `text` among their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes()
        except OSError:
            continue
        if text.encode() in arguments:
            found.append(path.parent.name)
    return found


@pytest.mark.engine
def test_hello_runs_in_containers_where_there_is_an_engine() -> None:
    require_engine()
    before = docker("ps", "-aq")
    printed = end_of(quickstart(ENGINE, "--once"), READY_S + STOP_S)
    assert_it_worked(printed, "docker")
    assert_nothing_stays(printed)
    assert docker("ps", "-aq") == before


def test_hello_process_runs_as_processes_where_there_is_no_engine() -> None:
    printed = end_of(quickstart(NO_ENGINE, "--once"), READY_S + STOP_S)
    assert_it_worked(printed, "process")
    assert_nothing_stays(printed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_a_signal_takes_it_all_down(number: signal.Signals) -> None:
    printed = ""
    deadline = time.monotonic() + READY_S
    with quickstart(NO_ENGINE) as process:
        assert process.stdout is not None
        try:
            while "Ctrl-C takes it all down" not in printed:
                assert time.monotonic() < deadline, printed
                line = process.stdout.readline()
                assert line, printed
                printed += line
            process.send_signal(number)
            printed += process.stdout.read()
        except BaseException:
            process.terminate()
            raise
    assert process.returncode == 0, printed
    assert_nothing_stays(printed)
