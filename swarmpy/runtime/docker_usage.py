"""Reads what a container uses now, from one sample of the engine's statistics."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from swarmpy.errors import EngineUnavailable
from swarmpy.runtime.docker_stream import open_stream
from swarmpy.seams import Usage

SAMPLE_TIMEOUT_S = 10.0
"""An engine samples once a second."""
NANOSECONDS = 1_000_000_000


async def read_usage(url: str, container_id: str) -> Usage:
    """Return one sample. It takes up to a second.

    Raises:
        EngineUnavailable: none came.
    """
    async with open_stream(url, f"/containers/{container_id}/stats?stream=1", _refused) as stream:
        try:
            async with asyncio.timeout(SAMPLE_TIMEOUT_S):
                line = await stream[0].readline()
        except (OSError, ValueError, TimeoutError) as error:
            raise EngineUnavailable(f"no statistics came: {error}") from error
    return usage_of(json.loads(line)) if line else Usage(0.0, 0, 0)


def usage_of(sample: dict[str, Any]) -> Usage:
    """Return the usage of one sample. Page cache that the kernel can drop is not counted."""
    memory = sample.get("memory_stats") or {}
    details = memory.get("stats") or {}
    cache_bytes = details.get("total_inactive_file", details.get("inactive_file", 0))
    cpu = (sample.get("cpu_stats") or {}).get("cpu_usage") or {}
    return Usage(
        cpu_seconds=cpu.get("total_usage", 0) / NANOSECONDS,
        memory_bytes=max(0, memory.get("usage", 0) - cache_bytes),
        pids=(sample.get("pids_stats") or {}).get("current", 0),
    )


def _refused(_: int, words: str) -> EngineUnavailable:
    return EngineUnavailable(f"could not read statistics: {words}")
