"""Checks what people ask for that takes tasks off nodes: budgets, maintenance, balance."""

from __future__ import annotations

from swarmpy.core.validate_faults import DURATION_MAX_S, REPLICAS_MAX, Faults
from swarmpy.pb.types_pb2 import DisruptionBudget, MaintenanceWindow, RebalancePolicy

PRIORITY_MAX = 1_000_000_000
MOVES_MAX = 1000
INTERVAL_MIN_S = 5.0
"""Shorter looks cost the leader more than a spread that comes sooner is worth."""


def check_disruption(budget: DisruptionBudget, faults: Faults) -> None:
    """Note what is wrong with how many tasks may be away."""
    for field in ("max_unavailable", "min_available"):
        if budget.HasField(field):
            given = getattr(budget, field)
            faults.check_number(field, given.ratio, 0, 1)
            faults.check_number(field, given.count, 0, REPLICAS_MAX)


def check_maintenance(window: MaintenanceWindow, faults: Faults) -> None:
    """Note a window that never opens or never ends; an empty one is none."""
    if window == MaintenanceWindow():
        return
    length_s = (window.ends_at_ms - window.starts_at_ms) / 1000
    if window.starts_at_ms <= 0 or not 0 < length_s <= DURATION_MAX_S:
        faults.add(
            "ends_at_ms",
            f"is {length_s:g} s after the start",
            "a time after it, by at most 604800 s (7 days)",
            "correct the times",
        )


def check_rebalance(policy: RebalancePolicy, faults: Faults) -> None:
    """Note what is wrong with a policy; what it leaves out has a default."""
    faults.check_number("moves_at_once", policy.moves_at_once, 0, MOVES_MAX)
    if policy.interval_s:
        faults.check_number("interval_s", policy.interval_s, INTERVAL_MIN_S, DURATION_MAX_S)
