"""Images come from a real registry: by tag or digest, with or without a login, told how far."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker import APIClient
from docker.errors import ImageNotFound

from swarmpy.errors import ImageMissing
from swarmpy.pb.objects_pb2 import RegistryCredential, Task
from swarmpy.pb.specs_pb2 import ContainerSpec, TaskSpec
from swarmpy.pb.types_pb2 import PULL_POLICY_ALWAYS, PULL_POLICY_NEVER
from swarmpy.runtime.docker import DockerRuntime
from swarmpy.seams import Dependencies
from tests.conformance.conftest import IMAGE, MakeRuntime
from tests.registry import Registry, serving

pytestmark = pytest.mark.engine

NOTHING = Dependencies({}, {}, {})
LOGIN = "me:hush-4711"


@pytest.fixture(scope="session")
def saved(docker_host: str) -> bytes:
    """A small image, as `docker save` writes it."""
    engine = APIClient(docker_host)
    try:
        return b"".join(engine.get_image(IMAGE))
    finally:
        engine.close()


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def host(registry: Registry, docker_host: str) -> Iterator[str]:
    """A registry that runs; nothing that was pulled from it stays."""
    with serving(registry) as address:
        yield address
    engine = APIClient(docker_host)
    for image in engine.images():
        names = [*(image["RepoTags"] or ()), *(image["RepoDigests"] or ())]
        for name in names:
            if name.startswith(address):
                with contextlib.suppress(ImageNotFound):
                    engine.remove_image(name, force=True)
    engine.close()


@pytest.fixture
def task(node_id: str) -> Callable[..., Task]:
    def make(image: str, number: int = 1, digest: str = "", **fields: Any) -> Task:
        container = ContainerSpec(image=image, command=["sleep", "600"], **fields)
        digests = {image: digest} if digest else {}
        return Task(
            id=f"{node_id}t{number}",
            service_name="web",
            slot=number,
            node_id=node_id,
            spec=TaskSpec(containers=[container]),
            image_digests=digests,
        )

    return make


@pytest.fixture
def runtime(docker_runtime: MakeRuntime, node_id: str) -> DockerRuntime:
    return docker_runtime(node_id)


def logged_in(registry: str, password: bytes = b"hush-4711") -> Dependencies:
    credential = RegistryCredential(registry=registry, username="me", password=password)
    return Dependencies({}, {}, {}, registries={registry: credential})


async def digests(runtime: DockerRuntime, task_id: str) -> dict[str, str]:
    container = await runtime.inspect(task_id)
    assert container is not None
    return dict(container.image_digests)


async def test_a_tag_is_pulled_once_and_its_digest_is_told(
    runtime: DockerRuntime, registry: Registry, host: str, saved: bytes, task: Callable[..., Task]
) -> None:
    digest = registry.put("app", "1", saved)
    image = f"{host}/app:1"
    await asyncio.gather(*(runtime.prepare(task(image, n), NOTHING) for n in (1, 2, 3)))
    assert registry.pulls("/v2/app/manifests/1") == 1
    for number in (1, 2, 3):
        assert await digests(runtime, task(image, number).id) == {image: digest}


async def test_a_pinned_task_runs_the_digest_whatever_the_tag_means_by_now(
    runtime: DockerRuntime, registry: Registry, host: str, saved: bytes, task: Callable[..., Task]
) -> None:
    old = registry.put("app", "1", saved)
    new = registry.put("app", "1", saved, layer=b"new")
    image = f"{host}/app:1"
    await runtime.prepare(task(image, 1), NOTHING)
    await runtime.prepare(task(image, 2, digest=old), NOTHING)
    assert await digests(runtime, task(image, 1).id) == {image: new}
    assert await digests(runtime, task(image, 2).id) == {image: old}


async def test_the_policy_says_when_a_registry_is_asked(
    runtime: DockerRuntime, registry: Registry, host: str, saved: bytes, task: Callable[..., Task]
) -> None:
    old = registry.put("app", "1", saved)
    image = f"{host}/app:1"
    with pytest.raises(ImageMissing, match="its pull policy is never"):
        await runtime.prepare(task(image, 1, pull_policy=PULL_POLICY_NEVER), NOTHING)
    assert registry.asked == []
    await runtime.prepare(task(image, 2), NOTHING)
    new = registry.put("app", "1", saved, layer=b"new")
    await runtime.prepare(task(image, 3), NOTHING)
    await runtime.prepare(task(image, 4, pull_policy=PULL_POLICY_NEVER), NOTHING)
    await runtime.prepare(task(image, 5, pull_policy=PULL_POLICY_ALWAYS), NOTHING)
    found = [(await digests(runtime, task(image, n).id))[image] for n in (2, 3, 4, 5)]
    assert found == [old, old, old, new]


async def test_a_registry_that_asks_for_it_is_logged_in_to(
    runtime: DockerRuntime, registry: Registry, host: str, saved: bytes, task: Callable[..., Task]
) -> None:
    registry.login = LOGIN
    digest = registry.put("app", "1", saved)
    image = f"{host}/app:1"
    with pytest.raises(ImageMissing) as refused:
        await runtime.prepare(task(image), NOTHING)
    assert f"swarmpy registry login {host}" in refused.value.remedy
    with pytest.raises(ImageMissing) as refused:
        await runtime.prepare(task(image), logged_in(host, b"wrong-0815"))
    assert "that me may have it" in refused.value.remedy
    assert "wrong-0815" not in str(refused.value) + refused.value.remedy
    await runtime.prepare(task(image), logged_in(host))
    assert await digests(runtime, task(image).id) == {image: digest}


async def test_how_far_a_pull_is_is_told(
    runtime: DockerRuntime, registry: Registry, host: str, saved: bytes, task: Callable[..., Task]
) -> None:
    registry.put("app", "1", saved, layer=random.Random(1).randbytes(4_000_000))
    registry.chunk_pause_s = 0.03
    wanted = task(f"{host}/app:1")
    preparing = asyncio.get_running_loop().create_task(runtime.prepare(wanted, NOTHING))
    said: list[str] = []
    while not preparing.done():
        words = runtime.progress(wanted.id)
        if words and words not in said:
            said.append(words)
        await asyncio.sleep(0.01)
    await preparing
    assert any(words.startswith("pulling ") and words.endswith(" MB") for words in said), said
    assert runtime.progress(wanted.id) == ""
