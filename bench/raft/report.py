"""Lines of a table that is read while it grows."""

from __future__ import annotations


def title(words: str) -> None:
    print(f"\n{words}", flush=True)


def row(what: str, ours: str, etcd: str, ratio: float, goal: str) -> None:
    print(f"  {what:26} ours {ours}", flush=True)
    print(f"  {'':26} etcd {etcd}   ratio {ratio:.2f}   goal {goal}", flush=True)
