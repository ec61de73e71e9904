"""Real nodes without an engine: a worker that has lost all it knew of managers finds them again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from swarmpy import SyncClient
from swarmpy.daemon.bootstrap import prepare_first, prepare_joining
from swarmpy.daemon.key_choice import KeyWish
from swarmpy.daemon.settings import Settings
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER

SOON_S = 30.0


def settings_of(root: Path, number: int) -> Settings:
    address, state_dir = f"127.0.9.{number}", root / f"n{number}"
    return Settings(
        state_dir=state_dir,
        advertise_address=address,
        listen_address=address,
        published_address=address,
        runtime="process",
        socket_path=state_dir / "swarmpy.sock",
        hostname=f"n{number}",
    )


def wish_of(root: Path, number: int) -> KeyWish:
    return KeyWish(f"file:{root / f'key{number}'}")


@contextmanager
def daemon(settings: Settings) -> Iterator[None]:
    """Run a node for the length of a block."""
    with log_of(settings).open("ab") as log:
        argv = [sys.executable, "-m", "swarmpy.daemon", str(settings.state_dir)]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON_S) == 0, log_of(settings).read_text()[-2000:]


def log_of(settings: Settings) -> Path:
    return settings.state_dir.with_suffix(".log")


def events(settings: Settings) -> list[str]:
    return [json.loads(line)["event"] for line in log_of(settings).read_text().splitlines()]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)


def test_a_worker_that_lost_all_it_knew_finds_the_managers_by_gossip(tmp_path: Path) -> None:
    first, worker, other = (settings_of(tmp_path, number) for number in (1, 2, 3))
    prepare_first(first, wish_of(tmp_path, 1))
    with daemon(first):
        until(first.socket_path.exists)
        with SyncClient.connect(f"unix://{first.socket_path}") as client:
            for number, settings in ((2, worker), (3, other)):
                token = client.create_token(NODE_ROLE_WORKER)
                prepare_joining(
                    settings, first.raft_address, token.secret, wish_of(tmp_path, number)
                )
        with daemon(other):
            with daemon(worker):
                until(lambda: "gossip_started" in events(worker))
                until((worker.state_dir / "gossip.pb").exists)
            (worker.state_dir / "managers.pb").unlink()
            before = events(worker).count("session_opened")
            assert before
            with daemon(worker):
                until(lambda: events(worker).count("session_opened") > before)
