"""Opens a cluster port for the length of a block."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from swarmpy.rpc.cluster_port import ClusterPort


@asynccontextmanager
async def opened(port: ClusterPort) -> AsyncIterator[str]:
    """Yield the address that `port` answers on."""
    address = port.bind("127.0.0.1:0")
    try:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(port.run())
            yield address
            serving.cancel()
    finally:
        port.close()
