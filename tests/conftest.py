"""What all tests share: no test that should run may be skipped where SWARMPY_NO_SKIPS is set."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

import swarmpy  # noqa: F401  before any test imports gRPC, which reads its settings only then

settings.register_profile("untimed", deadline=None)  # a busy machine breaks no promise of ours
settings.load_profile("untimed")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and os.environ.get("SWARMPY_NO_SKIPS"):
        terminalreporter.write_line(
            f"SWARMPY_NO_SKIPS is set, but {len(skipped)} tests were skipped", red=True
        )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("SWARMPY_NO_SKIPS") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
