"""What this node says of itself: the engine's words, with the node's own name."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from swarmpy import __version__
from swarmpy.errors import EngineUnavailable
from swarmpy.pb.objects_pb2 import NodeDescription
from swarmpy.seams import Clock, Runtime

log = structlog.get_logger()

RETRY_S = 2.0
REFRESH_S = 30.0
"""How often the engine is asked whether it is still what it was."""


class Description:
    """Asks the engine. A node whose engine never answered has nothing to say to managers, so
    they give it no tasks.
    """

    def __init__(
        self, runtime: Runtime, clock: Clock, hostname: str, generic: Mapping[str, int]
    ) -> None:
        """`hostname` is what the node calls itself; empty is what the engine says. `generic` are
        the resources that no engine counts: kinds, and how many of each.
        """
        self._runtime = runtime
        self._clock = clock
        self._hostname = hostname
        self._generic = generic
        self._known: NodeDescription | None = None

    async def first(self) -> NodeDescription:
        """Return the description once the engine answers, however long that takes."""
        said = ""
        while self._known is None:
            try:
                return await self._ask()
            except EngineUnavailable as error:
                if error.message != said:
                    said = error.message
                    log.warning("engine_unavailable", error=said, remedy=error.remedy)
                await self._clock.sleep(RETRY_S)
        return self._known

    async def changed(self) -> NodeDescription:
        """Return once it is another than was returned last."""
        while True:
            await self._clock.sleep(REFRESH_S)
            before = self._known
            try:
                now = await self._ask()
            except EngineUnavailable:
                continue
            if now != before:
                return now

    async def _ask(self) -> NodeDescription:
        description = NodeDescription()
        description.CopyFrom(await self._runtime.describe())
        if self._hostname:
            description.hostname = self._hostname
        description.resources.generic.update(self._generic)
        description.swarmpy_version = __version__
        self._known = description
        return description
