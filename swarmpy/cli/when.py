"""Times as people read them: how long ago, how long yet, and the moment itself."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from swarmpy.daemon.clock import SystemClock

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def now_ms() -> int:
    """Return milliseconds since the Unix epoch."""
    return int(SystemClock().now() * 1000)


def span(seconds: float) -> str:
    """Return a length of time in its largest unit: 3m, 2h, 5d. Never negative."""
    whole = max(0, int(seconds))
    for unit_s, name in _UNITS:
        if whole >= unit_s:
            return f"{whole // unit_s}{name}"
    return "0s"


def age(at_ms: int) -> str:
    """Return how long ago it was; empty for never."""
    return span((now_ms() - at_ms) / 1000) if at_ms else ""


def remaining(until_ms: int) -> str:
    """Return how long it still lasts."""
    left_s = (until_ms - now_ms()) / 1000
    return span(left_s) if left_s > 0 else "expired"


def parse(text: str) -> int:
    """Return ms since the Unix epoch of an ISO 8601 time; one without a zone is local.

    Raises:
        typer.BadParameter
    """
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write 2026-12-01T22:00Z") from None


def moment(at_ms: int) -> str:
    """Return the moment in UTC, to the millisecond."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
