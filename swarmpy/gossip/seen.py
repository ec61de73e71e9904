"""What a gossip process has told so far, as the picture that others are given."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from swarmpy.pb.gossip_local_pb2 import GossipChanges, GossipPulse, GossipReport, GossipSighting
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_SUSPECT,
    GossipEndpoint,
    GossipMember,
    GossipState,
)
from swarmpy.seams import GossipPicture, Neighbour

ALIVE = frozenset({GOSSIP_STATE_ALIVE, GOSSIP_STATE_SUSPECT})

NOTHING = GossipPicture({}, (), 0, 0, 0, {})


@dataclass(frozen=True, slots=True)
class _Sight:
    member: GossipMember
    state: GossipState.ValueType
    since: float
    certain: bool


@dataclass(slots=True)
class Seen:
    """One process's tale."""

    _members: dict[str, _Sight] = field(default_factory=dict)
    _endpoints: dict[tuple[str, str], GossipEndpoint] = field(default_factory=dict)
    _sorted: tuple[GossipEndpoint, ...] | None = None
    _pulse: GossipPulse = field(default_factory=GossipPulse)

    def __len__(self) -> int:
        """How many members and endpoints there are."""
        return len(self._members) + len(self._endpoints)

    def take(self, report: GossipReport, now: float) -> bool:
        """Take in a report; False when it is of another kind."""
        match report.WhichOneof("report"):
            case "sighting":
                self._see(report.sighting, now)
            case "changes":
                self._change(report.changes)
            case "pulse":
                self._pulse = report.pulse
            case _:
                return False
        return True

    def _see(self, sighting: GossipSighting, now: float) -> None:
        for one in sighting.members:
            sight = _Sight(one.member, one.state, now - one.age_s, one.certain)
            self._members[one.member.node_id] = sight
        for node_id in sighting.forgotten:
            self._members.pop(node_id, None)

    def _change(self, changes: GossipChanges) -> None:
        self._sorted = None
        for endpoint in changes.put:
            self._endpoints[endpoint.network_id, endpoint.task_id] = endpoint
        for key in changes.gone:
            self._endpoints.pop((key.network_id, key.task_id), None)

    def member(self, node_id: str) -> GossipMember | None:
        sight = self._members.get(node_id)
        return None if sight is None else sight.member

    def addresses(self, most: int) -> list[str]:
        """Return where some members that were alive when last heard of answer."""
        alive = (one.member.address for one in self._members.values() if one.state in ALIVE)
        return list(itertools.islice(alive, most))

    def picture(self, now: float) -> GossipPicture:
        """Return all of it as it is at `now`."""
        if self._sorted is None:
            self._sorted = tuple(self._endpoints[key] for key in sorted(self._endpoints))
        return GossipPicture(
            members={
                node_id: Neighbour(one.member, one.state, max(0.0, now - one.since), one.certain)
                for node_id, one in sorted(self._members.items())
            },
            endpoints=self._sorted,
            table_hash=self._pulse.table_hash,
            health=self._pulse.health,
            malformed=self._pulse.malformed,
            dropped=dict(self._pulse.dropped),
        )
