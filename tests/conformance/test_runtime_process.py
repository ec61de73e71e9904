from pathlib import Path

import pytest

from swarmpy.daemon.clock import SystemClock
from swarmpy.runtime.process import ProcessRuntime
from swarmpy.testing.conformance.runtime import PROMISES, Promise, Subject
from tests.conformance.shell_programs import ShellPrograms


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_process_runtime(promise: Promise, tmp_path: Path) -> None:
    clock = SystemClock()

    def made(node_id: str) -> ProcessRuntime:
        return ProcessRuntime(node_id, "127.0.0.1", tmp_path / node_id, clock)

    programs = ShellPrograms(image="process", no_image="process")
    other = made("n2")
    subject = Subject(made("n1"), other, lambda: made("n1"), programs, clock)
    try:
        await promise(subject)
    finally:
        for runtime in (made("n1"), other):
            await runtime.remove_all()
        await subject.runtime.close()
