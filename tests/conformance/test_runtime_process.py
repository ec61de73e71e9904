from pathlib import Path

import pytest

from swarmpy.daemon.clock import SystemClock
from swarmpy.runtime.process import ProcessRuntime
from swarmpy.testing.conformance.behaviour import as_shell
from swarmpy.testing.conformance.pods import POD_PROMISES
from swarmpy.testing.conformance.runtime import PROMISES, Bench, Promise
from swarmpy.testing.conformance.runtime_files import FILE_PROMISES
from swarmpy.testing.conformance.runtime_volumes import VOLUME_PROMISES


@pytest.mark.parametrize(
    "promise",
    PROMISES + POD_PROMISES + VOLUME_PROMISES + FILE_PROMISES,
    ids=lambda promise: promise.__name__,
)
async def test_process_runtime(promise: Promise, tmp_path: Path) -> None:
    nodes = [
        ProcessRuntime(node_id, "127.0.0.1", tmp_path / node_id, SystemClock())
        for node_id in ("n1", "n2")
    ]
    try:
        await promise(
            Bench(nodes[0], nodes[1], "n1", lambda behaviour: as_shell(behaviour, "process"))
        )
    finally:
        for node in nodes:
            await node.remove_all()
            await node.close()
