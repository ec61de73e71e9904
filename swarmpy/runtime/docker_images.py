"""Brings images to the engine. A present image is never asked for at any registry."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import structlog
from docker import APIClient
from docker.errors import APIError, ImageNotFound
from docker.utils import parse_repository_tag

from swarmpy.errors import ImageMissing
from swarmpy.runtime.docker_engine import Engine

log = structlog.get_logger()


class Images:
    """Pulls each image once, however many tasks ask for it meanwhile."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pulls: dict[str, Future[None]] = {}
        """Image -> the pull under way. Only the event loop's thread uses it."""

    async def bring(self, image: str, remedy: str) -> None:
        """Return when the engine has the image. Who is cancelled meanwhile stops no pull.

        Raises:
            ImageMissing: the engine cannot get it; says why in the engine's words.
            EngineUnavailable: the engine does not answer.
        """
        pull = self._pulls.get(image)
        if pull is None:
            log.info("image_pull", image=image)
            pull = self._engine.submit(
                self._engine.pulls,
                f"pull {image}",
                lambda client: _pull(client, image, remedy),
                ImageMissing,
            )
            self._pulls[image] = pull
        try:
            await asyncio.shield(asyncio.wrap_future(pull))
        finally:
            if pull.done() and self._pulls.get(image) is pull:
                del self._pulls[image]


def _pull(client: APIClient, image: str, remedy: str) -> None:
    """Pull, unless somebody else has meanwhile."""
    try:
        client.inspect_image(image)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        repository, tag = parse_repository_tag(image)
        try:
            for progress in client.pull(repository, tag or "latest", stream=True, decode=True):
                if "error" in progress:
                    raise _missing(image, str(progress["error"]), remedy)
        except APIError as error:
            raise _missing(image, str(error.explanation or error), remedy) from error


def _missing(image: str, words: str, remedy: str) -> ImageMissing:
    return ImageMissing(f"no image {image} here, and it cannot be pulled: {words}", remedy=remedy)
