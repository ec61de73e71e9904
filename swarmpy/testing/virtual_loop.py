"""An asyncio loop whose clock jumps to the next timer instead of waiting.

Ten simulated minutes of sleeping take no time, and the same coroutines on the same seed
take the same steps: tasks hash by their serial number, so that even a set of tasks is
walked in one order.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import random
import selectors
from collections.abc import Callable, Coroutine, Generator
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

NAMED_TASKS = 20
"""Waiting tasks that a deadlock names; the rest are counted."""


class Deadlock(AssertionError):
    """Every task waits and no timer is set: nothing can ever happen again."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Jumps from timer to timer. No threads and no sockets under it: both keep real time."""

    def __init__(self) -> None:
        self._jump = _Jump(self._describe_waiting)
        super().__init__(self._jump)
        self._jump.sealed = True
        self._serial = 0
        self.set_task_factory(self._make_task)

    def time(self) -> float:
        return self._jump.now

    def run_in_executor(self, *_args: Any) -> NoReturn:  # type: ignore[override]
        raise AssertionError("a thread keeps real time: it cannot run under a virtual loop")

    def _make_task(
        self,
        _loop: asyncio.AbstractEventLoop,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        context: contextvars.Context | None = None,
    ) -> asyncio.Future[T]:
        self._serial += 1
        return _SerialTask(coro, self, context, self._serial)

    def _describe_waiting(self) -> str:
        tasks = sorted(asyncio.all_tasks(self), key=hash)
        lines = [f"  {task.get_name()}: {_where(task)}" for task in tasks[:NAMED_TASKS]]
        if len(tasks) > NAMED_TASKS:
            lines.append(f"  and {len(tasks) - NAMED_TASKS} more")
        return "\n".join(lines)


def run(main: Callable[[random.Random], Coroutine[Any, Any, T]], seed: int) -> T:
    """Run `main(rng)` to its end in virtual time; `rng` is made from the seed.

    The cyclic garbage collector rests meanwhile: when it runs depends on the process, and
    it would close forgotten async generators at times that no seed replays.

    Raises:
        Deadlock: every task waits for another; names them.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(main(random.Random(seed)))
    finally:
        if collects:
            gc.enable()


class _Jump(selectors.SelectSelector):
    """Never waits: when every task sleeps, time jumps to the next timer."""

    def __init__(self, describe_waiting: Callable[[], str]) -> None:
        super().__init__()
        self.now = 0.0
        self.sealed = False
        self._describe_waiting = describe_waiting

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        assert not self.sealed, "a socket keeps real time: it cannot be under a virtual loop"
        return super().register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("every task waits and no timer is set:\n" + self._describe_waiting())
        self.now += timeout
        return []


class _SerialTask(asyncio.Task[T]):
    """A task whose hash is the order in which it was made, not where it lies in memory."""

    def __init__(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context | None,
        serial: int,
    ) -> None:
        self._serial_number = serial
        super().__init__(coro, loop=loop, name=f"task-{serial}", context=context)

    def __hash__(self) -> int:
        return self._serial_number

    def __eq__(self, other: object) -> bool:
        return self is other


def _where(task: asyncio.Task[Any]) -> str:
    """Return the innermost line the task waits on."""
    frames = task.get_stack()
    if not frames:
        return "waits"
    frame = frames[-1]
    return f"{frame.f_code.co_qualname} at {frame.f_code.co_filename}:{frame.f_lineno}"
