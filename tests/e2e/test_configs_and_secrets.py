"""Configs and secrets on a real engine: what a container sees, and what nobody else does."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import until
from tests.e2e.local_swarm import LocalSwarm, docker, local_swarm

pytestmark = pytest.mark.engine

CANARY = "canary-4711-0815"
SOON_S = 20.0
FOREVER = "trap 'exit 0' TERM; while :; do sleep 1 & wait; done"


@pytest.fixture(scope="module")
def swarm() -> Iterator[LocalSwarm]:
    with local_swarm(workers=0) as made:
        yield made


def serve(swarm: LocalSwarm, name: str, *flags: str) -> None:
    swarm.must(
        "service", "create", "--name", name, "--timeout", "30s", "--stop-grace", "1s", *flags,
        "swarmpy/hello:1", "--", "sh", "-c", FOREVER,
    )  # fmt: skip


def inside(swarm: LocalSwarm, task: str, line: str) -> str:
    """Return what a shell line prints in the container of a task."""
    return swarm.must("task", "exec", task, "sh", "-c", line)


def container_of(swarm: LocalSwarm, service: str) -> str:
    [task] = swarm.tasks(service)
    return str(task["status"]["container_id"])


def test_two_configs_make_two_behaviours_of_one_image(swarm: LocalSwarm) -> None:
    for colour in ("blue", "green"):
        swarm.must("config", "create", colour, "-", stdin=f"be {colour}")
        serve(swarm, colour, "--config", f"{colour}:/etc/colour")
    assert inside(swarm, "blue.1", "cat /etc/colour") == "be blue"
    assert inside(swarm, "green.1", "cat /etc/colour") == "be green"


def test_keys_are_files_and_environment(swarm: LocalSwarm, tmp_path: Path) -> None:
    (tmp_path / "app.conf").write_text("listen 80")
    swarm.must(
        "config", "create", "app", "--from-file", str(tmp_path), "--from-literal", "level=debug"
    )
    serve(
        swarm, "keys", "--config", "app:/etc/app,mode=0440,uid=7", "--env-from",
        "config:app,key=level,variable=LEVEL", "--env", "WHO={{.Service.Name}}.{{.Task.Slot}}",
    )  # fmt: skip
    assert inside(swarm, "keys.1", "ls /etc/app; cat /etc/app/*").split("\n") == [
        "app.conf", "level", "listen 80debug"
    ]  # fmt: skip
    assert inside(swarm, "keys.1", "stat -L -c '%a %u' /etc/app/level").strip() == "440 7"
    assert inside(swarm, "keys.1", "echo $LEVEL $WHO").strip() == "debug keys.1"


def test_an_unknown_key_is_refused_with_the_keys_there_are(swarm: LocalSwarm) -> None:
    swarm.must("config", "create", "few", "--from-literal", "a=1", "--from-literal", "b=2")
    done = swarm.run(
        "service", "create", "--name", "lost", "--config", "few:/x,key=c", "swarmpy/hello:1"
    )
    assert done.returncode == 2
    assert "config 'few' has no key 'c'; its keys: a, b" in done.stderr


def test_a_secret_is_in_the_container_and_nowhere_else(swarm: LocalSwarm) -> None:
    swarm.must("secret", "create", "word", "-", stdin=CANARY)
    serve(swarm, "safe", "--secret", "word")
    assert inside(swarm, "safe.1", "cat /run/secrets/word") == CANARY
    assert "tmpfs" in inside(swarm, "safe.1", "grep ' /run/secrets/word ' /proc/mounts")
    container = container_of(swarm, "safe")
    assert CANARY not in "\n".join(docker("inspect", container))
    root = docker("info", "-f", "{{.DockerRootDir}}")[0]
    for place in (f"{root}/containers/{container}", str(swarm.root)):
        found = subprocess.run(
            ["grep", "-rlF", CANARY, place], capture_output=True, text=True, check=False
        )
        assert found.stdout == "", f"{place} holds the secret"
    listed = swarm.must("secret", "inspect", "word", "--format", "json")
    assert CANARY not in listed
    assert str(len(CANARY)) in listed


def test_a_file_changes_in_place_and_the_container_runs_on(swarm: LocalSwarm) -> None:
    swarm.must("config", "create", "flags", "--from-literal", "beta=off")
    serve(swarm, "live", "--config", "flags:/etc/flags,live")
    before = container_of(swarm, "live")
    assert inside(swarm, "live.1", "cat /etc/flags/beta") == "off"
    swarm.must("config", "update", "flags", "--from-literal", "beta=on", "--from-literal", "x=1")
    until(
        lambda: inside(swarm, "live.1", "cat /etc/flags/beta") == "on", SOON_S, "the file changes"
    )
    assert inside(swarm, "live.1", "ls /etc/flags").split() == ["beta", "x"]
    assert container_of(swarm, "live") == before


def test_a_change_rolls_the_service_and_a_rollback_brings_the_old_content(
    swarm: LocalSwarm,
) -> None:
    swarm.must("config", "create", "page", "-", stdin="one")
    serve(swarm, "roll", "--config", "page:/etc/page", "--update-monitor", "100ms")
    before = container_of(swarm, "roll")
    assert "version 2" in swarm.must("config", "update", "page", "-", stdin="two")

    def said() -> str:
        return swarm.run("task", "exec", "roll.1", "cat", "/etc/page").stdout

    until(lambda: said() == "two", SOON_S, "another task has the new version")
    assert container_of(swarm, "roll") != before
    swarm.must("service", "rollback", "roll", "--timeout", "30s")
    until(lambda: said() == "one", SOON_S, "the old version is there again")
