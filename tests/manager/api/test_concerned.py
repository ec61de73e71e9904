"""A deployment looks at the files it is about, not at all that the swarm holds."""

from __future__ import annotations

import pytest

from swarmpy.manager.api.concerned import concerned
from swarmpy.pb.objects_pb2 import Config
from swarmpy.pb.specs_pb2 import ContainerSpec, ServiceSpec, TaskSpec
from swarmpy.pb.types_pb2 import FileReference
from swarmpy.store.view import View


def view_of(**stack_of: str) -> View:
    """Return a view with configs `id=stack:name`."""
    view = View()
    for row_id, where in stack_of.items():
        stack_id, _, name = where.partition(":")
        row = Config(id=row_id, stack_id=stack_id)
        row.spec.name = name
        view.configs.put(row_id, row)
    return view


def service(**reference: str) -> ServiceSpec:
    return ServiceSpec(
        task=TaskSpec(containers=[ContainerSpec(configs=[FileReference(**reference)])])  # type: ignore[arg-type]
    )


VIEW = view_of(
    a="s1:page.1", b="s1:page.2", c="s1:other.1", d="s2:page.3", e=":plain", f=":far", g="s2:far.7"
)


@pytest.mark.parametrize(
    ("names", "services", "stack_id", "found"),
    [
        ((), (), "", ""),
        ((), (), "s1", "abc"),
        (("page",), (), "", "abd"),
        (("plain",), (), "s2", "deg"),
        ((), (service(name="plain"),), "", "e"),
        ((), (service(name="far"),), "", "fg"),
        ((), (service(name="page.2"),), "", "abd"),
        ((), (service(id="c"),), "", "c"),
        ((), (service(name="nowhere", id="gone"),), "", ""),
    ],
    ids=[
        "nothing",
        "all of the stack",
        "every revision of a name in the manifest",
        "a name without revisions",
        "a name that a service refers to",
        "and every revision of it, of whichever stack",
        "one revision that a service refers to",
        "an id that a service refers to",
        "what is not there",
    ],
)
def test_these_rows_are_concerned(
    names: tuple[str, ...], services: tuple[ServiceSpec, ...], stack_id: str, found: str
) -> None:
    rows = concerned(VIEW.configs, names, services, stack_id)
    assert sorted(row.id for row in rows) == list(found)
