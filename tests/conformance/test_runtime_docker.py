import pytest

from swarmpy.testing.conformance.behaviour import as_shell
from swarmpy.testing.conformance.pods import POD_PROMISES
from swarmpy.testing.conformance.runtime import PROMISES, Bench, Promise
from swarmpy.testing.conformance.runtime_files import FILE_PROMISES
from swarmpy.testing.conformance.runtime_volumes import VOLUME_PROMISES
from tests.conformance.conftest import IMAGE, MakeRuntime


@pytest.mark.engine
@pytest.mark.parametrize(
    "promise",
    PROMISES + POD_PROMISES + VOLUME_PROMISES + FILE_PROMISES,
    ids=lambda promise: promise.__name__,
)
async def test_docker_runtime(promise: Promise, docker_runtime: MakeRuntime, node_id: str) -> None:
    mine, other = docker_runtime(node_id), docker_runtime(f"{node_id}x")
    await promise(Bench(mine, other, node_id, lambda behaviour: as_shell(behaviour, IMAGE)))
