import os
from pathlib import Path

import pytest

from swarmpy.daemon.clock import SystemClock
from swarmpy.runtime.docker import DockerRuntime
from swarmpy.testing.conformance.runtime import PROMISES, Promise, Subject
from tests.conformance.conftest import IMAGE
from tests.conformance.shell_programs import ShellPrograms

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_docker_runtime(promise: Promise, engine: str, tmp_path: Path) -> None:
    clock = SystemClock()

    def made(node: str) -> DockerRuntime:
        # Other runs may use the engine as well: no node id is used twice.
        node_id = f"{node}-{os.getpid()}-{promise.__name__}"
        return DockerRuntime(node_id, "127.0.0.1", engine, tmp_path / node, clock)

    programs = ShellPrograms(image=IMAGE, no_image="localhost:9/swarmpy/nowhere:1")
    other = made("n2")
    subject = Subject(made("n1"), other, lambda: made("n1"), programs, clock)
    try:
        await promise(subject)
    finally:
        for runtime in (subject.runtime, other):
            await runtime.remove_all()  # type: ignore[attr-defined]  # docker's own
            await runtime.close()
