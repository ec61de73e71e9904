"""Says which nodes are up. Heartbeats stay in the leader's memory; only changes are stored.

A node is DOWN after three periods of silence and READY again with the next thing it says; after
one period already when its neighbours are certain that it is dead, or that it left, unless they say
so of many nodes at once: that may as well be a fault of the network. When this manager begins to
lead, nodes have to find it first, so each gets `takeover_s`, except the managers that do not answer
as such. When it was itself asleep, each gets three periods anew: whoever did not listen cannot say
who was silent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import structlog

from swarmpy.errors import Conflict
from swarmpy.manager.dispatcher.roster import Roster
from swarmpy.manager.events import name_of, tell_of_node
from swarmpy.manager.seat import Seat
from swarmpy.pb.gossip_pb2 import GOSSIP_STATE_DEAD, GOSSIP_STATE_LEFT
from swarmpy.pb.objects_pb2 import Node
from swarmpy.pb.types_pb2 import NODE_STATE_DOWN, NODE_STATE_READY, NodeState
from swarmpy.store.editor import Editor

log = structlog.get_logger()

GONE = frozenset({GOSSIP_STATE_DEAD, GOSSIP_STATE_LEFT})


class Liveness:
    """Hears every message of every session, and looks twice per period."""

    def __init__(self, seat: Seat, roster: Roster) -> None:
        self._seat = seat
        self._roster = roster
        self._heard_at: dict[str, float] = {}
        self.table_hashes: dict[str, int] = {}
        """Node id -> what its last heartbeat said of the endpoints that it knows."""
        self._looked_at = seat.clock.monotonic()
        self._skewed: set[str] = set()

    def heard(self, node_id: str) -> None:
        """Note that a node said something just now."""
        self._heard_at[node_id] = self._seat.clock.monotonic()

    async def clock_of(self, node_id: str, sent_at_ms: int) -> None:
        """Tell people, once, of a node whose clock is far from this manager's."""
        skew_s = (sent_at_ms - self._seat.now_ms) / 1000
        if abs(skew_s) <= self._seat.settings.agent_clock_skew_s or node_id in self._skewed:
            return
        self._skewed.add(node_id)
        log.warning("clock_skew", node=node_id, skew_s=skew_s)

        def decide(tx: Editor) -> None:
            node = tx.view.nodes.get(node_id)
            ahead = "ahead of" if skew_s > 0 else "behind"
            message = f"its clock is {abs(skew_s):.0f} s {ahead} the manager's: run NTP on both"
            tell_of_node(self._seat, tx, node, "ClockSkew", message, warning=True)

        await self._seat.write(decide)

    async def run(self) -> None:
        """Store who is up and who is not, until cancelled."""
        while True:
            period_s = self._seat.heartbeat_s
            await self._seat.clock.sleep(period_s / 2)
            try:
                await self.look(period_s)
            except Conflict:
                continue

    async def look(self, period_s: float) -> None:
        """Compare what is stored with what was heard, and store the differences."""
        now = self._seat.clock.monotonic()
        nodes = list(self._seat.store.view.nodes)
        overslept = now - self._looked_at > 2 * period_s
        self._looked_at = now
        silence_s = period_s * self._seat.settings.missed_periods
        if overslept:
            self._heard_at = {node_id: max(at, now) for node_id, at in self._heard_at.items()}
        self._heard_at = {
            node.id: self._heard_at.get(node.id, now + self._head_start_s(node, silence_s))
            for node in nodes
        }
        changes = states_to_store(
            nodes,
            {node_id: now - at for node_id, at in self._heard_at.items()},
            silence_s=silence_s,
            dead_silence_s=period_s,
            connected={node.id for node in nodes if node.id in self._roster},
            dead=self._called_dead(nodes),
        )
        if not changes:
            return
        async with self._seat.store.update() as tx:
            for node_id, state in changes.items():
                store_state(self._seat, tx, node_id, state)

    def _called_dead(self, nodes: Sequence[Node]) -> frozenset[str]:
        """Return the nodes that gossip is certain to be gone; none when they are too many."""
        members = self._seat.neighbours.picture.members
        dead = {
            node.id
            for node in nodes
            if (one := members.get(node.id)) is not None and one.state in GONE and one.certain
        }
        newly = [node for node in nodes if node.id in dead and node.status.state != NODE_STATE_DOWN]
        most = max(1, int(len(nodes) * self._seat.settings.gossip_deaths_max))
        if len(newly) > most:
            log.warning("gossip_deaths_not_believed", nodes=len(newly), most=most)
            return frozenset()
        return frozenset(dead)

    def _head_start_s(self, node: Node, silence_s: float) -> float:
        """Return how much longer than others a node may be silent that was never heard here."""
        consensus = self._seat.consensus
        if node.id in consensus.members() and node.id not in consensus.reachable():
            return 0.0  # it would have voted, or followed: most likely it is what led before
        return max(0.0, self._seat.settings.takeover_s - silence_s)


def states_to_store(
    nodes: Iterable[Node],
    quiet_s: Mapping[str, float],
    *,
    silence_s: float,
    dead_silence_s: float,
    connected: Iterable[str],
    dead: Collection[str],
) -> dict[str, NodeState.ValueType]:
    """Return the nodes whose stored state is not what was heard. Pure."""
    connected = frozenset(connected)
    changes: dict[str, NodeState.ValueType] = {}
    for node in nodes:
        if quiet_s[node.id] >= (dead_silence_s if node.id in dead else silence_s):
            if node.status.state != NODE_STATE_DOWN:
                changes[node.id] = NODE_STATE_DOWN
        elif node.id in connected and node.status.state != NODE_STATE_READY:
            changes[node.id] = NODE_STATE_READY
    return changes


def store_state(seat: Seat, tx: Editor, node_id: str, state: NodeState.ValueType) -> None:
    """Write a node's state, with the event that people see; nothing when it is that already."""
    with tx.nodes.edit(node_id) as node:
        if node.status.state == state:
            return
        node.status.state = state
        node.status.since_ms = seat.now_ms
        if state == NODE_STATE_DOWN:
            node.status.message = "nothing heard from it for three heartbeats"
            tell_of_node(seat, tx, node, "NodeDown", node.status.message, warning=True)
        else:
            node.status.message = ""
            tell_of_node(seat, tx, node, "NodeReady", f"{name_of(node)} is up")
    log.info("node_state", node=node_id, state=NodeState.Name(state))
