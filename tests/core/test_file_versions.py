"""What a version of a config or secret is, who follows it, and when it is over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.file_versions import (
    contents,
    family_of,
    followed,
    newest_of,
    next_number,
    number_of,
    outdated,
    refers_to,
    same_content,
)
from swarmpy.core.references import Names, resolve_references
from swarmpy.errors import InvalidInput, NotFound, SwarmPyError
from swarmpy.pb.objects_pb2 import Config
from swarmpy.pb.specs_pb2 import ConfigSpec, ContainerSpec, ServiceSpec, TaskSpec
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, FileReference


def version(number: int, name: str = "motd", stack: str = "", **entries: bytes) -> Config:
    stored = f"{name}.{number}" if number > 1 or stack else name
    spec = ConfigSpec(name=stored, entries=entries)
    return Config(
        id=f"{name}{number}", spec=spec, stack_id=stack, number=number if number > 1 else 0
    )


def service(*references: FileReference) -> ServiceSpec:
    return ServiceSpec(name="web", task=TaskSpec(containers=[ContainerSpec(configs=references)]))


def names(*rows: Config) -> Names:
    return Names.of((), rows, ())


@pytest.mark.parametrize(
    ("row", "family", "number"),
    [
        (version(1), "motd", 1),
        (version(2), "motd", 2),
        (version(1, "nginx-1.27"), "nginx-1.27", 1),
        (version(3, "nginx-1.27"), "nginx-1.27", 3),
        (version(1, "shop_page", "s"), "shop_page", 1),
        (version(2, "shop_page", "s"), "shop_page", 2),
    ],
    ids=["first", "second", "a name with a dot", "and its third", "a stack's", "and its second"],
)
def test_a_row_is_a_version_of_a_family(row: Config, family: str, number: int) -> None:
    assert (family_of(row), number_of(row)) == (family, number)


def test_the_next_number_passes_over_names_that_are_taken() -> None:
    assert next_number("motd", [version(1), version(4)], {"motd.5"}.__contains__) == 6
    assert next_number("motd", [], {"motd"}.__contains__) == 1


def test_content_is_data_keys_labels_and_being_a_template() -> None:
    one = ConfigSpec(name="a", entries={"k": b"1"})
    assert same_content(one, ConfigSpec(name="a.2", entries={"k": b"1"}))
    for other in (
        ConfigSpec(name="a", entries={"k": b"2"}),
        ConfigSpec(name="a", data=b"1"),
        ConfigSpec(name="a", entries={"k": b"1"}, template=True),
        ConfigSpec(name="a", entries={"k": b"1"}, labels={"x": "y"}),
    ):
        assert not same_content(one, other)
    assert contents(ConfigSpec(data=b"x")) == {"": b"x"}
    assert list(contents(version(1, b=b"2", a=b"1").spec)) == ["a", "b"]


ROWS = (version(1, a=b"1"), version(2, b=b"2"), version(3, "page"))


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        (FileReference(name="motd"), "motd2"),
        (FileReference(name="motd.2"), "motd2"),
        (FileReference(name="motd", version=1), "motd1"),
        (FileReference(name="motd", version=1, id="motd2"), "motd1"),
        (FileReference(name="motd", id="motd1"), "motd1"),
        (FileReference(name="motd", id="gone"), "motd2"),
        (FileReference(name="page"), "page3"),
        (FileReference(name="motd", on_change=FILE_CHANGE_LIVE), ""),
    ],
    ids=[
        "newest",
        "as it is stored",
        "pinned",
        "pinned to another than before",
        "written back",
        "what it meant is gone",
        "the only one left",
        "live: it means none of them",
    ],
)
def test_a_reference_means_one_version(reference: FileReference, found: str) -> None:
    resolved = resolve_references(service(reference), names(*ROWS))
    assert resolved.task.containers[0].configs[0].id == found


@pytest.mark.parametrize(
    ("reference", "error", "said"),
    [
        (FileReference(name="moth"), NotFound, r"configs\[0\].name: no config is named 'moth'"),
        (FileReference(name="motd", version=7), NotFound, "config 'motd' has no version 7"),
        (
            FileReference(name="motd", key="a"),
            InvalidInput,
            r"configs\[0\].key: config 'motd' has no key 'a'; its keys: b",
        ),
        (FileReference(name="page", key="a"), InvalidInput, "its keys: none: it is one file"),
        (
            FileReference(name="motd", key="a", on_change=FILE_CHANGE_LIVE),
            InvalidInput,
            "its keys: b",
        ),
        (FileReference(name="moth", on_change=FILE_CHANGE_LIVE), NotFound, "no config is named"),
    ],
    ids=["no such name", "version", "key", "key of a file", "live key", "live name"],
)
def test_what_is_not_there_is_refused_by_the_place_it_is_named_at(
    reference: FileReference, error: type[SwarmPyError], said: str
) -> None:
    with pytest.raises(error, match=said):
        resolve_references(service(reference), names(*ROWS))


def test_what_is_optional_may_be_missing() -> None:
    spec = service()
    source = spec.task.containers[0].environment_from.add(optional=True)
    source.config.name = "nowhere"
    resolved = resolve_references(spec, names(*ROWS))
    assert resolved.task.containers[0].environment_from[0].config.id == ""


def test_environment_is_resolved_as_files_are() -> None:
    spec = service()
    source = spec.task.containers[0].environment_from.add(variable="B")
    source.config.name, source.config.key = "motd", "b"
    resolved = resolve_references(spec, names(*ROWS))
    assert resolved.task.containers[0].environment_from[0].config.id == "motd2"
    source.config.key = "c"
    with pytest.raises(InvalidInput, match=r"environment_from\[0\].config.key: .* has no key 'c'"):
        resolve_references(spec, names(*ROWS))


@pytest.mark.parametrize(
    ("reference", "moves"),
    [
        (FileReference(name="motd", id="motd1"), True),
        (FileReference(name="motd", id="motd1", version=1), False),
        (FileReference(name="motd", on_change=FILE_CHANGE_LIVE), False),
        (FileReference(name="motd.1", id="motd1"), False),
        (FileReference(name="page", id="page3"), False),
    ],
    ids=["newest", "pinned", "live", "one version by its stored name", "another"],
)
def test_who_follows_the_newest_moves_to_it(reference: FileReference, moves: bool) -> None:
    spec = service(reference)
    assert followed(spec, "config", {"motd1"}, version(2)) is moves
    assert (spec.task.containers[0].configs[0].id == "motd2") is moves
    assert not followed(spec, "config", {"motd1"}, version(2)), "once is enough"


def test_a_live_reference_needs_every_version_of_its_family_and_no_other() -> None:
    live = FileReference(name="motd", on_change=FILE_CHANGE_LIVE)
    assert [refers_to(live, row) for row in ROWS] == [True, True, False]


FAMILIES = st.lists(st.integers(1, 9), unique=True, max_size=6).map(
    lambda numbers: [version(number) for number in numbers]
)


@given(FAMILIES, st.sets(st.sampled_from([f"motd{n}" for n in range(1, 10)])))
def test_only_old_versions_that_nothing_refers_to_are_over(
    rows: list[Config], used: set[str]
) -> None:
    over = outdated(rows, used)
    gone = {row.id for row in over}
    assert gone.isdisjoint(used)
    newest = newest_of(rows)
    assert newest is None or newest.id not in gone
    left = [row for row in rows if row.id not in gone]
    assert outdated(left, used) == [], "and what is left stays"
    assert all(row.id in used or row is newest for row in left), "nothing else is kept"
