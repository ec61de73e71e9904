"""Counts the results of health checks, as Docker does. Pure: whoever runs the checks feeds it.

Source: https://docs.docker.com/reference/dockerfile/#healthcheck
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from swarmpy.pb.types_pb2 import HealthCheck

INTERVAL_S = 30.0
TIMEOUT_S = 30.0
RETRIES = 3


@dataclass(frozen=True, slots=True)
class Schedule:
    """A health check with its defaults filled in."""

    argv: tuple[str, ...]
    interval_s: float
    timeout_s: float
    retries: int
    start_period_s: float
    start_interval_s: float

    def pause_s(self, up_s: float) -> float:
        """Return how long to wait before the next check."""
        return self.start_interval_s if up_s < self.start_period_s else self.interval_s


def schedule_of(check: HealthCheck) -> Schedule | None:
    """Return how to check; None when there is nothing to check."""
    match list(check.test):
        case ["CMD", *argv] if argv:
            words = tuple(argv)
        case ["CMD-SHELL", line]:
            words = ("/bin/sh", "-c", line)
        case _:
            return None
    interval_s = check.interval_s or INTERVAL_S
    return Schedule(
        argv=words,
        interval_s=interval_s,
        timeout_s=check.timeout_s or TIMEOUT_S,
        retries=check.retries or RETRIES,
        start_period_s=check.start_period_s,
        start_interval_s=check.start_interval_s or interval_s,
    )


@dataclass(frozen=True, slots=True)
class Health:
    """What the checks say so far."""

    healthy: bool = False
    """The last check passed."""
    unhealthy: bool = False
    """As many checks in a row failed as the retries allow."""
    failures: int = 0

    def after(self, schedule: Schedule, *, passed: bool, up_s: float) -> Health:
        """Return the health after one more check. Failures while starting do not count."""
        if passed:
            return Health(healthy=True)
        if not self.healthy and up_s < schedule.start_period_s:
            return self
        failures = self.failures + 1
        if failures >= schedule.retries:
            return Health(unhealthy=True, failures=failures)
        return replace(self, failures=failures)
