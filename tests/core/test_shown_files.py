"""What a container is shown of configs and secrets."""

from __future__ import annotations

import pytest

from swarmpy.core.shown_files import expanded, shown_files
from swarmpy.core.template import values_of
from swarmpy.errors import TaskRefused
from swarmpy.pb.objects_pb2 import NodeDescription, Task
from swarmpy.pb.specs_pb2 import ConfigSpec, ContainerSpec, EnvironmentSource, SecretSpec, TaskSpec
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, FileReference, Mount

CONFIGS = {
    "page": ConfigSpec(data=b"hello"),
    "app": ConfigSpec(entries={"a.conf": b"1", "b": b"two"}),
    "told": ConfigSpec(
        data=b'{{.Task.Slot}} {{env "X"}} {{secret "key"}} {{config "page"}}', template=True
    ),
    "wrong": ConfigSpec(data=b'{{secret "other"}}', template=True),
    "raw": ConfigSpec(data=b"\xff"),
    "zero": ConfigSpec(data=b"a\0b"),
}
SECRETS = {"key": SecretSpec(data=b"hush"), "db": SecretSpec(entries={"user": b"me"})}
VALUES = values_of(Task(slot=2, node_id="n1"), NodeDescription(hostname="alpha"))


def find(kind: str, reference: FileReference) -> ConfigSpec | SecretSpec | None:
    return CONFIGS.get(reference.name) if kind == "config" else SECRETS.get(reference.name)


def shown(*configs: FileReference, **more: object) -> list[tuple[str, bytes, str]]:
    container = ContainerSpec(configs=configs, **more)  # type: ignore[arg-type]
    files = shown_files(container, find, VALUES)
    return [(one.target, one.data, one.directory) for one in files]


def test_one_file_one_key_or_a_directory_of_keys() -> None:
    assert shown(FileReference(name="page", target="/p")) == [("/p", b"hello", "")]
    assert shown(FileReference(name="app", target="/p", key="b")) == [("/p", b"two", "")]
    assert shown(FileReference(name="app", target="/etc/app")) == [
        ("/etc/app/a.conf", b"1", "/etc/app"),
        ("/etc/app/b", b"two", "/etc/app"),
    ]


def test_what_changes_in_place_is_mounted_with_its_directory() -> None:
    live = FileReference(name="page", target="/etc/x/p", on_change=FILE_CHANGE_LIVE)
    assert shown(live) == [("/etc/x/p", b"hello", "/etc/x")]


def test_a_template_sees_what_its_container_does() -> None:
    said = shown(
        FileReference(name="told", target="/t"),
        FileReference(name="page", target="/p"),
        secrets=[FileReference(name="key", target="/run/secrets/key")],
        environment={"X": "y"},
    )
    assert said[0] == ("/t", b"2 y hush hello", "")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (FileReference(name="gone", target="/x"), "config 'gone' did not come with the task"),
        (FileReference(name="app", target="/x", key="c"), "config 'app' has no key 'c'"),
        (FileReference(name="wrong", target="/x"), "its container has no secret of this name"),
    ],
)
def test_what_cannot_be_shown_is_refused(reference: FileReference, said: str) -> None:
    with pytest.raises(TaskRefused, match=said):
        shown(reference)


def source(kind: str, name: str, key: str = "", **fields: object) -> EnvironmentSource:
    made = EnvironmentSource(**fields)  # type: ignore[arg-type]
    reference = made.config if kind == "config" else made.secret
    reference.name, reference.key = name, key
    return made


def task(**fields: object) -> Task:
    return Task(spec=TaskSpec(containers=[ContainerSpec(**fields)]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of", "environment"),
    [
        (source("config", "app", "b", variable="B"), {"B": "two"}),
        (source("config", "app", prefix="P_"), {"P_a.conf": "1", "P_b": "two"}),
        (source("secret", "db"), {"user": "me"}),
        (source("config", "page", variable="PAGE"), {"PAGE": "hello"}),
        (source("config", "page"), {"page": "hello"}),
        (source("config", "gone", variable="X", optional=True), {}),
        (source("config", "app", "c", variable="X", optional=True), {}),
    ],
    ids=["a key", "all with a prefix", "all", "a file", "by its name", "no such", "no such key"],
)
def test_environment_comes_out_of_configs_and_secrets(
    of: EnvironmentSource, environment: dict[str, str]
) -> None:
    container = expanded(task(environment_from=[of]), find, VALUES).spec.containers[0]
    assert dict(container.environment) == environment


def test_what_the_spec_says_itself_stays() -> None:
    given = task(environment={"user": "you"}, environment_from=[source("secret", "db")])
    container = expanded(given, find, VALUES).spec.containers[0]
    assert dict(container.environment) == {"user": "you"}


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (source("config", "app", variable="X"), "is to be one key of config 'app', which has 2"),
        (source("config", "raw", variable="X"), "variable X is no text"),
        (source("config", "zero", variable="X"), "variable X has a zero byte"),
        (source("secret", "none", variable="X"), "secret 'none' did not come"),
    ],
)
def test_what_no_environment_can_hold_is_refused(of: EnvironmentSource, said: str) -> None:
    with pytest.raises(TaskRefused, match=said):
        expanded(task(environment_from=[of]), find, VALUES)


def test_environment_host_name_and_mounts_are_templates() -> None:
    given = task(
        environment={"WHO": "{{.Task.Slot}}@{{.Node.Hostname}}"},
        hostname="web-{{.Task.Slot}}",
        mounts=[Mount(source="data-{{.Task.Slot}}", target="/data")],
    )
    container = expanded(given, find, VALUES).spec.containers[0]
    assert container.environment["WHO"] == "2@alpha"
    assert (container.hostname, container.mounts[0].source) == ("web-2", "data-2")
    assert given.spec.containers[0].hostname == "web-{{.Task.Slot}}", "it is a copy"
