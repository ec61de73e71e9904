"""One manager: it serves two gRPC services, and while it leads, every duty of the swarm.

leadership gained ──> Lead.run(): one TaskGroup of loops, sessions, liveness, quorum
leadership lost   ──> all of it cancelled; calls that stand on it end with NotLeader
a duty fails      ──> the same, and the lead is handed to another manager
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import grpc
import structlog

from swarmpy.errors import SwarmPyError
from swarmpy.ids import IdSource
from swarmpy.manager.api.nouns import control_parts
from swarmpy.manager.dispatcher.agents import Agents
from swarmpy.manager.dispatcher.membership import Membership
from swarmpy.manager.dispatcher.streams import Streams
from swarmpy.manager.forwarding import ControlGate
from swarmpy.manager.join_server import AtHome, JoinServer, here
from swarmpy.manager.lead import LOOPS, Lead
from swarmpy.manager.loop import ControlLoop
from swarmpy.manager.seat import Seat
from swarmpy.manager.serving import (
    Behaviour,
    Caller,
    Context,
    Method,
    add_to_server,
    answer_on,
    methods,
)
from swarmpy.manager.settings import ManagerSettings
from swarmpy.pb import control_pb2, dispatcher_pb2
from swarmpy.rpc.peer import Peer, peer_of
from swarmpy.seams import Clock, Consensus, Neighbours, Transport
from swarmpy.store.store import Store
from swarmpy.task_group import TaskGroup

log = structlog.get_logger()

RETRY_FIRST_S = 1.0
RETRY_MAX_S = 30.0


class Manager:
    """`register` on every gRPC server of the node, then `run` in a task of the node's own."""

    def __init__(  # noqa: PLR0913  everything a manager touches, handed over once
        self,
        *,
        store: Store,
        consensus: Consensus,
        transport: Transport,
        clock: Clock,
        ids: IdSource,
        rng: random.Random,
        neighbours: Neighbours,
        settings: ManagerSettings | None = None,
        loops: tuple[type[ControlLoop], ...] = LOOPS,
        who_calls: Callable[[Context], Peer] = peer_of,
        at_home: AtHome = here,
    ) -> None:
        """`rng` makes the secrets of join tokens: in production a `random.SystemRandom`.
        `at_home` is for a cluster port that another loop serves.
        """
        settings = settings or ManagerSettings()
        self._seat = Seat(store, consensus, clock, ids, rng, neighbours, settings)
        self._loops = loops
        self._who_calls = who_calls
        self._held: Lead | None = None
        self._shall_lead = False
        self._gate = ControlGate(self._seat, transport, self.lead, who_calls)
        self.join_server = JoinServer(self._seat, transport, at_home)

    def register(self, server: grpc.aio.Server) -> None:
        """Serve Control and Dispatcher. May be called for several servers."""
        control = control_pb2.DESCRIPTOR.services_by_name["Control"]
        parts = control_parts(self._seat, self.lead)
        add_to_server(server, control, methods(control, parts), self._gate.behaviour_of)
        dispatcher = dispatcher_pb2.DESCRIPTOR.services_by_name["Dispatcher"]
        agents: list[object] = [
            Agents(self._seat, self.lead),
            Membership(self._seat, self.lead),
            Streams(self._seat, self.lead),
        ]
        add_to_server(server, dispatcher, methods(dispatcher, agents), self._for_nodes)

    def lead(self) -> Lead:
        """Return what this manager holds as the leader. Raises NotLeader."""
        if self._held is None or not self._seat.leads:
            raise self._seat.not_leader()
        return self._held

    async def run(self) -> None:
        """Lead whenever this manager is the leader, until cancelled."""
        try:
            async with TaskGroup() as group:
                leading: asyncio.Task[None] | None = None
                try:
                    async for leadership in self._seat.consensus.watch_leadership():
                        if leadership.is_self and leading is None:
                            self._shall_lead = True
                            leading = group.create_task(self._lead(leadership.term))
                        elif not leadership.is_self and leading is not None:
                            self._shall_lead = False
                            leading.cancel()
                            await asyncio.wait([leading])
                            leading = None
                finally:
                    self._shall_lead = False
                    if leading is not None:
                        leading.cancel()
        finally:
            await self._gate.close()

    async def _lead(self, term: int) -> None:
        """Do the leader's duties; begin again, after a pause, when one of them fails and
        nobody else takes over.

        A duty that fails while all are cancelled hides the cancellation: its TaskGroup tells
        of the failure alone. So what counts is whether this manager shall lead.
        """
        pause_s = RETRY_FIRST_S
        while True:
            log.info("leading", node=self._seat.node_id, term=term)
            await self._lead_once()
            if not self._shall_lead:
                return
            await self._hand_over()
            await self._seat.clock.sleep(pause_s)
            pause_s = min(2 * pause_s, RETRY_MAX_S)

    async def _lead_once(self) -> None:
        """Return only when a duty has failed."""
        await self._seat.store.until(lambda view: len(view.clusters) > 0, ("clusters",))
        lead = Lead(self._seat, self._loops)
        self._held = lead
        try:
            await lead.run()
        except Exception:  # whatever ails a duty here, another manager may be well
            if self._seat.leads:
                log.exception("leader_duty_failed", node=self._seat.node_id)
        finally:
            self._held = None
            lead.end()
            log.info("leading_ended", node=self._seat.node_id)

    async def _hand_over(self) -> None:
        try:
            await self._seat.consensus.transfer_leadership()
        except SwarmPyError as error:
            log.warning("leadership_not_handed_over", error=str(error))

    def _for_nodes(self, method: Method) -> Behaviour:
        """Return what gRPC calls for a method of the dispatcher: only the leader answers."""

        async def behaviour(request: Any, context: Context) -> bytes | None:
            peer = self._who_calls(context)
            return await answer_on(self.lead(), method, request, Caller(context).send, peer)

        return behaviour
