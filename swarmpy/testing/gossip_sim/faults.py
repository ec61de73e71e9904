"""Fate, as a seed plays it: a few kinds of trouble each, until all is healed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from swarmpy.testing.gossip_sim.machine import Machine
from swarmpy.testing.gossip_sim.story import GossipStory
from swarmpy.testing.gossip_sim.swarm import GossipSwarm
from swarmpy.testing.gossip_sim.tasks import RESTORED_S, Tasks, pick

DIET = (1, 4)
BETWEEN_S = (0.2, 4.0)
FREQUENT_S = (0.01, 0.4)
"""Between two changes of tasks."""
CONTACTS = 3


class Faults:
    """Makes trouble; `heal` ends all of it."""

    def __init__(self, swarm: GossipSwarm, tasks: Tasks, story: GossipStory) -> None:
        self._swarm = swarm
        self._tasks = tasks
        self._story = story
        self._rng = swarm.rng("faults")
        self._is_over = False
        kinds: tuple[Callable[[Machine], None], ...] = (
            self._crash,
            self._blink,
            self._pause,
            self._isolate,
            self._split,
            self._cut,
            self._lose,
            self._delay,
            self._slow,
            self._burst,
            self._leave,
        )
        self._diet = self._rng.sample(kinds, self._rng.randint(*DIET))
        names = sorted(kind.__name__.strip("_") for kind in self._diet)
        story.tell(0.0, "DIET", kinds=" ".join(names), size=len(swarm.machines))
        for machine in swarm.machines:
            machine.offset_s = self._rng.choice((0.0, 1e3, 1e7)) * self._rng.random()
            machine.drift = self._rng.uniform(0.98, 1.02)
            machine.restart(0.0)
            machine.wake_at = float("inf")

    def begin(self) -> None:
        """Let tasks change and trouble come from now on."""
        self._next_task()
        self._next_fault()

    def heal(self) -> None:
        """End all trouble; whoever is down comes back."""
        self._is_over = True
        swarm = self._swarm
        swarm.weather.loss = 0.0
        swarm.weather.delay_s = (0.0003, 0.002)
        swarm.weather.cuts.clear()
        swarm.weather.groups.clear()
        for machine in swarm.machines:
            machine.paused_until = min(machine.paused_until, swarm.now)
            machine.lag_s = 0.0
            if machine.is_leaving or not machine.is_up:
                self._restart(machine)
            else:
                swarm.settle(machine)
        self._story.tell(swarm.now, "HEALED")

    # --- a life of trouble

    def _next_task(self) -> None:
        if self._is_over:
            return
        machine = pick(self._rng, self._running())
        if machine is not None:
            self._tasks.change(machine)
        self._after(self._rng.uniform(*FREQUENT_S), self._next_task)

    def _next_fault(self) -> None:
        if self._is_over:
            return
        machine = pick(self._rng, self._running())
        if machine is not None:
            kind = self._rng.choice(self._diet)
            self._tell(kind.__name__.strip("_"), machine)
            kind(machine)
        self._after(self._rng.uniform(*BETWEEN_S), self._next_fault)

    def _running(self) -> list[Machine]:
        now = self._swarm.now
        return [m for m in self._swarm.up() if m.paused_until <= now and not m.is_leaving]

    def _after(self, seconds: float, act: Callable[..., object], *args: object) -> None:
        self._swarm.at(self._swarm.now + seconds, self._unless_over, act, args)

    def _unless_over(self, act: Callable[..., object], args: tuple[object, ...]) -> None:
        if not self._is_over:
            act(*args)

    def _tell(self, event: str, machine: Machine) -> None:
        self._story.tell(self._swarm.now, event.upper(), node=machine.index)

    # --- kinds

    def _crash(self, machine: Machine) -> None:
        self._swarm.crash(machine, host=self._rng.random() < 0.5)
        self._after(self._rng.choice((0.5, 3, 15, 80)) * self._rng.random(), self._restart, machine)

    def _blink(self, machine: Machine) -> None:
        self._swarm.crash(machine)
        self._restart(machine)

    def _leave(self, machine: Machine) -> None:
        machine.is_leaving = True
        machine.gossip.leave(machine.local_s(self._swarm.now))
        self._tasks.truth[machine.index].clear()
        self._swarm.settle(machine)
        self._after(1.0, partial(self._swarm.crash, host=False), machine)
        self._after(1.0 + 10 * self._rng.random(), self._restart, machine)

    def _restart(self, machine: Machine) -> None:
        self._swarm.crash(machine)
        others = [other for other in self._swarm.up() if other is not machine]
        contacts = self._rng.sample(others, min(CONTACTS, len(others)))
        self._swarm.restart(machine, contacts)
        self._tell("restarted", machine)
        self._tasks.restore(machine)

    def _pause(self, machine: Machine) -> None:
        machine.paused_until = self._swarm.now + self._rng.choice((1, 6, 30)) * self._rng.random()

    def _isolate(self, machine: Machine) -> None:
        groups = self._swarm.weather.groups
        groups[machine.index] = 100 + machine.index
        self._after(
            self._rng.choice((1, 10, 40, 90)) * self._rng.random(),
            groups.pop,
            machine.index,
            None,
        )

    def _split(self, _machine: Machine) -> None:
        groups = self._swarm.weather.groups
        parts = self._rng.randint(2, 3)
        for machine in self._swarm.machines:
            groups[machine.index] = self._rng.randrange(parts)
        self._after(self._rng.choice((2, 20, 90)) * self._rng.random(), groups.clear)

    def _cut(self, machine: Machine) -> None:
        """Cut some ways of one machine, each in one direction."""
        cuts = self._swarm.weather.cuts
        others = [other.index for other in self._swarm.machines if other is not machine]
        some = self._rng.sample(others, self._rng.randint(1, len(others)))
        way = self._rng.random() < 0.5
        made = {(machine.index, other) if way else (other, machine.index) for other in some}
        cuts |= made
        self._after(20 * self._rng.random(), cuts.difference_update, made)

    def _lose(self, _machine: Machine) -> None:
        self._swarm.weather.loss = self._rng.choice((0.05, 0.25, 0.6))
        self._after(20 * self._rng.random(), setattr, self._swarm.weather, "loss", 0.0)

    def _delay(self, _machine: Machine) -> None:
        self._swarm.weather.delay_s = (0.02, self._rng.choice((0.2, 1.5)))
        calm = (0.0003, 0.002)
        self._after(10 * self._rng.random(), setattr, self._swarm.weather, "delay_s", calm)

    def _slow(self, machine: Machine) -> None:
        machine.lag_s = self._rng.choice((0.5, 4, 16))
        self._after(20 * self._rng.random(), setattr, machine, "lag_s", 0.0)

    def _burst(self, machine: Machine) -> None:
        for _ in range(self._rng.choice((20, 200))):
            self._tasks.change(machine)


SETTLED_S = RESTORED_S
"""After healing, whoever was down needs so long to find its own tasks."""
