"""Calls the Docker Engine through docker-py: from a bounded number of threads, with a time limit.

Starts and removals have threads of their own, because an engine that removes many containers at
once may deadlock (seen with 20.10): never more than two at a time.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from docker import APIClient
from docker.errors import APIError, DockerException
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException

from swarmpy.errors import EngineUnavailable, SwarmPyError, TaskRefused

T = TypeVar("T")
Work = Callable[[APIClient], T]

CALL_TIMEOUT_S = 60
"""Far more than any call takes on a loaded machine; an engine that hangs is noticed after it."""
CALLS_AT_ONCE = 8
"""More do not make an engine start containers faster; they only wait inside it."""
REMOVALS_AT_ONCE = 2
PULLS_AT_ONCE = 3
USUAL_SOCKET = "unix:///var/run/docker.sock"
REMEDY = "see that it runs (docker version) and that this user may use it"


class Engine:
    """One Docker Engine. Making one does not contact it."""

    def __init__(self, docker_host: str | None) -> None:
        """`docker_host` is a URL as in DOCKER_HOST; None asks the environment, then the usual
        socket.
        """
        self.url = docker_host or os.environ.get("DOCKER_HOST") or USUAL_SOCKET
        self.calls = ThreadPoolExecutor(CALLS_AT_ONCE, "docker-call")
        self.removals = ThreadPoolExecutor(REMOVALS_AT_ONCE, "docker-remove")
        self.pulls = ThreadPoolExecutor(PULLS_AT_ONCE, "docker-pull")
        self._client: APIClient | None = None
        self._connecting = threading.Lock()

    def client(self) -> APIClient:
        """Return the connected client. Only for threads: it waits for the engine."""
        with self._connecting:
            if self._client is None:
                _check_socket(self.url)
                settings: dict[str, Any] = {**kwargs_from_env(), "base_url": self.url}
                self._client = APIClient(
                    **settings,
                    timeout=CALL_TIMEOUT_S,
                    max_pool_size=CALLS_AT_ONCE + REMOVALS_AT_ONCE + PULLS_AT_ONCE + 1,
                )
            return self._client

    async def ask(self, what: str, work: Work[T]) -> T:
        """Return what `work` does. `what` completes "could not ...", for people.

        Raises:
            EngineUnavailable: it does not answer, or cannot do that now.
        """
        return await asyncio.wrap_future(self.submit(self.calls, what, work))

    async def change(
        self, what: str, work: Work[T], *, pool: ThreadPoolExecutor | None = None
    ) -> T:
        """Do the same for something that changes the engine: whoever is cancelled meanwhile
        goes on only when it has happened, or not.

        Raises:
            EngineUnavailable: it does not answer.
            TaskRefused: it will not do that.
        """
        future = asyncio.wrap_future(self.submit(pool or self.calls, what, work, TaskRefused))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            if not future.cancelled():
                future.exception()  # whoever wanted to know it is gone
            raise

    def submit(
        self,
        pool: ThreadPoolExecutor,
        what: str,
        work: Work[T],
        refusal: type[SwarmPyError] = EngineUnavailable,
    ) -> Future[T]:
        """Do `work` in a thread of `pool`. The future raises only SwarmPyErrors."""

        def run() -> T:
            try:
                return work(self.client())
            except (DockerException, RequestException, OSError) as error:
                raise in_our_words(self.url, what, error, refusal) from error

        try:
            return pool.submit(run)
        except RuntimeError as error:
            raise EngineUnavailable(f"could not {what}: this node is closing") from error

    def close(self) -> None:
        """End the threads. Calls under way end by themselves, those that wait are dropped."""
        for pool in (self.calls, self.removals, self.pulls):
            pool.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()


def _check_socket(url: str) -> None:
    """Raise OSError when nobody listens: docker-py would leave its own socket open."""
    scheme, _, path = url.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(CALL_TIMEOUT_S)
            probe.connect(path)


def in_our_words(
    url: str, what: str, error: Exception, refusal: type[SwarmPyError]
) -> SwarmPyError:
    """Return the error of this project for what docker-py raised; `refusal` is for what an
    engine says, rather than for its silence.
    """
    if isinstance(error, APIError) and error.status_code is not None:
        words = str(error.explanation or error).strip()
        if error.status_code != 503:
            return refusal(f"could not {what}: {words}")
        return EngineUnavailable(f"could not {what}: {words}", remedy=REMEDY)
    return EngineUnavailable(f"the Docker Engine at {url} did not {what}: {error}", remedy=REMEDY)
