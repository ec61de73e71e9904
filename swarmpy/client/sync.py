"""The same client for code that does not await: it runs the async one on a thread of its own."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from swarmpy.client.client import Client
from swarmpy.security.certificates import NodeIdentity

P = ParamSpec("P")
R = TypeVar("R")

CANCEL_S = 5.0
"""How long an interrupted call may take to end."""


def _answered(
    call: Callable[Concatenate[Client, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[SyncClient, P], R]:
    """Return the method that waits for `call`'s answer."""

    @functools.wraps(call)
    def method(self: SyncClient, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.run(call(self.client, *args, **kwargs))

    return method


def _iterated(
    call: Callable[Concatenate[Client, P], AsyncGenerator[R, None]],
) -> Callable[Concatenate[SyncClient, P], Iterator[R]]:
    """Return the method that waits for each of `call`'s items in turn."""

    @functools.wraps(call)
    def method(self: SyncClient, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        items = call(self.client, *args, **kwargs)
        try:
            while True:
                try:
                    yield self.run(anext(items))
                except StopAsyncIteration:
                    return
        finally:
            if not self.closed:
                self.run(items.aclose())

    return method


class SyncClient:
    """Every method of `Client`, blocking; async iterators become iterators.

    with SyncClient.connect() as client:
        for node in client.nodes().nodes:
            print(node.description.hostname)

    It may be used by several threads. Close it: it owns a thread and a connection.
    """

    def __init__(self) -> None:
        """Start the thread; `connect` makes a client that can be used."""
        self._client: Client | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="swarmpy-client", daemon=True
        )
        self._thread.start()

    @classmethod
    def connect(
        cls, address: str | None = None, *, identity: NodeIdentity | Path | None = None
    ) -> Self:
        """Return a client that is connected; see `Client.connect`."""
        client = cls()
        try:
            client._client = client.run(Client.connect(address, identity=identity))
        except BaseException:
            client.close()
            raise
        return client

    @property
    def closed(self) -> bool:
        return self._loop.is_closed()

    @property
    def client(self) -> Client:
        """The async client; it lives on the private thread's loop."""
        assert self._client is not None, "SyncClient.connect() makes one that is connected"
        return self._client

    def run(self, awaitable: Awaitable[R]) -> R:
        """Return what `awaitable` gives, computed on the client's thread.

        Interrupted (Ctrl-C), it is cancelled there before the interruption goes on.
        """
        over = threading.Event()

        async def awaited() -> R:
            try:
                return await awaitable
            finally:
                over.set()

        future = asyncio.run_coroutine_threadsafe(awaited(), self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            over.wait(CANCEL_S)
            raise

    def close(self) -> None:
        """End every call under way, the connection and the thread. May be called twice."""
        if self.closed:
            return
        self.run(self._wind_up())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _wind_up(self) -> None:
        if self._client is not None:
            await self._client.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    cluster = _answered(Client.cluster)
    update_cluster = _answered(Client.update_cluster)
    unlock_key = _answered(Client.unlock_key)
    rotate_unlock_key = _answered(Client.rotate_unlock_key)
    backup = _answered(Client.backup)
    nodes = _answered(Client.nodes)
    explain_network = _answered(Client.explain_network)
    node = _answered(Client.node)
    update_node = _answered(Client.update_node)
    taint_node = _answered(Client.taint_node)
    maintain_node = _answered(Client.maintain_node)
    rebalance = _answered(Client.rebalance)
    remove_node = _answered(Client.remove_node)
    create_token = _answered(Client.create_token)
    tokens = _answered(Client.tokens)
    revoke_token = _answered(Client.revoke_token)

    create_service = _answered(Client.create_service)
    services = _answered(Client.services)
    service = _answered(Client.service)
    update_service = _answered(Client.update_service)
    scale = _answered(Client.scale)
    rollback = _answered(Client.rollback)
    revisions = _answered(Client.revisions)
    pause = _answered(Client.pause)
    resume = _answered(Client.resume)
    restart = _answered(Client.restart)
    remove_service = _answered(Client.remove_service)

    create_cron_job = _answered(Client.create_cron_job)
    cron_jobs = _answered(Client.cron_jobs)
    cron_job = _answered(Client.cron_job)
    update_cron_job = _answered(Client.update_cron_job)
    run_cron_job = _answered(Client.run_cron_job)
    remove_cron_job = _answered(Client.remove_cron_job)

    tasks = _answered(Client.tasks)
    task = _answered(Client.task)
    explain = _answered(Client.explain)
    events = _answered(Client.events)

    create_config = _answered(Client.create_config)
    update_config = _answered(Client.update_config)
    config = _answered(Client.config)
    configs = _answered(Client.configs)
    remove_config = _answered(Client.remove_config)
    create_secret = _answered(Client.create_secret)
    update_secret = _answered(Client.update_secret)
    secret = _answered(Client.secret)
    secrets = _answered(Client.secrets)
    remove_secret = _answered(Client.remove_secret)
    login_registry = _answered(Client.login_registry)
    registries = _answered(Client.registries)
    logout_registry = _answered(Client.logout_registry)
    create_network = _answered(Client.create_network)
    networks = _answered(Client.networks)
    remove_network = _answered(Client.remove_network)
    create_volume = _answered(Client.create_volume)
    volumes = _answered(Client.volumes)
    volume = _answered(Client.volume)
    remove_volume = _answered(Client.remove_volume)

    deploy = _answered(Client.deploy)
    stacks = _answered(Client.stacks)
    stack = _answered(Client.stack)
    remove_stack = _answered(Client.remove_stack)

    wait_done = _answered(Client.wait_done)
    wait = _iterated(Client.wait)
    watch = _iterated(Client.watch)
    logs = _iterated(Client.logs)
    exec = _iterated(Client.exec)
