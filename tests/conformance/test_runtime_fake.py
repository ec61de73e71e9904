import asyncio
import random

import pytest

from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import HealthCheck
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.conformance.runtime import PROMISES, Promise, Subject
from swarmpy.testing.fake_runtime import FakeRuntime
from swarmpy.testing.virtual_loop import run


class Labels:
    """Programs of the fake runtime: see swarmpy/testing/fake_container.py."""

    def sleeps(self) -> ContainerSpec:
        return self._labelled()

    def ignores(self) -> ContainerSpec:
        return self._labelled(stop_s="1000")

    def exits(self, code: int) -> ContainerSpec:
        return self._labelled(exit_after_s="0.1", exit_code=str(code))

    def prints(self, out: str, err: str) -> ContainerSpec:
        return self._labelled(log=out, log_err=err, exit_after_s="0.1")

    def unhealthy(self) -> ContainerSpec:
        container = self._labelled(healthy_after_s="1000", unhealthy_after_s="1")
        container.health_check.CopyFrom(HealthCheck(test=["CMD", "false"]))
        return container

    def refused(self) -> ContainerSpec:
        return self._labelled(image="missing")

    def _labelled(self, **labels: str) -> ContainerSpec:
        said = {f"fake.{name}": value for name, value in labels.items()}
        return ContainerSpec(name="main", image="demo:1", labels=said)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_fake_runtime(promise: Promise) -> None:
    async def main(_: random.Random) -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        runtime, other = FakeRuntime("n1", clock), FakeRuntime("n2", clock)
        await promise(Subject(runtime, other, lambda: runtime, Labels(), clock))

    run(main, seed=1)
