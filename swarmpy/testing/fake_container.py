"""One container of the fake runtime: what its labels say it does, at which time.

label                    what it does                                        default
fake.prepare_s           how long the image takes to come                    0
fake.image = missing     no registry has the image
fake.refuse = WHY        the engine refuses to make it
fake.start_s             how long a start takes                              0
fake.refuse_start = WHY  it is made, and cannot be started
fake.exit_after_s        ends by itself so long after its start              never
fake.exit_code           with this code                                      0
fake.oom = yes           because it used too much memory
fake.healthy_after_s     the health check passes from then on                0
fake.unhealthy_after_s   the health check has failed for good from then on   never
fake.stop_s              how long it takes to end when it is asked to        0
fake.log, fake.log_err   lines that it prints when it starts
fake.bad_runs            ends by itself only in so many first runs           all

Of a pod:
fake.ready_after_s       `ready` says yes from then on                       0
fake.unready_after_s     and no from then on                                 never
fake.dead_after_s        `alive` says no from then on, in its bad runs       never

Nothing moves while nobody looks: its state is a function of the clock.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from swarmpy.core.container import Container, Exit
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import PortBinding

SIGTERM_CODE = 143
SIGKILL_CODE = 137
OOM_CODE = 137


@dataclass(eq=False, slots=True)
class FakeContainer:
    task: Task
    spec: ContainerSpec
    name: str
    """"" in a plain task."""
    ports: tuple[PortBinding, ...]
    started_at: float | None = None
    ended_at: float = math.inf
    exit: Exit | None = None
    runs: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something else than the clock changed it."""

    def label(self, name: str, default: str = "") -> str:
        return self.spec.labels.get(f"fake.{name}", default)

    def seconds(self, name: str, default: float) -> float:
        return float(self.label(name, str(default)))

    @property
    def has_check(self) -> bool:
        check = self.spec.health_check
        return self.spec.HasField("health_check") and list(check.test) != ["NONE"]

    @property
    def is_bad_run(self) -> bool:
        return self.runs <= self.seconds("bad_runs", math.inf)

    def start(self, now: float) -> None:
        """Begin; when it ends by itself is settled with that."""
        self.started_at = now
        self.runs += 1
        lasts_s = self.seconds("exit_after_s", math.inf) if self.is_bad_run else math.inf
        self.ended_at = now + lasts_s
        oom = bool(self.label("oom"))
        self.exit = Exit(OOM_CODE if oom else int(self.label("exit_code", "0")), oom_killed=oom)
        self.changed.set()

    def end(self, at: float, how: Exit) -> None:
        """Let it end at `at`, unless it ends before or was never started."""
        if self.started_at is not None and at < self.ended_at:
            self.ended_at, self.exit = at, how
            self.changed.set()

    def is_running(self, now: float) -> bool:
        return self.started_at is not None and now < self.ended_at

    def at(self, now: float) -> Container:
        """Return how it looks at this time."""
        running = self.is_running(now)
        healthy, unhealthy = self._health(now)
        return Container(
            task_id=self.task.id,
            container_id=f"fake-{self.task.id}{'-' if self.name else ''}{self.name}",
            running=running,
            exit=self.exit if self.started_at is not None and not running else None,
            healthy=healthy,
            unhealthy=unhealthy,
            ports=self.ports if running else (),
            name=self.name,
            run_id=str(self.runs) if self.runs else "",
        )

    def says(self, question: str, now: float) -> bool:
        """Answer `ready` or `alive`."""
        assert self.started_at is not None, "it runs"
        up_s = now - self.started_at
        if question == "alive":
            return not self.is_bad_run or up_s < self.seconds("dead_after_s", math.inf)
        ready_s, until_s = (
            self.seconds("ready_after_s", 0),
            self.seconds("unready_after_s", math.inf),
        )
        return ready_s <= up_s < until_s

    def next_change_s(self, now: float) -> float | None:
        """Return in how long the clock alone will change it; None for never."""
        if self.started_at is None:
            return None
        times = [self.ended_at]
        if self.has_check:
            times += [self.started_at + self._healthy_s(), self.started_at + self._unhealthy_s()]
        later = [time - now for time in times if now < time < math.inf]
        return min(later, default=None)

    def printed(self) -> Sequence[tuple[bool, str]]:
        """Return (is stderr, line) for each line it has printed so far."""
        if self.started_at is None:
            return []
        return [
            *((False, line) for line in self.label("log").splitlines()),
            *((True, line) for line in self.label("log_err").splitlines()),
        ]

    def _healthy_s(self) -> float:
        return self.seconds("healthy_after_s", 0.0)

    def _unhealthy_s(self) -> float:
        return self.seconds("unhealthy_after_s", math.inf)

    def _health(self, now: float) -> tuple[bool | None, bool]:
        """Return (healthy, unhealthy) as `Container` has them."""
        if not self.has_check:
            return None, False
        if self.started_at is None:
            return False, False
        up_s = min(now, self.ended_at) - self.started_at
        unhealthy = up_s >= self._unhealthy_s()
        return self.is_running(now) and up_s >= self._healthy_s() and not unhealthy, unhealthy
