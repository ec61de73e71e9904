"""Forgets join tokens a day after their end; until then `token ls` says why one was refused."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.actions import IN_ORDER, Decision, DeleteRow
from swarmpy.manager.loop import ControlLoop
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange

KEPT_MS = 24 * 3600 * 1000


class ExpiredTokens(ControlLoop):
    """Keys are token ids."""

    tables = ("join_tokens",)

    def keys(self, view: View) -> Iterable[str]:
        return [token.id for token in view.join_tokens]

    def touched(self, change: RowChange) -> Iterable[str]:
        return (change.id,)

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        token = view.join_tokens.find(key)
        if token is None:
            return IN_ORDER
        forget_at_ms = token.expires_at_ms + KEPT_MS
        if now_ms < forget_at_ms:
            return Decision(look_again_ms=forget_at_ms)
        return Decision((DeleteRow("join_tokens", key),))
