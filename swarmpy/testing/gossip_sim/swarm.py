"""Many machines, one heap of events: time jumps from one to the next.

Messages travel as objects that nobody changes, since packing them a million times would take
most of the time; their sizes are the real ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import partial
from heapq import heappop, heappush
from typing import Any, TypeAlias

from swarmpy.core.gossip.desk import OVERHEAD_BYTES, PACKET_BYTES
from swarmpy.core.gossip.events import Event
from swarmpy.core.gossip.gossip import Gossip
from swarmpy.core.gossip.profile import DEFAULT, Profile
from swarmpy.pb.gossip_pb2 import GossipFrame, GossipPacket
from swarmpy.testing.gossip_sim.machine import NEVER, Machine
from swarmpy.testing.gossip_sim.weather import Weather

STREAM_BYTES = 29 + 40
"""What seals a frame, and the headers of TCP and IP."""
HANDSHAKE_BYTES = 120

Watcher: TypeAlias = Callable[[float, Machine, Event], None]


class GossipSwarm:
    """`size` machines that know each other from the start, unless `acquainted` is False: then
    `acquaint` begins."""

    def __init__(
        self,
        size: int,
        seed: int,
        *,
        profile: Profile = DEFAULT,
        loss: float = 0.0,
        acquainted: bool = True,
    ) -> None:
        self.seed = seed
        self.now = 0.0
        self.steps = 0
        self.watchers: list[Watcher] = []
        self.weather = Weather(self.rng("weather"), loss=loss)
        self._lag = self.rng("lag").random
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._serial = 0
        self.machines = [Machine(i, profile, self.rng(f"node {i}")) for i in range(size)]
        if acquainted:
            self.acquaint()

    def rng(self, purpose: str) -> random.Random:
        """Return a source of chance of its own."""
        return random.Random(f"{self.seed}/{purpose}")

    def up(self) -> list[Machine]:
        """Return the machines that are not down."""
        return [machine for machine in self.machines if machine.is_up]

    def at(self, true_s: float, act: Callable[..., None], *args: Any) -> None:
        """Do something then."""
        self._serial += 1
        heappush(self._heap, (true_s, self._serial, act, args))

    def run(self, until_s: float) -> None:
        """Let time pass until then."""
        heap = self._heap
        while heap and heap[0][0] <= until_s:
            self.now, _, act, args = heappop(heap)
            self.steps += 1
            act(*args)
        self.now = until_s

    def run_until(self, holds: Callable[[], bool], limit_s: float, step_s: float = 0.02) -> float:
        """Let time pass until it holds; return when that was, or infinity."""
        end_s = self.now + limit_s
        while self.now < end_s:
            if holds():
                return self.now
            self.run(min(end_s, self.now + step_s))
        return self.now if holds() else NEVER

    # --- machines

    def acquaint(self) -> None:
        """Let all know all, and begin."""
        everybody = [machine.said() for machine in self.machines]
        for machine in self.machines:
            machine.gossip.join(everybody, machine.local_s(self.now), ask=False)
            machine.gossip.events()
        for machine in self.machines:
            self.settle(machine)

    def settle(self, machine: Machine) -> None:
        """Send what a machine wants sent, tell what happened, and plan when it wakes."""
        gossip = machine.gossip
        outbox = gossip.outbox()
        for datagram in outbox.datagrams:
            self._send(machine, int(datagram.address), datagram.packet)
        for request in outbox.streams:
            machine.bytes_sent += HANDSHAKE_BYTES
            self._stream(machine, int(request.address), request.frame, opens=True)
        events = gossip.events()
        for watch in self.watchers:
            for event in events:
                watch(self.now, machine, event)
        wake_at = max(machine.true_s(gossip.wake_at), self.now)
        if wake_at < machine.wake_at - 1e-6 or machine.wake_at <= self.now:
            machine.wake_at = wake_at
            self.at(wake_at, self._wake, machine, gossip, wake_at)

    def crash(self, machine: Machine, *, host: bool = True) -> None:
        """End it as a power cut does; its process alone unless its `host` is lost too."""
        machine.is_up = False
        machine.is_host_up = not host
        machine.wake_at = NEVER

    def restart(self, machine: Machine, contacts: Iterable[Machine]) -> None:
        """Begin another life, which asks these for what it missed."""
        machine.wake_at = NEVER
        machine.restart(self.now)
        known = [contact.said() for contact in contacts]
        for member in known:
            member.node_id = ""
        machine.gossip.join(known, machine.local_s(self.now))
        self.settle(machine)

    def _wake(self, machine: Machine, gossip: object, due_at: float) -> None:
        if machine.gossip is not gossip or not machine.is_up or machine.wake_at != due_at:
            return
        if machine.paused_until > self.now:
            machine.wake_at = machine.paused_until
            self.at(machine.wake_at, self._wake, machine, gossip, machine.wake_at)
            return
        machine.gossip.tick(machine.local_s(self.now + 1e-6))
        machine.wake_at = NEVER
        self.settle(machine)

    # --- messages

    def _send(self, sender: Machine, receiver: int, packet: GossipPacket) -> None:
        size = packet.ByteSize()
        assert size <= PACKET_BYTES, f"a packet of {size} bytes"
        sender.bytes_sent += size + OVERHEAD_BYTES
        sender.packets_sent += 1
        delay_s = self.weather.datagram_s(sender.index, receiver)
        if delay_s is not None:
            machine = self.machines[receiver]
            if machine.lag_s:
                delay_s += self._lag() * machine.lag_s
            self.at(self.now + delay_s, self._deliver, machine, packet)

    def _deliver(self, machine: Machine, packet: GossipPacket) -> None:
        if not machine.is_up:
            return
        if machine.paused_until > self.now:
            self.at(machine.paused_until + 0.001, self._deliver, machine, packet)
            return
        machine.gossip.receive(packet, machine.local_s(self.now))
        self.settle(machine)

    def _stream(
        self, sender: Machine, receiver: int, frame: GossipFrame, *, opens: bool, after_s: float = 0
    ) -> None:
        sender.bytes_sent += frame.ByteSize() + STREAM_BYTES
        delay_s = self.weather.stream_s(sender.index, receiver, opens=opens)
        if delay_s is not None:
            machine = self.machines[receiver]
            if machine.lag_s:
                delay_s += self._lag() * machine.lag_s
            arrives_s = self.now + after_s + delay_s
            deliver = partial(self._deliver_frame, opens=opens)
            self.at(arrives_s, deliver, machine, sender, frame)

    def _deliver_frame(
        self, machine: Machine, sender: Machine, frame: GossipFrame, *, opens: bool
    ) -> None:
        if not machine.is_up:
            if opens and machine.is_host_up:
                self._refuse(machine, sender, frame)
            return
        if machine.paused_until > self.now:
            at = machine.paused_until + 0.001
            self.at(at, partial(self._deliver_frame, opens=opens), machine, sender, frame)
            return
        answers = machine.gossip.receive_stream(frame, machine.local_s(self.now))
        for count, answer in enumerate(answers):
            self._stream(machine, sender.index, answer, opens=False, after_s=count * 0.001)
        self.settle(machine)

    def _refuse(self, machine: Machine, sender: Machine, frame: GossipFrame) -> None:
        """Let the kernel of a machine whose process is gone say so."""
        delay_s = self.weather.stream_s(machine.index, sender.index, opens=False)
        if delay_s is not None:
            self.at(self.now + delay_s, self._take_refusal, sender, sender.gossip, frame)

    def _take_refusal(self, machine: Machine, gossip: Gossip, frame: GossipFrame) -> None:
        if machine.gossip is not gossip or not machine.is_up:
            return
        if machine.paused_until > self.now:
            at = machine.paused_until + 0.001
            self.at(at, self._take_refusal, machine, gossip, frame)
            return
        gossip.refused(frame, machine.local_s(self.now))
        self.settle(machine)
