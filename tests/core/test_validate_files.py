"""What is wrong with configs, secrets and references to them is said by field."""

from __future__ import annotations

import pytest

from swarmpy.core.validate import validate_config, validate_service
from swarmpy.core.validate_files import DATA_MAX_BYTES
from swarmpy.errors import InvalidInput
from swarmpy.pb.specs_pb2 import ConfigSpec, EnvironmentSource
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, FileReference
from swarmpy.testing.builders import service_spec


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (ConfigSpec(name="a", data=b"1", entries={"k": b"2"}), "data: is given, and keys are too"),
        (ConfigSpec(name="a", entries={"..k": b""}), "entries: has the key '..k'"),
        (ConfigSpec(name="a", entries={"k/x": b""}), "entries: has the key 'k/x'"),
        (ConfigSpec(name="a", entries={"": b"x"}), "entries: has the key ''"),
        (ConfigSpec(name="a", entries={"k": bytes(DATA_MAX_BYTES), "l": b"x"}), "has 512001 bytes"),
        (ConfigSpec(name="a", data=b"{{.Nope}}", template=True), "data: has {{.Nope}}"),
        (
            ConfigSpec(name="a", entries={"k": b"{{"}, template=True),
            r"entries.k.: has {{ w",
        ),
        (ConfigSpec(name="a", data=b"\xff", template=True), "data: is no text"),
    ],
)
def test_a_config_that_cannot_be_stored(spec: ConfigSpec, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        validate_config(spec)


def live(target: str, **fields: object) -> FileReference:
    return FileReference(name="a", target=target, on_change=FILE_CHANGE_LIVE, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (live("/motd", key="k"), "a file in a directory of its own; use /config/motd"),
        (live("/etc/a", version=2), "version: is pinned, and it follows the newest"),
        (live("/etc/..a"), r"target: is '/etc/..a'"),
        (FileReference(name="a", target="/a", key="../k"), "key: is '../k'"),
        (FileReference(name="a", target="/a", on_change=7), "on_change: is 7"),  # type: ignore[arg-type]
    ],
)
def test_a_reference_that_cannot_be_shown(reference: FileReference, said: str) -> None:
    spec = service_spec("web")
    spec.task.containers[0].configs.append(reference)
    with pytest.raises(InvalidInput, match=said):
        validate_service(spec)


def source(**fields: object) -> EnvironmentSource:
    return EnvironmentSource(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (source(variable="X"), r"environment_from\[0\].source: is missing"),
        (source(config=FileReference(name="a"), variable="A=B"), "variable: is 'A=B'"),
        (source(config=FileReference(name="a"), variable="A", prefix="B"), "prefix: is given"),
        (source(secret=FileReference(name="a", key="k")), "variable: is empty, and a key is named"),
        (source(secret=FileReference(name="")), "secret.name: is ''"),
        (source(config=live("")), "config.on_change: is live"),
    ],
)
def test_environment_that_cannot_be_taken(of: EnvironmentSource, said: str) -> None:
    spec = service_spec("web")
    spec.task.containers[0].environment_from.append(of)
    with pytest.raises(InvalidInput, match=said):
        validate_service(spec)


@pytest.mark.parametrize("field", ["environment", "hostname"])
def test_a_template_that_cannot_be_filled_in_is_refused_where_it_stands(field: str) -> None:
    spec = service_spec("web")
    if field == "hostname":
        spec.task.containers[0].hostname = "{{.Task.Nope}}"
    else:
        spec.task.containers[0].environment["X"] = "{{.Task.Nope}}"
    with pytest.raises(InvalidInput, match=rf"{field}(\[X\])?: has {{{{.Task.Nope}}}}"):
        validate_service(spec)
