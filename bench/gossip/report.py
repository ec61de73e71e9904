"""Lines of a table that is read while it grows."""

from __future__ import annotations

MISSED: list[str] = []


def title(words: str) -> None:
    print(f"\n{words}", flush=True)


def row(what: str, value: str, goal: str, *, met: bool | None) -> None:
    """Print one figure; `met` is None for figures without a goal."""
    verdict = {None: "", True: "met", False: "MISSED"}[met]
    if met is False:
        MISSED.append(what)
    print(f"  {what:52} {value:>26}   {goal:24} {verdict}", flush=True)
