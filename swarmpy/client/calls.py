"""What every group of calls stands on."""

from __future__ import annotations

from swarmpy.client.connection import Connection


class Calls:
    """A few methods of the client over one connection; `Client` is all of them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
