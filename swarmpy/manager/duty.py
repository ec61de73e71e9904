"""Does again and again what no control loop can: it looks at more than rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from swarmpy.errors import Conflict, Unavailable
from swarmpy.seams import Clock

log = structlog.get_logger()


async def repeat(
    look: Callable[[], Awaitable[None]], clock: Clock, every_s: float, hindered: str
) -> None:
    """Look until cancelled. What hinders a look is logged as `hindered`: the next may go better."""
    while True:
        try:
            await look()
        except (Unavailable, Conflict) as error:
            log.warning(hindered, error=str(error))
        await clock.sleep(every_s)
