"""What the name of an image says."""

from __future__ import annotations

import pytest

from swarmpy.core.image_name import pinned, registry_name, registry_of, repository_of
from swarmpy.core.image_pins import digests_for, pins_after
from swarmpy.core.new_task import new_task, successor
from swarmpy.core.validate_registry import validate_login
from swarmpy.errors import InvalidInput
from swarmpy.pb.control_pb2 import LoginRegistryRequest
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.testing.builders import service_spec

D1, D2 = "sha256:" + "1" * 64, "sha256:" + "2" * 64


@pytest.mark.parametrize(
    ("image", "registry", "repository"),
    [
        ("nginx", "docker.io", "nginx"),
        ("nginx:1.27", "docker.io", "nginx"),
        ("team/app:1", "docker.io", "team/app"),
        ("docker.io/library/nginx:1", "docker.io", "docker.io/library/nginx"),
        ("ghcr.io/team/app", "ghcr.io", "ghcr.io/team/app"),
        ("127.0.0.1:5000/app:1", "127.0.0.1:5000", "127.0.0.1:5000/app"),
        ("localhost/app", "localhost", "localhost/app"),
        (f"r.example:5/app:1@{D1}", "r.example:5", "r.example:5/app"),
    ],
)
def test_an_image_is_at_a_registry(image: str, registry: str, repository: str) -> None:
    assert (registry_of(image), repository_of(image)) == (registry, repository)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("r.example:5/app:1", f"r.example:5/app@{D1}"),
        ("app", f"app@{D1}"),
        (f"app@{D2}", f"app@{D2}"),
        ("other:1", "other:1"),
    ],
    ids=["a tag", "none", "a digest stays", "not known"],
)
def test_a_pinned_image_is_run_by_its_digest(image: str, expected: str) -> None:
    digests = {"r.example:5/app:1": D1, "app": D1, f"app@{D2}": D1}
    assert pinned(image, digests) == expected


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("https://Index.Docker.io/v1/", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("http://r.example:5000/", "r.example:5000"),
    ],
)
def test_registries_are_named_as_images_name_them(typed: str, name: str) -> None:
    assert registry_name(typed) == name


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (LoginRegistryRequest(registry="", username="a", password=b"b"), "registry: is ''"),
        (LoginRegistryRequest(registry="a b", username="a", password=b"b"), "HOST or HOST:PORT"),
        (LoginRegistryRequest(registry="r", password=b"b"), "username: is empty"),
        (LoginRegistryRequest(registry="r", username="a"), "password: is empty"),
        (LoginRegistryRequest(registry="r", username="a", password=b"\xff"), "is no text"),
    ],
)
def test_a_login_that_cannot_be_is_refused(request_: LoginRegistryRequest, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        validate_login(request_)


def service(image: str = "app:1", **fields: object) -> Service:
    row = Service(id="s", spec=service_spec("web"), spec_version=3, **fields)  # type: ignore[arg-type]
    row.spec.task.containers[0].image = image
    return row


def said(row: Service, digest: str, spec_version: int = 3) -> Task:
    task = Task(service_id=row.id, spec_version=spec_version)
    task.status.image_digests[row.spec.task.containers[0].image] = digest
    return task


def test_the_first_that_says_what_a_tag_means_decides() -> None:
    row = service()
    pins = pins_after(row, said(row, D1))
    assert pins is not None
    row.image_pins.CopyFrom(pins)
    assert dict(digests_for(row)) == {"app:1": D1}
    assert pins_after(row, said(row, D2)) is None
    assert pins_after(row, said(row, D1)) is None


@pytest.mark.parametrize(
    ("row", "version"),
    [(service(), 2), (service(f"app@{D1}"), 3)],
    ids=["of an older version", "a digest is pinned already"],
)
def test_what_pins_nothing(row: Service, version: int) -> None:
    assert pins_after(row, said(row, D1, version)) is None


def test_who_wants_tags_as_they_are_gets_no_pins() -> None:
    row = service()
    row.spec.no_resolve_image = True
    assert pins_after(row, said(row, D1)) is None
    row.image_pins.spec_version = 3
    row.image_pins.digests["app:1"] = D1
    assert dict(digests_for(row)) == {}


def test_tasks_of_the_pinned_version_run_its_digest_and_those_of_the_next_ask_again() -> None:
    row = service()
    row.image_pins.spec_version = 3
    row.image_pins.digests["app:1"] = D1
    task = new_task(row, slot=1)
    assert dict(task.image_digests) == {"app:1": D1}
    assert dict(successor(task).image_digests) == {"app:1": D1}
    row.spec_version = 4
    assert dict(new_task(row, slot=1).image_digests) == {}
