"""Was there one order of all operations that explains what every client saw?

A history is linearizable when each operation can be given one moment between its invocation
and its completion such that a single register, taking them in that order, answers the same.
Keys are independent, so each is searched alone. The search takes every operation that may
come next, remembers each (set of operations done, value) it has been to, and so never looks
twice. Source: Wing, Gong 1993; Lowe 2017; Kingsbury's Knossos and Athalye's Porcupine.

An operation whose outcome is unknown may have happened at any time after its invocation, or
never.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Value: TypeAlias = int | None
"""What a register holds; None until the first write."""

FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Operation:
    """What one client did to one key, and what it was told."""

    kind: Literal["read", "write", "swap"]
    """A swap writes `value` if the register holds `expected`; it sees what was there."""
    key: str
    value: Value = None
    """What is written."""
    expected: Value = None
    seen: Value = None
    """What a read or a swap was told the register held; of no meaning while unknown."""
    invoked: float = 0.0
    completed: float = FOREVER
    """FOREVER: the outcome is unknown."""

    @property
    def is_known(self) -> bool:
        return self.completed < FOREVER

    def __str__(self) -> str:
        what = {
            "read": f"read {self.key}",
            "write": f"write {self.key}={self.value}",
            "swap": f"swap {self.key}: {self.expected} to {self.value}",
        }[self.kind]
        saw = "" if self.kind == "write" else f" saw {self.seen}"
        told = f"{saw} at {self.completed:g}" if self.is_known else " of unknown outcome"
        return f"{what}, invoked at {self.invoked:g},{told}"


def why_not_linearizable(history: Iterable[Operation]) -> str:
    """Return which operations no order explains; "" when the history is linearizable."""
    by_key: dict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        by_key[operation.key].append(operation)
    for key in sorted(by_key):
        stuck = _search(_relevant(by_key[key]))
        if stuck:
            return f"no order explains: {'; '.join(map(str, stuck))}"
    return ""


def after(operation: Operation, value: Value) -> tuple[bool, Value]:
    """Return whether an operation may meet `value`, and what it leaves behind."""
    if operation.kind == "write":
        return True, operation.value
    if operation.is_known and operation.seen != value:
        return False, value
    if operation.kind == "swap" and operation.expected == value:
        return True, operation.value
    return True, value


def _relevant(operations: Sequence[Operation]) -> list[Operation]:
    """Return the operations in order of invocation, without unknown ones that nobody noticed.

    What an unknown operation wrote and no other one met needs not have happened: between it
    and the next write there was nobody to tell. That keeps the search small.
    """
    noticed: set[Value] = {o.seen for o in operations if o.is_known and o.kind != "write"}
    unknown = [o for o in operations if not o.is_known and o.kind != "read"]
    while True:
        needed = {o.expected for o in unknown if o.kind == "swap" and o.value in noticed}
        if needed <= noticed:
            break
        noticed |= needed
    kept = [o for o in operations if o.is_known]
    kept += [o for o in unknown if o.value in noticed]
    return sorted(kept, key=lambda operation: operation.invoked)


def _search(operations: Sequence[Operation]) -> list[Operation]:
    """Return what cannot be placed next after the longest order found; [] when all can."""
    known = sum(1 << n for n, operation in enumerate(operations) if operation.is_known)
    start: tuple[int, Value] = (0, None)
    seen, stack = {start}, [start]
    longest = 0
    while stack:
        done, value = stack.pop()
        if done & known == known:
            return []
        if (done & known).bit_count() >= (longest & known).bit_count():
            longest = done
        for number in _may_be_next(operations, done):
            is_possible, left = after(operations[number], value)
            state = (done | 1 << number, left)
            if is_possible and state not in seen:
                seen.add(state)
                stack.append(state)
    return [operations[number] for number in _may_be_next(operations, longest)]


def _may_be_next(operations: Sequence[Operation], done: int) -> list[int]:
    """Return the operations that began before any that is not done ended."""
    begun: list[int] = []
    first_end = FOREVER
    for number, operation in enumerate(operations):
        if done >> number & 1:
            continue
        if operation.invoked > first_end:
            break
        begun.append(number)
        first_end = min(first_end, operation.completed)
    return begun
