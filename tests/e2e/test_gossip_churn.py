"""Tasks come and go while no manager is there to tell of it, and no node leads anybody astray."""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import socketserver
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from tests.e2e.cluster import until
from tests.e2e.loopback import LoopbackSwarm

PORT = 18080
WORKERS = (2, 3, 4)
TOLD_S = 2.0
"""Within this, every node knows where a task answers, and where none does any more."""
BETWEEN_S = 3.0
ASK_EVERY_S = 0.03
IMPOSTOR = "impostor"

STACK = """
services:
  web:
    image: process
    entrypoint: ["sh", "-c"]
    command: ["touch $$HOSTNAME; exec {python} -m http.server -b $$SWARMPY_ADDRESS $$PORT"]
    ports: ["{port}:80"]
    healthcheck:
      {{test: "test -f {go}-$$HOSTNAME", interval: 200ms, retries: 1, start_period: 5m}}
    deploy: {{replicas: 6, placement: {{constraints: [node.role == worker]}}}}
"""
"""Each replica says its name, is healthy while there is a file of that name, and else ends."""


def test_with_every_manager_killed_nodes_lead_to_every_task_that_answers_and_to_no_other(
    swarm: LoopbackSwarm,
) -> None:
    go = deployed(swarm)
    with ExitStack() as impostors:
        truth = Truth()
        for number in (1, 2):
            Path(f"{go}-shop_web.{number}").touch()
            truth.comes(f"shop_web.{number}")
        both = {"shop_web.1", "shop_web.2"}
        until(lambda: all(names(swarm, one) == both for one in WORKERS), 20, "both answer")
        swarm.kill(1)
        with asking(swarm) as answers:
            for number in (3, 4, 5, 6):
                time.sleep(BETWEEN_S)
                Path(f"{go}-shop_web.{number}").touch()
                truth.comes(f"shop_web.{number}")
                time.sleep(BETWEEN_S)
                began_s = time.monotonic()
                ended = end(swarm, go, f"shop_web.{number - 2}")
                truth.goes(f"shop_web.{number - 2}", began_s)
                impostors.enter_context(impostor(ended))
            time.sleep(BETWEEN_S)
    wrong = [answer for answer in answers if not truth.allows(answer)]
    assert len(answers) > 1000
    assert not wrong, f"{len(wrong)} of {len(answers)}: {wrong[:5]}"
    for name, came_s in truth.came.items():
        if name not in both:
            assert {a.node for a in answers if a.said == name and a.end_s < came_s + TOLD_S} == {
                *WORKERS
            }, f"{name} is not led to by every node"
    assert any(answer.said == "shop_web.6" for answer in answers)


# --- what there is


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request on one node got, and when."""

    node: int
    begin_s: float
    end_s: float
    said: str
    """A task's name, "impostor", or an error."""


@dataclass(slots=True)
class Truth:
    """When each task began to answer, and when it ended."""

    came: dict[str, float] = field(default_factory=dict)
    went: dict[str, tuple[float, float]] = field(default_factory=dict)
    """When its end was begun, and when it was gone."""

    def comes(self, name: str) -> None:
        self.came[name] = time.monotonic()

    def goes(self, name: str, began_s: float) -> None:
        self.went[name] = (began_s, time.monotonic())

    def allows(self, answer: Answer) -> bool:
        """Whether the task that answered was there lately; errors only follow upon an end."""
        lately = answer.begin_s - TOLD_S
        if answer.said in self.came:
            return answer.said not in self.went or self.went[answer.said][1] >= lately
        return any(
            lately <= gone_s and began_s <= answer.end_s for began_s, gone_s in self.went.values()
        )


def deployed(swarm: LoopbackSwarm) -> Path:
    """Start six tasks on three workers, none healthy yet; return what their files begin with."""
    swarm.init(1)
    for number in WORKERS:
        swarm.join(number, "worker")
    swarm.until_ready(1, managers=1, nodes=4)
    go, stack = swarm.root / "go", swarm.root / "stack.yaml"
    stack.write_text(STACK.format(python=sys.executable, port=PORT, go=go))
    swarm.swarmpy(1, "stack", "deploy", "-d", "-c", str(stack), "shop")

    def starting() -> int:
        rows = swarm.json(1, "service", "ps", "shop_web")
        return sum(row["status"]["state"] == "starting" for row in rows)

    until(lambda: starting() == 6, 30, "all tasks start")
    return go


def end(swarm: LoopbackSwarm, go: Path, name: str) -> tuple[str, int]:
    """Make one task unhealthy, or kill it, by turns; return where it answered, once it is gone."""
    pid = next(pid for number in WORKERS for pid in swarm.task_pids(number) if of(pid, name))
    said = environment(pid)
    if int(name[-1]) % 2:
        Path(f"{go}-{name}").unlink()
    else:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not of(pid, name), 10, f"{name} ends")
    return said["SWARMPY_ADDRESS"], int(said["PORT"])


def environment(pid: int) -> dict[str, str]:
    words = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word)


def of(pid: int, name: str) -> bool:
    """Whether this is the process of a task of this name."""
    try:
        return environment(pid).get("HOSTNAME") == name
    except OSError:
        return False


# --- who asks, and who must not be asked


@contextmanager
def asking(swarm: LoopbackSwarm) -> Iterator[Sequence[Answer]]:
    """Ask the published port of every worker over and over for the length of a block."""
    answers: list[Answer] = []
    is_over = threading.Event()

    def ask(node: int) -> None:
        while not is_over.wait(ASK_EVERY_S):
            begin_s = time.monotonic()
            said = asked(swarm, node)
            answers.append(Answer(node, begin_s, time.monotonic(), said))

    threads = [threading.Thread(target=ask, args=(node,)) for node in WORKERS]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def asked(swarm: LoopbackSwarm, node: int) -> str:
    """Return who answers on a node's published port, or what goes wrong."""
    try:
        page = urlopen(f"http://{swarm.address(node)}:{PORT}/", timeout=1).read().decode()
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    found = re.search(rf"shop_web\.\d|{IMPOSTOR}", page)
    return found[0] if found else f"nonsense: {json.dumps(page)}"


def names(swarm: LoopbackSwarm, node: int) -> set[str]:
    return {asked(swarm, node) for _ in range(6)}


class _Impostor(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(IMPOSTOR.encode())

    def log_message(self, *_: object) -> None:
        pass


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def impostor(address: tuple[str, int]) -> Iterator[None]:
    """Let somebody else answer where a task did: whoever is still led there gets nonsense."""
    with _listening(address) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _listening(address: tuple[str, int]) -> _Server:
    """Return a server there. A process that ends loses its environment before its sockets."""
    servers: list[_Server] = []

    def is_free() -> bool:
        with suppress(OSError):
            servers.append(_Server(address, _Impostor))
        return bool(servers)

    until(is_free, 1, f"the port {address[1]} of the task is free")
    return servers[0]
