"""Picks one kind of action out of a decision."""

from __future__ import annotations

from typing import TypeVar

from swarmpy.core.actions import Decision

A = TypeVar("A")


def pick(decision: Decision, kind: type[A]) -> list[A]:
    return [action for action in decision.actions if isinstance(action, kind)]
