"""What a manager has in hand only while it leads. The next leader begins without any of it.

Everything here is rebuilt from the store and from what agents say, so nothing is handed over.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from swarmpy.manager.autoscaler import Autoscaler
from swarmpy.manager.dispatcher.liveness import Liveness
from swarmpy.manager.dispatcher.roster import Roster
from swarmpy.manager.dispatcher.statuses import Statuses
from swarmpy.manager.exec_broker import ExecBroker
from swarmpy.manager.expired_tokens import ExpiredTokens
from swarmpy.manager.leash import Leashes
from swarmpy.manager.log_broker import LogBroker
from swarmpy.manager.loop import ControlLoop
from swarmpy.manager.loops.gossip_keys import GossipKeyDuty
from swarmpy.manager.loops.orchestration import ORCHESTRATION_LOOPS
from swarmpy.manager.loops.placement import PLACEMENT_LOOPS
from swarmpy.manager.outdated_files import OutdatedFiles
from swarmpy.manager.probe_broker import ProbeBroker
from swarmpy.manager.quorum import QuorumDuty
from swarmpy.manager.seat import Seat
from swarmpy.task_group import TaskGroup

LOOPS: tuple[type[ControlLoop], ...] = (*PLACEMENT_LOOPS, *ORCHESTRATION_LOOPS, ExpiredTokens)


class Lead:
    """The sessions, the brokers, and every duty, for one time of leading."""

    def __init__(self, seat: Seat, loops: tuple[type[ControlLoop], ...] = LOOPS) -> None:
        self._seat = seat
        self._loops = loops
        self._leashes = Leashes()
        self.roster = Roster(seat)
        self.statuses = Statuses(seat)
        self.liveness = Liveness(seat, self.roster)
        self.logs = LogBroker(seat, self.roster)
        self.execs = ExecBroker(seat, self.roster)
        self.probes = ProbeBroker(seat, self.roster)
        self.autoscaler = Autoscaler(seat, self.roster)

    def held(self) -> AbstractAsyncContextManager[None]:
        """Give a block that ends with NotLeader when this time of leading ends."""
        return self._leashes.held()

    async def run(self) -> None:
        """Do every duty until cancelled; one that fails ends all of them."""
        seat = self._seat
        async with TaskGroup() as duties:
            for loop in self._loops:
                control_loop = loop(seat.store, seat.clock, seat.ids)
                duties.create_task(control_loop.run(), name=loop.__name__)
            duties.create_task(self.roster.run(), name="roster")
            duties.create_task(self.statuses.run(), name="statuses")
            duties.create_task(self.liveness.run(), name="liveness")
            duties.create_task(QuorumDuty(seat).run(), name="quorum")
            duties.create_task(GossipKeyDuty(seat).run(), name="gossip keys")
            duties.create_task(self.autoscaler.run(), name="autoscaler")
            duties.create_task(OutdatedFiles(seat).run(), name="outdated files")

    def end(self) -> None:
        """End every call that was answered from here."""
        self._leashes.pull(self._seat.not_leader())
