"""Wraps this manager's data keys as the swarm says, now and whenever that changes."""

from __future__ import annotations

import structlog

from swarmpy.daemon.data_key_file import RaftKeys
from swarmpy.raft.sealing import Sealing
from swarmpy.seams import Clock
from swarmpy.store.store import Store
from swarmpy.store.view import View

log = structlog.get_logger()

RETRY_S = 1.0


class KeyDuty:
    """Level-triggered: it compares the Cluster row with the key file, after every change."""

    def __init__(self, store: Store, raft_keys: RaftKeys, sealing: Sealing, clock: Clock) -> None:
        self._store = store
        self._raft_keys = raft_keys
        self._sealing = sealing
        self._clock = clock

    async def run(self) -> None:
        async for _ in self._store.watch(("clusters",)):
            while not self.look(self._store.view):
                await self._clock.sleep(RETRY_S)

    def look(self, view: View) -> bool:
        """Follow the swarm; False when the disk does not let it, so look again."""
        for cluster in view.clusters:
            try:
                changed = self._raft_keys.follow(cluster)
            except OSError as error:
                log.warning("data_keys_not_wrapped", error=str(error))
                return False
            if changed:
                self._sealing.keys = self._raft_keys.keys
                log.info(
                    "data_keys_wrapped",
                    autolock=self._raft_keys.is_autolocked,
                    newest=self._raft_keys.keys.newest_id,
                )
        return True
