"""Serves a fake swarm on a thread of its own, for code that does not await."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.client.fake_control import FakeControl, serving


@contextmanager
def served(control: FakeControl, path: Path) -> Iterator[str]:
    """Yield the address while it is served."""
    up, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with serving(control, path):
            up.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()], name="fake-swarm")
    thread.start()
    try:
        assert up.wait(10), "the fake swarm did not start"
        yield f"unix://{path}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
