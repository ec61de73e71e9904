"""Brings images to the engine, and says which digest a tag meant there.

A present image is not asked for at any registry, unless its container says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import structlog
from docker import APIClient
from docker.errors import APIError, ImageNotFound
from docker.utils import parse_repository_tag

from swarmpy.core.image_name import DOCKER_HUB, pinned, registry_of, repository_of
from swarmpy.errors import EngineUnavailable, ImageMissing
from swarmpy.pb.objects_pb2 import RegistryCredential
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import PULL_POLICY_ALWAYS, PULL_POLICY_NEVER
from swarmpy.runtime.docker_engine import Engine
from swarmpy.runtime.pull_progress import PullProgress

log = structlog.get_logger()

HUB_ADDRESS = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class Image:
    """One that the engine has."""

    reference: str
    """What to make a container of."""
    digest: str
    """"sha256:..." at its registry; empty for one that came from none."""


@dataclass(frozen=True, slots=True)
class _Pull:
    done: Future[None]
    progress: PullProgress


class Images:
    """Pulls each image once, however many tasks ask for it meanwhile."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pulls: dict[str, _Pull] = {}
        """Image -> the pull under way. Only the event loop's thread uses it."""
        self._waiting: dict[str, _Pull] = {}
        """Task -> the pull that it waits for."""

    async def bring(
        self,
        task_id: str,
        spec: ContainerSpec,
        digests: Mapping[str, str],
        registries: Mapping[str, RegistryCredential],
    ) -> Image:
        """Return the image of a container once the engine has it. Who is cancelled meanwhile
        stops no pull. `digests` say what is to be run for a tag.

        Raises:
            ImageMissing: the engine cannot get it, or is not to; says why in the engine's words.
            EngineUnavailable: the engine does not answer.
        """
        reference = pinned(spec.image, digests)
        if spec.pull_policy != PULL_POLICY_ALWAYS:
            found = await self._find(reference)
            if found is not None:
                return found
            if spec.pull_policy == PULL_POLICY_NEVER:
                raise ImageMissing(
                    f"no image {reference} here, and its pull policy is never",
                    remedy=f"docker pull {reference} on this node, or change the policy",
                )
        await self._pulled(task_id, reference, registries.get(registry_of(reference)))
        found = await self._find(reference)
        if found is None:
            raise EngineUnavailable(f"image {reference} was pulled and is gone again")
        return found

    def progress(self, task_id: str) -> str:
        """Return how far the pull is that a task waits for; "" when it waits for none."""
        pull = self._waiting.get(task_id)
        return "" if pull is None else pull.progress.words()

    async def _find(self, reference: str) -> Image | None:
        found = await self._engine.ask("inspect an image", lambda c: _inspect(c, reference))
        if found is None:
            return None
        return Image(reference, _digest(reference, found.get("RepoDigests") or ()))

    async def _pulled(
        self, task_id: str, reference: str, credential: RegistryCredential | None
    ) -> None:
        pull = self._pulls.get(reference)
        if pull is None:
            log.info("image_pull", image=reference, login=credential is not None)
            progress = PullProgress()
            done = self._engine.submit(
                self._engine.pulls,
                f"pull {reference}",
                _pull(reference, credential, progress.note),
                ImageMissing,
            )
            pull = self._pulls[reference] = _Pull(done, progress)
        self._waiting[task_id] = pull
        try:
            await asyncio.shield(asyncio.wrap_future(pull.done))
        finally:
            self._waiting.pop(task_id, None)
            if pull.done.done() and self._pulls.get(reference) is pull:
                del self._pulls[reference]


def _inspect(client: APIClient, reference: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.inspect_image(reference)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        return None
    return found


def _pull(
    reference: str,
    credential: RegistryCredential | None,
    note: Callable[[Mapping[str, Any]], None],
) -> Callable[[APIClient], None]:
    """Return the call that pulls."""

    def pull(client: APIClient) -> None:
        repository, tag = parse_repository_tag(reference)
        login = None if credential is None else _login(credential)
        try:
            for event in client.pull(
                repository, tag or "latest", stream=True, decode=True, auth_config=login
            ):
                if "error" in event:
                    raise _missing(reference, str(event["error"]), credential)
                note(event)
        except APIError as error:
            raise _missing(reference, str(error.explanation or error), credential) from error

    return pull


def _login(credential: RegistryCredential) -> dict[str, str]:
    """Return what the engine is given as X-Registry-Auth."""
    name = credential.registry
    return {
        "username": credential.username,
        "password": credential.password.decode(),
        "serveraddress": HUB_ADDRESS if name == DOCKER_HUB else name,
    }


def _missing(image: str, words: str, credential: RegistryCredential | None) -> ImageMissing:
    registry = registry_of(image)
    remedy = f"check the name; or swarmpy registry login {registry}, where it asks for that; "
    if credential is not None:
        remedy = f"check the name, and that {credential.username} may have it at {registry}; "
    return ImageMissing(
        f"no image {image} here, and it cannot be pulled: {words}",
        remedy=f"{remedy}or docker pull {image} on this node",
    )


def _digest(reference: str, repo_digests: Any) -> str:
    """Return the digest that an image has in the repository it is named after."""
    if "@" in reference:
        return reference.partition("@")[2]
    wanted = _short(repository_of(reference))
    for one in repo_digests:
        repository, _, digest = str(one).partition("@")
        if _short(repository) == wanted:
            return digest
    return ""


def _short(repository: str) -> str:
    """Return a repository's name as engines shorten it."""
    return repository.removeprefix(f"{DOCKER_HUB}/").removeprefix("library/")
