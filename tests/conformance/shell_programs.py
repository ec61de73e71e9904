"""What tasks do where there is a shell, in the words of `sh`."""

from __future__ import annotations

from dataclasses import dataclass

from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import HealthCheck


@dataclass(frozen=True, slots=True)
class ShellPrograms:
    image: str
    no_image: str
    """Of a task that is to be refused."""

    def sleeps(self) -> ContainerSpec:
        return self._shell("trap 'exit 0' TERM; while :; do sleep 0.1; done")

    def ignores(self) -> ContainerSpec:
        return self._shell("trap '' TERM; while :; do sleep 0.1; done")

    def exits(self, code: int) -> ContainerSpec:
        return self._shell(f"exit {code}")

    def prints(self, out: str, err: str) -> ContainerSpec:
        return self._shell(f"echo '{out}'; echo '{err}' >&2")

    def unhealthy(self) -> ContainerSpec:
        container = self.sleeps()
        check = HealthCheck(test=["CMD", "false"], interval_s=0.2, retries=2)
        container.health_check.CopyFrom(check)
        return container

    def refused(self) -> ContainerSpec:
        return ContainerSpec(name="main", image=self.no_image, command=["/no/such/program"])

    def _shell(self, line: str) -> ContainerSpec:
        return ContainerSpec(name="main", image=self.image, command=["sh", "-c", line])
