"""SyncClient is the async client without await: nothing is missing, nothing leaks."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import swarmpy
from swarmpy.errors import NotFound
from tests.client.fake_control import FakeControl
from tests.client.served import served
from tests.client.specs import web


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
def client(control: FakeControl, tmp_path: Path) -> Iterator[swarmpy.SyncClient]:
    with (
        served(control, tmp_path / "s.sock") as address,
        swarmpy.SyncClient.connect(address) as client,
    ):
        yield client


def test_it_has_every_method_of_the_async_client() -> None:
    def public(cls: type) -> set[str]:
        return {
            name
            for name, member in inspect.getmembers(cls, callable)
            if not name.startswith("_") and name != "run"
        }

    assert public(swarmpy.SyncClient) - public(swarmpy.Client) == set()
    assert public(swarmpy.Client) <= public(swarmpy.SyncClient)


def test_calls_return_and_errors_are_raised_here(client: swarmpy.SyncClient) -> None:
    assert [node.description.hostname for node in client.nodes().nodes] == ["alpha", "beta"]
    with pytest.raises(NotFound):
        client.service("nothing")


def test_streams_are_iterators(client: swarmpy.SyncClient) -> None:
    service = client.create_service(web(replicas=1))
    assert [progress.done for progress in client.wait(service, steady_s=0)] == [True]
    assert [len(answer.lines) for answer in client.logs("web")] == [1, 0]


def test_leaving_a_stream_early_ends_it(client: swarmpy.SyncClient, control: FakeControl) -> None:
    watch = client.watch()
    next(watch)
    assert control.watchers == 1
    watch.close()  # type: ignore[attr-defined]
    client.nodes()
    assert control.watchers == 0


def test_closing_it_ends_its_thread_and_its_streams(
    client: swarmpy.SyncClient,
) -> None:
    watch = client.watch()
    next(watch)
    client.close()
    client.close()
    assert client.closed
    assert "swarmpy-client" not in {thread.name for thread in threading.enumerate()}
    watch.close()  # type: ignore[attr-defined]
