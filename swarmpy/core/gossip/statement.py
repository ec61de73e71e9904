"""What this node says of itself. Nobody else raises its version."""

from __future__ import annotations

from swarmpy.core.gossip.desk import Desk
from swarmpy.core.gossip.member import Version, copy_of, version_of
from swarmpy.core.gossip.roster import Roster
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_LEFT,
    GossipMember,
    GossipState,
)


class Statement:
    """Says that it is there, something new, that it lives after all, and good-bye."""

    def __init__(self, desk: Desk, roster: Roster) -> None:
        self.is_leaving = False
        self._desk = desk
        self._roster = roster

    def begin(self, now: float) -> None:
        """Count this node itself, and tell that it is there."""
        self._roster.own.since = now
        self._roster.count(self._roster.own, now)
        self._tell()

    def say(self, said: GossipMember, now: float) -> None:
        """Say something new, with an incarnation that beats what was said before."""
        self._roster.uncount(self._roster.own)
        self._desk.me = self._roster.own.said = said
        self._roster.own.version = version_of(said)
        self._roster.count(self._roster.own, now)
        self._tell()

    def leave(self, now: float) -> None:
        """Say good-bye, and no longer answer what is said of this node."""
        self.is_leaving = True
        self._roster.uncount(self._roster.own)
        self._roster.own.state, self._roster.own.is_up, self._roster.own.since = (
            GOSSIP_STATE_LEFT,
            False,
            now,
        )
        self._roster.count(self._roster.own, now)
        self._tell()

    def refute(self, state: GossipState.ValueType, version: Version, now: float) -> None:
        """Others say this of us: when it beats what we said, say something newer."""
        mine = self._roster.own.version
        if self.is_leaving or version < mine or (version == mine and state == GOSSIP_STATE_ALIVE):
            return
        self._desk.health.was_doubted()
        epoch = version[0] + 1 if version[0] > mine[0] else mine[0]
        incarnation = 1 if epoch > mine[0] else version[1] + 1
        said = copy_of(self._desk.me)
        said.epoch, said.incarnation = epoch, incarnation
        self.say(said, now)

    def _tell(self) -> None:
        self._desk.rumours.add(self._desk.me.node_id, self._roster.own.rumour(""))
