"""One machine of a simulated swarm: what it keeps when power fails, and the daemon it runs.

outlives the daemon          disk and its keys, clock, containers
outlives nothing             connections, the store in memory, every task of the daemon
"""

from __future__ import annotations

import asyncio

from swarmpy.pb.objects_pb2 import ManagerStatus
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER
from swarmpy.raft.sealing import Sealing
from swarmpy.rpc.peer import Peer
from swarmpy.security.data_keys import DataKeys
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.fake_data_plane import FakeDataPlane
from swarmpy.testing.fake_runtime import FakeRuntime
from swarmpy.testing.faulty_disk import FaultyDisk
from swarmpy.testing.simulated_daemon import API_PORT, CLUSTER_ID, RAFT_PORT, STATE_DIR, Daemon
from swarmpy.testing.story import bug_in
from swarmpy.testing.world import World

RESTART_S = 5.0
"""After a daemon ended by itself, as systemd's RestartSec."""
DEATH_S = 60.0
"""How long a cancelled daemon may take to be gone."""
SYNC_S = 0.002
"""What a sync takes on a healthy disk."""


class SimulatedHost:
    """A node. Its name is its id, its hostname and its address, so that stories read well."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.disk = FaultyDisk(world.rng(f"{name}/disk"), self.clock, SYNC_S)
        rng = world.rng(f"{name}/sealing")
        self.sealing = Sealing(CLUSTER_ID, DataKeys.create(rng), rng)
        self.runtime = FakeRuntime(name, self.clock)
        self.data_plane = FakeDataPlane()
        self.daemon: Daemon | None = None
        """Set while it runs."""
        self._world = world
        self._boots = 0
        self._machine: asyncio.Task[None] | None = None
        self.disk.make_dir(STATE_DIR)
        world.network.add_host(name)

    @property
    def is_manager(self) -> bool:
        return self.name in self._world.managers

    @property
    def is_up(self) -> bool:
        return self._machine is not None

    def manager_status(self) -> ManagerStatus | None:
        """Return where it is reached as a manager; None for workers."""
        if not self.is_manager:
            return None
        return ManagerStatus(
            raft_address=f"{self.name}:{RAFT_PORT}", api_address=f"{self.name}:{API_PORT}"
        )

    def running(self) -> frozenset[str]:
        """Return the ids of the tasks whose containers run here."""
        return self.runtime.running()

    def identity(self) -> Peer:
        """Return what its certificate says."""
        role = NODE_ROLE_MANAGER if self.is_manager else NODE_ROLE_WORKER
        return Peer(self.name, role, CLUSTER_ID)

    # --- power

    def boot(self, *, found: bool = False) -> None:
        """Switch on and run the daemon; with `found`, begin a swarm of one manager."""
        assert self._machine is None, f"{self.name} is up"
        self._world.network.restart(self.name)
        self.disk.switch_on()
        self.runtime.available = True
        self._machine = asyncio.get_running_loop().create_task(self._keep_daemon(found=found))

    async def cut_power(self) -> None:
        """Switch off: what was not synced is lost, containers die, nobody is told."""
        self._world.network.crash(self.name)
        self.disk.switch_off()
        self.runtime.crash()
        self.runtime.available = False
        await self._end()

    async def stop_daemon(self) -> None:
        """End the daemon alone: the machine answers that nobody listens, containers run on."""
        self._world.network.hang_up(self.name)
        await self._end()

    async def _end(self) -> None:
        assert self._machine is not None, f"{self.name} is down"
        machine, self._machine = self._machine, None
        machine.cancel()
        _, alive = await asyncio.wait([machine], timeout=DEATH_S)
        if alive:
            self._world.story.blame(f"{self.name}: the daemon does not end when it is cancelled")

    # --- the daemon

    async def _keep_daemon(self, *, found: bool) -> None:
        """Run the daemon; start it again whenever it ends by itself."""
        own = asyncio.current_task()
        # When a part fails while it is cancelled, a TaskGroup tells of the failure alone.
        while self._machine is own:
            self._boots += 1
            try:
                daemon = Daemon(self, self._world, self._boots)
                self.daemon = daemon
                await daemon.run(found=found)
            except Exception as error:  # noqa: BLE001 - the boundary of a process
                self._bury(error)
            finally:
                self.daemon = None
            self._world.network.hang_up(self.name)
            if self._machine is own:
                await asyncio.sleep(RESTART_S)

    def _bury(self, error: Exception) -> None:
        self._world.story.tell("daemon_died", node=self.name, why=str(error))
        bug = bug_in(error)
        # A disk that fails ends a process as it should: what it had in memory may be wrong.
        if bug is not None and not isinstance(bug, OSError):
            self._world.story.blame_error(f"the daemon of {self.name} crashed", bug)
