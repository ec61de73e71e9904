"""Whatever is wrong is said in one clear message, with the documented exit code, and nothing is
half applied.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from swarmpy.security.certificates import Authority
from swarmpy.security.tokens import mint, parse
from tests.e2e.cluster import until
from tests.e2e.local_swarm import LocalSwarm, local_swarm, swarmpy
from tests.e2e.loopback import Done

pytestmark = pytest.mark.engine

NOWHERE = "unix:///nowhere/docker.sock"
SMALL_DISK_BYTES = 48 << 20
OUTSIDER = 9
"""The number of a node that shall not come into being."""


@pytest.fixture(scope="module")
def swarm() -> Iterator[LocalSwarm]:
    with local_swarm(workers=1) as made:
        yield made


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own needs root: run scripts/test as root")
    root = Path(tempfile.mkdtemp(prefix="swarmpy-small-"))
    size = f"size={SMALL_DISK_BYTES}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(root)], check=True)
    try:
        yield root
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)
        root.rmdir()


def fill(root: Path) -> Path:
    """Leave no byte free on a file system; return the file that takes the room."""
    path = root / "ballast"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return path


def assert_refused(done: Done, exit_code: int, *parts: str) -> None:
    """It ended so, with one error, a hint, all these words, and no traceback."""
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert done.stderr.startswith("error: "), done.stderr
    assert "\nhint: " in done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


# --- what a stack says


@dataclass(frozen=True, slots=True)
class Bad:
    """A stack that is refused before anything is done."""

    name: str
    text: str
    exit_code: int
    said: tuple[str, ...]


BAD_STACKS = [
    Bad(
        "unknown key",
        "services:\n  web:\n    image: swarmpy/hello:1\n    prots: ['8090:80']\n",
        2,
        ("bad.yaml:4:5 services.web: unknown key 'prots', did you mean 'ports'?",),
    ),
    Bad(
        "wrong type",
        "services:\n  web:\n    image: swarmpy/hello:1\n    deploy: {replicas: many}\n",
        2,
        ("bad.yaml:4:24 services.web.deploy.replicas: found 'many', expected a whole number",),
    ),
    Bad(
        "several faults at once",
        "services:\n  web:\n    imagee: x\n    ports: 80\n",
        2,
        ("bad.yaml:3:5", "bad.yaml:4:12", "expected a list"),
    ),
    Bad("no yaml", "services: [\n", 2, ("bad.yaml:2:1",)),
    Bad(
        "a key twice", "services: {}\nservices: {}\n", 2, ("bad.yaml:2:1 services: duplicate key",)
    ),
    Bad(
        "a variable without a value",
        "services:\n  web:\n    image: ${NO_SUCH_VARIABLE:?say which image}\n",
        2,
        ("bad.yaml:3:12", "say which image"),
    ),
    Bad(
        "a port of another service",
        "services:\n  web:\n    image: swarmpy/hello:1\n    ports: ['8091:80']\n"
        "configs: {page: {content: x}}\n",
        6,
        ("port 8091/tcp of service 'bad_web' is published by service 'holder'",),
    ),
    Bad(
        "an impossible constraint",
        "services:\n  web:\n    image: swarmpy/hello:1\n"
        "    deploy: {placement: {constraints: ['node.colour==red']}}\n",
        2,
        ("node.colour", "expected one of"),
    ),
]


@pytest.fixture(scope="module")
def holder(swarm: LocalSwarm) -> None:
    """A service that publishes 8091."""
    swarm.must("service", "create", "swarmpy/hello:1", "--name", "holder", "-p", "8091:80")


@pytest.mark.parametrize("bad", BAD_STACKS, ids=lambda bad: bad.name)
@pytest.mark.usefixtures("holder")
def test_a_bad_stack_is_refused_whole(swarm: LocalSwarm, bad: Bad, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(bad.text)
    before = swarm.objects()
    done = swarm.run("stack", "deploy", "-c", str(file), "bad")
    assert_refused(done, bad.exit_code, *bad.said)
    assert swarm.objects() == before


# --- what cannot run


def create(swarm: LocalSwarm, name: str, image: str, *argv: str) -> Done:
    return swarm.run("service", "create", image, "--name", name, *argv)


def test_an_image_that_is_nowhere_is_named(swarm: LocalSwarm) -> None:
    done = create(swarm, "lost", "nobody/has-this:1")
    assert_refused(done, 4, "no image nobody/has-this:1 here, and it cannot be pulled")
    swarm.must("service", "rm", "lost")


def test_a_constraint_that_no_node_meets_is_explained_for_each_node(swarm: LocalSwarm) -> None:
    done = create(swarm, "picky", "swarmpy/hello:1", "--constraint", "node.labels.disk==ssd")
    assert_refused(done, 3, "no node takes it; needs node.labels.disk==ssd (missing on 2 of 2)")
    why = swarm.must("why", "picky")
    for node in ("n1", "n2"):
        assert f"✘ {node}" in why
    assert "nearest: n1: swarmpy node update --label disk=ssd n1" in why
    swarm.must("node", "update", "n1", "--label", "disk=ssd")
    until(lambda: len(swarm.tasks("picky")) == 1, 20, "it runs once a node meets it")
    swarm.must("service", "rm", "picky")


def test_a_port_that_a_host_uses_itself_is_named_with_the_host(swarm: LocalSwarm) -> None:
    with socket.socket() as other:
        other.bind((swarm.nodes[1].address, 8092))
        other.listen()
        done = create(swarm, "shadowed", "swarmpy/hello:1", "-p", "8092:80")
        assert done.returncode == 0
        until(
            lambda: "port 8092/tcp does not answer on n2" in swarm.must("why", "shadowed"),
            10,
            "the reason is told",
        )
        assert "hello" in swarm.nodes[0].get(8092)
        assert "port 8092/tcp does not answer here" in swarm.must("events")
    until(lambda: "hello" in swarm.nodes[1].get(8092), 20, "the port is opened after all")
    assert "does not answer" not in swarm.must("why", "shadowed")
    swarm.must("service", "rm", "shadowed")


# --- who may not come in


@pytest.fixture
def outside(swarm: LocalSwarm) -> Iterator[Path]:
    """The state directory of a node that shall not come into being."""
    before = swarm.objects()["nodes"]
    state_dir = swarm.dir(OUTSIDER)
    yield state_dir
    assert not state_dir.exists()
    assert swarm.objects()["nodes"] == before


def join(swarm: LocalSwarm, token: str, state_dir: Path, **environment: str) -> Done:
    address = f"{swarm.nodes[0].address}:2377"
    flags = ["--state-dir", str(state_dir), *swarm.flags(OUTSIDER)]
    return swarmpy("join", address, "--token", token, *flags, environment=environment)


def new_token(swarm: LocalSwarm, *argv: str) -> str:
    return swarm.must("token", "create", "--quiet", *argv).strip()


def test_an_expired_token_is_refused(swarm: LocalSwarm, outside: Path) -> None:
    token = new_token(swarm, "--ttl", "1s")
    until(lambda: "expired" in swarm.must("token", "ls"), 10, "it is good no more")
    done = join(swarm, token, outside)
    assert_refused(done, 1, "this join token expired", "swarmpy token create")


def test_a_revoked_token_is_refused(swarm: LocalSwarm, outside: Path) -> None:
    token = new_token(swarm)
    swarm.must("token", "revoke", parse(token).token_id)
    assert_refused(join(swarm, token, outside), 1, "unknown or was revoked")


def test_a_token_of_another_authority_is_refused_and_its_secret_is_not_shown(
    swarm: LocalSwarm, outside: Path
) -> None:
    token = parse(new_token(swarm))
    other = Authority.create("another", time.time()).digest
    secret = mint(token.role, other, token.token_id, token.secret)
    done = join(swarm, secret, outside)
    assert_refused(done, 1, "for another swarm than the one that answers")
    shown = secret.rpartition("-")[2]
    assert shown not in done.stderr
    assert shown not in swarm.log_tail(1)


def test_a_machine_whose_clock_is_far_off_is_refused(
    swarm: LocalSwarm, outside: Path, tmp_path: Path
) -> None:
    late = "import time\nnow = time.time\ntime.time = lambda: now() + 3600\n"
    (tmp_path / "sitecustomize.py").write_text(late)
    done = join(swarm, new_token(swarm), outside, PYTHONPATH=str(tmp_path))
    assert_refused(done, 1, "clock", "3600 s ahead")


# --- what a machine lacks


def test_a_machine_without_docker_says_so_and_stays_as_it_was(tmp_path: Path) -> None:
    state_dir = tmp_path / "node"
    done = swarmpy(
        "init", "--state-dir", str(state_dir), "--advertise-addr", "127.0.74.1",
        "--listen-addr", "127.0.74.1", environment={"DOCKER_HOST": NOWHERE},
    )  # fmt: skip
    assert_refused(done, 1, "no Docker Engine answers", "--runtime process")
    assert not state_dir.exists()


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("42")
    done = swarmpy(
        "init", "--state-dir", str(tmp_path), "--advertise-addr", "127.0.74.4",
        "--listen-addr", "127.0.74.4",
    )  # fmt: skip
    assert_refused(done, 1, "is not empty", "--state-dir")
    assert (tmp_path / "thesis.txt").read_text() == "42"


def test_a_second_init_changes_nothing(swarm: LocalSwarm) -> None:
    before = swarm.objects()
    state_dir = swarm.nodes[0].state_dir
    done = swarm.run("init", "--state-dir", str(state_dir), *swarm.flags(1))
    assert_refused(done, 1, "is in a swarm already", "swarmpy leave")
    assert swarm.objects() == before


def test_a_port_of_the_node_s_own_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.74.2", 2377))
        other.listen()
        done = swarmpy(
            "init", "--state-dir", str(tmp_path / "node"), "--advertise-addr", "127.0.74.2",
            "--listen-addr", "127.0.74.2",
        )  # fmt: skip
    assert_refused(done, 1, "127.0.74.2:2377", "--cluster-port")
    assert not (tmp_path / "node").exists()


def test_nobody_answers_where_there_is_no_daemon(tmp_path: Path) -> None:
    nobody = {"SWARMPY_HOST": f"unix://{tmp_path}/swarmpy.sock"}
    assert_refused(swarmpy("node", "ls", environment=nobody), 1, "swarmpy.sock")


def test_init_on_a_full_disk_leaves_nothing(small_disk: Path) -> None:
    fill(small_disk)
    state_dir = small_disk / "node"
    done = swarmpy(
        "init", "--state-dir", str(state_dir), "--advertise-addr", "127.0.74.3",
        "--listen-addr", "127.0.74.3",
    )  # fmt: skip
    assert_refused(done, 1, "No space left on device", "make room")
    assert not state_dir.exists()


def test_a_disk_that_fills_up_refuses_writes_and_recovers_by_itself(small_disk: Path) -> None:
    swarm = LocalSwarm(small_disk)
    with ExitStack() as stack:
        stack.callback(swarm.end)
        swarm.found()
        swarm.must("config", "create", "before", "-", stdin="kept")
        ballast = fill(small_disk)
        tries = (
            swarm.run("config", "create", f"during{number}", "-", stdin="x" * 100_000)
            for number in range(10)
        )
        refused = next(done for done in tries if done.returncode)  # the log's zeros ahead are full
        assert_refused(refused, 1, "disk is full", "free space")
        kept = {row["spec"]["name"] for row in swarm.rows("config", "ls")}
        assert "before" in kept
        ballast.unlink()
        until(
            lambda: not swarm.run("config", "create", "after", "-", stdin="y").returncode,
            10,
            "writes are accepted again",
        )
        assert {row["spec"]["name"] for row in swarm.rows("config", "ls")} == {*kept, "after"}
