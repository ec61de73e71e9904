"""The ports that a make-believe engine binds: those asked for on the host, then the next ones."""

from __future__ import annotations

from itertools import count

from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import PUBLISH_MODE_HOST, PortBinding

FIRST_PORT = 32768


class FakePorts:
    """No port is given twice."""

    def __init__(self) -> None:
        self._next = count(FIRST_PORT)

    def bind(self, task: Task) -> tuple[PortBinding, ...]:
        """Return where each port of a task answers."""
        return tuple(
            PortBinding(
                protocol=port.protocol,
                target=port.target,
                host_port=port.published if port.mode == PUBLISH_MODE_HOST else next(self._next),
            )
            for port in task.ports
        )
