"""Every number that gossip turns on, with its formula and what raising it costs.

N is the number of members believed alive, log10 N at least 1. One profile holds for a whole swarm:
whoever is the first to be certain of a death has decided it for all, so a few impatient members
would make all others' patience void.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from swarmpy.core.gossip.suspicion import Bounds
from swarmpy.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Profile:
    """The defaults suit nodes within 100 ms of each other.

    A node that dies is suspected after e/(e-1) probe_interval_s on average. When two others
    confirm it, it is declared dead suspicion_min_s later if its process is gone, and silence_min_s
    later if its host is, or the way to it. All know a second after.
    """

    probe_interval_s: float = 0.5
    """One member is asked for a sign of life in each, in random order, all before any twice;
    times (1 + health). Raised: deaths are found later in proportion; lowered: more bytes (a
    probe is 165 bytes) and more false suspicions."""
    ack_timeout_s: float = 0.25
    """After this without an ack, others are asked and a stream is tried. Raised: less is left of
    the interval for them; lowered below the round trip: every probe costs five."""
    indirect_probes: int = 3
    """Members asked to probe on our behalf. A probe fails wrongly with probability about
    2p(4p)^k at loss p. Raised: more bytes for each failed probe."""
    nack_fraction: float = 0.8
    """Of ack_timeout_s, after which a helper says that it got no answer. Raised: nacks come
    after the probe has ended, and count as missing."""
    health_max: int = 7
    """Health counts our own missed duties: probes and timers slow down by (1 + health). Raised:
    a slow node does less harm, and takes longer to find others' deaths."""

    suspicion_multiplier: float = 4.0
    """suspicion_min_s = this * log10 N * probe_interval_s. Raised: deaths are known later in
    proportion; lowered to 3: six times as many false deaths when nodes are slow."""
    stillness_s: float = 6.0
    """silence_min_s = max(this, suspicion_min_s): how long a confirmed suspicion lasts of a member
    that does not refuse connections, but is silent. Whoever stands still for a second less is not
    declared dead: stopped, swapping, moved to another host. Raised: lost hosts are found later in
    small swarms, up to this; lowered below suspicion_min_s, of 6 s at N = 1,000: no effect."""
    suspicion_max_factor: float = 6.0
    """suspicion_max_s = max(this * suspicion_min_s, silence_min_s): how long a suspicion lasts
    that nobody confirms. Raised: a cut-off node blames others later."""
    confirmations: int = 2
    """So many other members' suspicions bring the timeout from max to min:
    max - (max - min) * log(c + 1) / log(this + 1). Raised: slower when few members probe."""
    tells_suspects: bool = True
    """Pings and acks tell a member what is believed of it, that it can refute at once. False
    only shows what that is worth."""
    mass_fraction: float = 0.3
    """When more than this part of the members vanish at once, the fault may be ours: their
    deaths are believed here and told to nobody. Raised: a small part of a partition tells the
    large one that it is dead; lowered: real deaths of many stay uncertain."""

    gossip_interval_s: float = 0.2
    """While there is something to tell, so often. Raised: all spreads slower in proportion."""
    gossip_fanout: int = 3
    """Members told each time. Raised: faster, and more bytes."""
    retransmit_multiplier: int = 4
    """A rumour is sent this * ceil(log10(N + 1)) times by each member. Raised: more bytes;
    lowered: more members miss it and wait for a digest."""
    lone_rumours: int = 6
    """With more than this waiting, each is sent `crowd_sends` times and digests do the rest.
    Raised: bursts clog the packets; lowered: two changes at once spread as slowly as many."""
    crowd_sends: int = 3
    """Raised: bytes for each change of a burst, in proportion."""
    rumours_waiting: int = 128
    """Of members and of endpoints each; the oldest are dropped, which digests then find.
    Raised: more memory, and bytes told after everybody knows."""
    told_dead_s: float = 30.0
    """The dead are told rumours for so long, so that one who lives can say so."""
    retry_interval_s: float = 1.0
    """A dead member is tried again so often; times N / (4 * dead) when that is more, so that a
    dead node is asked four times a second by all together. Raised: partitions heal later."""

    digest_interval_s: float = 1.0
    """A member hears our digest at least so often. Raised: what was missed is found later."""
    digest_busy_s: float = 0.2
    """The same while something changes. Raised: bursts spread slower in proportion."""
    busy_s: float = 1.0
    """Something changes for so long after the last change."""
    recent_s: float = 60.0
    """Changes up to this age are compared one by one; what is older, by owners' sums. Raised:
    longer lists; lowered: shorter absences need a stream."""
    recent_entries: int = 1024
    """At most so many are compared one by one, the newest."""
    stream_bytes: int = 32_768
    """Differences of more than this travel on a stream. Raised: bursts of datagrams overrun
    socket buffers."""
    stream_retry_s: float = 2.0
    """How long the answer of a stream is waited for before another is asked."""
    streams_a_second: int = 8
    """Full sets begun and answered. Raised: more work at once when many nodes come back."""
    tombstone_s: float = 3600.0
    """How long a removed endpoint is remembered: twice hidden_s, so that whoever still has the
    endpoint has been told, or has dropped it. Raised: memory."""
    hidden_s: float = 1800.0
    """Endpoints of an owner that is away are kept so long. Raised: memory; tombstone_s too."""
    members_max: int = 20_000
    """More are not believed. Raised: memory that a broken sender could fill."""
    endpoints_max: int = 500_000
    """The same for endpoints, tombstones included."""

    def __post_init__(self) -> None:
        assert 0 < self.ack_timeout_s < self.probe_interval_s
        assert 0 < self.nack_fraction < 1
        assert self.ack_timeout_s * (1 + self.nack_fraction) < self.probe_interval_s
        assert 0 < self.gossip_interval_s <= self.digest_interval_s
        assert 0 < self.digest_busy_s <= self.digest_interval_s
        assert self.tombstone_s >= 2 * self.hidden_s
        assert self.suspicion_max_factor >= 1

    def suspicion_bounds(self, alive: int) -> Bounds:
        """Return how long a suspicion lasts."""
        low_s = self.suspicion_min_s(alive)
        silent_s = max(self.stillness_s, low_s)
        return Bounds(low_s, silent_s, max(self.suspicion_max_factor * low_s, silent_s))

    def suspicion_min_s(self, alive: int) -> float:
        """Return how long a suspicion lasts that enough others confirm, being refused as well."""
        scale = max(1.0, math.log10(max(1, alive)))
        return self.suspicion_multiplier * scale * self.probe_interval_s

    def sends(self, alive: int) -> int:
        """Return how often one of a few rumours is sent: 4 * ceil(log10(N + 1))."""
        return self.retransmit_multiplier * math.ceil(math.log10(alive + 1))


DEFAULT = Profile()
LAN = replace(DEFAULT, probe_interval_s=1.0, ack_timeout_s=0.5)
"""memberlist's pace: half the bytes of DEFAULT, deaths known after twice the time."""
WAN = replace(
    DEFAULT,
    probe_interval_s=3.0,
    ack_timeout_s=1.5,
    suspicion_multiplier=6.0,
    gossip_interval_s=0.5,
    gossip_fanout=4,
    digest_interval_s=2.0,
    digest_busy_s=0.5,
    stream_retry_s=5.0,
)
"""For round trips up to a second: deaths are known after half a minute."""

PROFILES: Final = {"default": DEFAULT, "lan": LAN, "wan": WAN}


def check_profile(name: str) -> None:
    """Raise InvalidInput unless there is a profile of this name."""
    if name not in PROFILES:
        raise InvalidInput(
            f"gossip profile {name!r}: expected one of {', '.join(PROFILES)}",
            remedy="take lan for fewer packets, wan when round trips take up to a second",
        )
