"""Keeps tasks spread by itself, where the swarm is set to. The decision is in core/rebalance.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from swarmpy.core.actions import IN_ORDER, Decision, Evict
from swarmpy.core.rebalance import REASON, first, plan
from swarmpy.manager.loop import ControlLoop
from swarmpy.manager.placement_view import around, settings
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange

BALANCE = "balance"
"""The one key: a move changes what is best for the others."""
MOVES_AT_ONCE = 1
INTERVAL_S = 60.0


class RebalanceLoop(ControlLoop):
    """Looks now and then, not at each change: nothing is worse off for waiting."""

    tables: ClassVar[tuple[str, ...]] = ("clusters",)

    def keys(self, view: View) -> Iterable[str]:
        return (BALANCE,)

    def touched(self, change: RowChange) -> Iterable[str]:
        return (BALANCE,)

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        assert key == BALANCE
        policy = settings(view).rebalance
        if not policy.automatic:
            return IN_ORDER
        moves = first(
            plan(view.nodes, view.tasks, around(view), now_ms),
            policy.moves_at_once or MOVES_AT_ONCE,
        )
        return Decision(
            tuple(Evict(move.task.id, REASON) for move in moves),
            look_again_ms=now_ms + int((policy.interval_s or INTERVAL_S) * 1000),
        )
