"""Wakes whoever waits for a container, by one stream of the engine's events for the whole node.

An event only says "look again": what is true is what an inspection finds. So events that are lost
while the engine restarts cost nothing but time: everybody looks again when the stream is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import structlog
from docker import APIClient
from docker.errors import DockerException
from docker.types import CancellableStream
from requests.exceptions import RequestException

from swarmpy.runtime.container_config import NODE_LABEL, TASK_LABEL
from swarmpy.runtime.docker_engine import Engine
from swarmpy.seams import Clock

log = structlog.get_logger()

KINDS = ["start", "die", "destroy", "health_status"]
BACK_OFF_MIN_S = 0.1
BACK_OFF_MAX_S = 5.0
OVERLAP_S = 2
"""An engine subscribes a moment after it has answered: ask for what was just before, too."""
END_TIMEOUT_S = 5.0


class EventWatch:
    """One thread that reads the events of one node's containers, from the first waiter on."""

    def __init__(self, engine: Engine, node_id: str, clock: Clock) -> None:
        self._engine = engine
        self._node_id = node_id
        self._clock = clock
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stream: CancellableStream[Any] | None = None
        self._closed = threading.Event()

    @contextlib.contextmanager
    def changes(self, task_id: str) -> Iterator[asyncio.Event]:
        """Return an asyncio.Event that is set whenever the task's container may have changed."""
        self._run()
        changed = asyncio.Event()
        self._waiting.setdefault(task_id, set()).add(changed)
        try:
            yield changed
        finally:
            self._waiting[task_id].discard(changed)
            if not self._waiting[task_id]:
                del self._waiting[task_id]

    def wake(self, task_id: str | None = None) -> None:
        """Let those who wait for a task, or all, look again."""
        if task_id is None:
            for events in self._waiting.values():
                for event in events:
                    event.set()
        for event in self._waiting.get(task_id or "", ()):
            event.set()

    async def close(self) -> None:
        """End the stream and its thread."""
        self._closed.set()
        if self._thread is not None:
            self._end_stream()
            await asyncio.to_thread(self._thread.join, END_TIMEOUT_S)

    def _run(self) -> None:
        if self._thread is None and not self._closed.is_set():
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._read, name="docker-events", daemon=True)
            self._thread.start()

    # In the thread

    def _read(self) -> None:
        back_off_s = BACK_OFF_MIN_S
        while not self._closed.is_set():
            try:
                self._stream = self._open(self._engine.client())
                if self._closed.is_set():  # close() has not seen this one
                    self._end_stream()
                back_off_s = BACK_OFF_MIN_S
                self._tell(None)
                for event in _decoded(self._stream):
                    self._tell(event["Actor"]["Attributes"].get(TASK_LABEL, ""))
                why = "it ended"
            except (DockerException, RequestException, OSError, ValueError) as error:
                why = str(error)
            if not self._closed.wait(back_off_s):
                log.warning("engine_events_lost", node=self._node_id, error=why)
                back_off_s = min(BACK_OFF_MAX_S, 2 * back_off_s)

    def _open(self, client: APIClient) -> CancellableStream[Any]:
        return client.events(
            since=int(self._clock.now()) - OVERLAP_S,
            filters={
                "type": "container",
                "label": f"{NODE_LABEL}={self._node_id}",
                "event": KINDS,
            },
        )

    def _tell(self, task_id: str | None) -> None:
        assert self._loop is not None, "the thread was started by a loop"
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self.wake, task_id)

    def _end_stream(self) -> None:
        """Shut the stream's socket; the thread that reads it then returns."""
        if self._stream is not None:
            with contextlib.suppress(OSError, AttributeError, DockerException):
                self._stream.close()


def _decoded(chunks: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """Yield one event per line of a stream whose pieces end anywhere."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield json.loads(line)
