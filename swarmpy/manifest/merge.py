"""Lays one manifest over another, as `-c base.yaml -c local.yaml` asks.

Source: https://github.com/compose-spec/compose-spec/blob/main/13-merge.md
"""

from __future__ import annotations

from swarmpy.manifest.tree import Entry, Fields, Items, Value

REPLACED = frozenset({"command", "entrypoint", "test"})
"""Lists that mean one thing as a whole: the later one counts. Other lists are joined."""


def merge(base: Value, over: Value, key: str = "") -> Value:
    """Return `base` with `over` laid on it; what stands in `over` wins."""
    if isinstance(base, Fields) and isinstance(over, Fields):
        entries = dict(base.entries)
        for name, entry in over.entries.items():
            old = entries.get(name)
            value = merge(old.value, entry.value, name) if old else entry.value
            entries[name] = Entry(entry.key_place, value)
        return Fields(over.place, entries)
    if isinstance(base, Items) and isinstance(over, Items) and key not in REPLACED:
        kept = tuple(item for item in base.items if item not in over.items)
        return Items(over.place, kept + over.items)
    return over
