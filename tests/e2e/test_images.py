"""Images from a registry that asks for a login, pinned to what their tag meant."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.cluster import until
from tests.e2e.local_swarm import ENGINE, LocalSwarm, docker, local_swarm, require_engine
from tests.registry import Registry, serving

pytestmark = pytest.mark.engine

PASSWORD = "hush-4711-0815"
SLEEP = ("--", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait; done")


@pytest.fixture(scope="module")
def swarm() -> Iterator[LocalSwarm]:
    with local_swarm(workers=0) as made:
        yield made


@pytest.fixture
def registry() -> Registry:
    return Registry(login=f"me:{PASSWORD}")


@pytest.fixture
def host(registry: Registry) -> Iterator[str]:
    require_engine()
    with serving(registry) as address:
        yield address
    for name in docker("images", "--format", "{{.Repository}}:{{.Tag}}@{{.Digest}}", "--digests"):
        if name.startswith(address):
            repository_and_tag, _, digest = name.partition("@")
            tagged = not repository_and_tag.endswith(":<none>")
            bare = repository_and_tag.removesuffix(":<none>")
            with contextlib.suppress(subprocess.CalledProcessError):
                docker("rmi", "-f", repository_and_tag if tagged else f"{bare}@{digest}")


@pytest.fixture(scope="module")
def saved() -> bytes:
    argv = ["docker", "-H", ENGINE, "save", "swarmpy/hello:1"]
    return subprocess.run(argv, capture_output=True, check=True).stdout


def test_a_service_is_pulled_with_the_swarms_login_and_keeps_its_digest(
    swarm: LocalSwarm, registry: Registry, host: str, saved: bytes
) -> None:
    old = registry.put("app", "1", saved)
    done = swarm.run(
        "service", "create", "--name", "shy", "--timeout", "3s", f"{host}/app:1", *SLEEP
    )
    assert done.returncode != 0
    assert f"swarmpy registry login {host}" in done.stdout + done.stderr
    swarm.must("service", "rm", "shy")

    swarm.must("registry", "login", host, "-u", "me", "--password-stdin", stdin=PASSWORD)
    assert PASSWORD not in swarm.must("registry", "ls", "--format", "json")
    create = ("service", "create", "--name", "app", "--timeout", "30s", "--stop-grace", "1s")
    swarm.must(*create, f"{host}/app:1", *SLEEP)

    def pins() -> dict[str, str]:
        [service] = [row for row in swarm.rows("service", "ls") if row["spec"]["name"] == "app"]
        return dict(service.get("image_pins", {}).get("digests", {}))

    until(lambda: pins() == {f"{host}/app:1": old}, 10, "the digest is pinned")
    new = registry.put("app", "1", saved, layer=b"new")
    assert new != old
    swarm.must("service", "scale", "app=2", "--timeout", "30s")
    references = {docker("inspect", "-f", "{{.Config.Image}}", one)[0] for one in _ids(swarm)}
    assert f"{host}/app@{old}" in references, "the second task runs the digest"
    assert registry.pulls(f"/v2/app/manifests/{new}") == 0
    logs = swarm.nodes[0].state_dir
    found = subprocess.run(
        ["grep", "-rlF", PASSWORD, str(logs)], capture_output=True, text=True, check=False
    )
    assert found.stdout == "", "the password is on a disk"


def _ids(swarm: LocalSwarm) -> list[str]:
    return [str(task["status"]["container_id"]) for task in swarm.tasks("app")]
