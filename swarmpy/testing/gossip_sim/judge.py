"""What gossip promises, looked at whenever a machine tells that something happened."""

from __future__ import annotations

from swarmpy.core.gossip.events import EndpointChanged, Event, Key, MemberDead
from swarmpy.pb.gossip_pb2 import GossipEndpoint
from swarmpy.testing.gossip_sim.machine import Machine
from swarmpy.testing.gossip_sim.story import GossipStory
from swarmpy.testing.gossip_sim.swarm import GossipSwarm
from swarmpy.testing.gossip_sim.tasks import Tasks

Version = tuple[int, int]


class Judge:
    """Watches a swarm. Nobody but the owner writes a key, and no version ever goes back."""

    def __init__(self, swarm: GossipSwarm, story: GossipStory) -> None:
        self._swarm = swarm
        self._story = story
        self._written: dict[tuple[Key, Version], bytes] = {}
        self._seen: dict[tuple[int, int, Key], Version] = {}
        """(machine, its life, key) -> the version it showed last."""
        self.deaths: list[tuple[float, int, str]] = []
        """(when, who said so, of whom)."""
        swarm.watchers.append(self._watch)

    def _watch(self, now: float, machine: Machine, event: Event) -> None:
        if isinstance(event, EndpointChanged):
            self._look_at(now, machine, event.endpoint)
        elif isinstance(event, MemberDead):
            self.deaths.append((now, machine.index, event.node_id))
            certain = event.certain
            self._story.tell(now, "DEAD", node=event.node_id, by=machine.index, certain=certain)
        else:
            self._story.tell(now, type(event).__name__, by=machine.index)

    def _look_at(self, now: float, machine: Machine, endpoint: GossipEndpoint) -> None:
        key = (endpoint.network_id, endpoint.task_id)
        version = (endpoint.version.epoch, endpoint.version.sequence)
        content = endpoint.SerializeToString(deterministic=True)
        who = f"node {machine.index}"
        if endpoint.owner_id == machine.node_id:
            before = self._written.setdefault((key, version), content)
            if before != content:
                self._story.blame(now, f"{who} wrote {key} twice in version {version}")
        elif self._written.get((key, version)) != content:
            self._story.blame(now, f"{who} shows of {key} what its owner never wrote")
        seen = (machine.index, machine.epoch, key)
        if self._seen.get(seen, version) > version:
            self._story.blame(now, f"{who} went back with {key} to {version}")
        self._seen[seen] = version


def unequal(swarm: GossipSwarm) -> str:
    """Return why the tables of all that are up are not one; empty when they are."""
    hashes = {machine.gossip.table_hash for machine in swarm.up()}
    if len(hashes) > 1:
        return f"{len(hashes)} different tables on {len(swarm.up())} nodes"
    members = {machine.gossip.members_hash for machine in swarm.up()}
    return f"{len(members)} different lists of members" if len(members) > 1 else ""


def untrue(swarm: GossipSwarm, tasks: Tasks) -> str:
    """Return what a node shows wrongly; empty when all show exactly what runs."""
    truth = tasks.all_of(swarm.up())
    for machine in swarm.up():
        if machine.gossip.alive != len(swarm.up()):
            return f"node {machine.index} sees {machine.gossip.alive} of {len(swarm.up())} alive"
        shown = {(e.network_id, e.task_id): e for e in machine.gossip.endpoints()}
        if shown.keys() != truth.keys():
            missing, extra = len(truth.keys() - shown.keys()), len(shown.keys() - truth.keys())
            return f"node {machine.index} lacks {missing} endpoints and shows {extra} too many"
        for key, endpoint in shown.items():
            if endpoint.health != truth[key].health:
                return f"node {machine.index} shows {key} as it was before"
    return ""
