"""Counts what probes find, as Kubernetes does. Pure: whoever makes the attempts tells of them.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-probes
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import Probe

PERIOD_S = 10.0
TIMEOUT_S = 1.0
SUCCESSES = 1
FAILURES = 3


class Kind(StrEnum):
    """What a probe is asked for."""

    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"


ProbeKey: TypeAlias = tuple[str, Kind]
"""Of which container, and which of its probes."""


@dataclass(frozen=True, slots=True)
class ProbeState:
    """What one probe has found in one run of its container."""

    run_id: str
    passes: int = 0
    """In a row."""
    failures: int = 0
    """In a row."""
    tried_ms: int | None = None
    """When the last attempt ended."""
    verdict: bool | None = None
    """Whether it passes; None while too few attempts agree."""
    why: str = ""
    """What it found when it came to that verdict, if it is bad."""

    def after(self, probe: Probe, *, passed: bool, why: str, now_ms: int) -> ProbeState:
        """Return the state after one more attempt."""
        if passed:
            passes = self.passes + 1
            found = replace(self, passes=passes, failures=0, tried_ms=now_ms)
            if passes >= (probe.success_threshold or SUCCESSES):
                return replace(found, verdict=True, why="")
            return found
        failures = self.failures + 1
        found = replace(self, passes=0, failures=failures, tried_ms=now_ms)
        if failures >= (probe.failure_threshold or FAILURES) and self.verdict is not False:
            return replace(found, verdict=False, why=why)
        return found

    def due_ms(self, probe: Probe, started_ms: int, now_ms: int) -> int:
        """Return when the next attempt is due in a run that began at `started_ms`. It is now
        when time was set back behind what has happened.
        """
        first_ms = now_ms
        if started_ms <= now_ms:
            first_ms = started_ms + round(probe.initial_delay_s * 1000)
        if self.tried_ms is None or self.tried_ms > now_ms:
            return first_ms
        return max(first_ms, self.tried_ms + round((probe.period_s or PERIOD_S) * 1000))


def probe_of(container: ContainerSpec, kind: Kind) -> Probe | None:
    """Return a container's probe of one kind; None when it has none."""
    field = f"{kind}_probe"
    if not container.HasField(field):  # type: ignore[arg-type]  # a name of one of its fields
        return None
    probe: Probe = getattr(container, field)
    return probe


def timeout_s(probe: Probe) -> float:
    """Return how long one attempt may take."""
    return probe.timeout_s or TIMEOUT_S
