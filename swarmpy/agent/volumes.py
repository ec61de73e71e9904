"""Removes the volumes that managers want removed, however long that takes, and tells of each."""

from __future__ import annotations

import asyncio

import structlog

from swarmpy.agent.dependencies import HeldDependencies
from swarmpy.errors import SwarmPyError
from swarmpy.pb.dispatcher_pb2 import VolumesRemoved
from swarmpy.pb.objects_pb2 import Volume
from swarmpy.seams import Clock, Runtime

log = structlog.get_logger()

RETRY_S = 2.0
"""How long to leave a volume alone that something still holds.

Longer lets data lie about that nobody wants; shorter asks the engine while a task takes its time
to stop.
"""


class Volumes:
    """What of this node's volumes is to go."""

    def __init__(self, needs: HeldDependencies, runtime: Runtime, clock: Clock) -> None:
        self._needs = needs
        self._runtime = runtime
        self._clock = clock
        self._due = asyncio.Event()
        self._gone: set[str] = set()
        self._progress = asyncio.Condition()

    def refresh(self) -> None:
        """Look at what is held again."""
        self._due.set()

    async def run(self) -> None:
        """Remove what is to be removed until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            left = [one for one in self._leaving() if not await self._remove(one)]
            async with self._progress:
                self._progress.notify_all()
            if left:
                await self._clock.sleep(RETRY_S)
                self._due.set()

    async def removed(self, told: VolumesRemoved | None) -> VolumesRemoved:
        """Return which volumes are gone that managers still name, once that is not `told`."""
        async with self._progress:
            await self._progress.wait_for(lambda: self._in_words() not in (None, told))
        return self._in_words() or VolumesRemoved()

    def _in_words(self) -> VolumesRemoved | None:
        ids = sorted(one.id for one in self._leaving(gone=True))
        return VolumesRemoved(volume_ids=ids) if ids else None

    def _leaving(self, *, gone: bool = False) -> list[Volume]:
        self._gone &= self._needs.volumes.keys()
        return [
            one
            for one in self._needs.volumes.values()
            if one.removing and (one.id in self._gone) is gone
        ]

    async def _remove(self, volume: Volume) -> bool:
        try:
            await self._runtime.remove_volume(volume)
        except SwarmPyError as error:
            log.info("volume_not_removed", volume=volume.spec.name, why=error.message)
            return False
        log.info("volume_removed", volume=volume.spec.name, id=volume.id)
        self._gone.add(volume.id)
        return True
