from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.actions import DeleteRow
from swarmpy.core.file_versions import revision_of
from swarmpy.core.references import Names, resolve_references
from swarmpy.errors import NotFound
from swarmpy.pb.objects_pb2 import Config, Network, Task
from swarmpy.pb.specs_pb2 import ConfigSpec, NetworkSpec, ServiceSpec, StackSpec
from swarmpy.pb.types_pb2 import TASK_STATE_FAILED, TASK_STATE_RUNNING
from tests.core.stack_world import EMPTY, SHOP, World, external, shop


def test_a_first_deploy_makes_everything_and_fills_in_the_references() -> None:
    world = World()
    assert world.deploy(shop(conf=b"1", key=b"s")) == {
        "network back": "created",
        "config conf": "created",
        "secret key": "created",
        "service web": "created",
    }
    [web] = world.services.values()
    [config] = world.configs.values()
    [network] = world.networks.values()
    assert (web.stack_id, config.stack_id, network.stack_id) == (SHOP, SHOP, SHOP)
    assert config.spec.name == "conf.1"
    assert world.ids() == {"conf": config.id}


def test_the_same_manifest_again_changes_nothing() -> None:
    world = World()
    world.deploy(shop(conf=b"1", key=b"s"))
    planned = world.plan(shop(conf=b"1", key=b"s"))
    assert {change.action for change in planned.changes} == {"unchanged"}
    assert not any((planned.create_services, planned.update_services, planned.delete))
    assert not any((planned.create_configs, planned.create_secrets, planned.create_networks))


def test_new_data_is_a_new_revision_and_rolls_the_service() -> None:
    world = World()
    world.deploy(shop(conf=b"1"))
    old = world.ids()["conf"]
    assert world.deploy(shop(conf=b"2")) == {
        "network back": "unchanged",
        "config conf": "updated",
        "service web": "updated",
    }
    assert world.configs[world.ids()["conf"]].spec.name == "conf.2"
    assert old in world.configs, "a rollback needs it"


def test_a_revision_goes_when_neither_the_present_nor_the_previous_spec_means_it() -> None:
    world = World()
    for data in (b"1", b"2", b"3"):
        world.deploy(shop(conf=data))
    assert [row.spec.name for row in world.configs.values()] == ["conf.2", "conf.3"]


def test_a_revision_stays_while_a_task_runs_with_it() -> None:
    world = World()
    world.deploy(shop(conf=b"1"))
    [web] = world.services.values()
    running = Task(id="t", service_id=web.id, spec=web.spec.task)
    running.status.state = TASK_STATE_RUNNING
    world.tasks.append(running)
    world.deploy(shop(conf=b"2"))
    world.deploy(shop(conf=b"3"))
    assert len(world.configs) == 3
    running.status.state = TASK_STATE_FAILED
    world.deploy(shop(conf=b"3"))
    assert len(world.configs) == 2


def test_going_back_to_old_data_is_another_version() -> None:
    world = World()
    world.deploy(shop(conf=b"1"))
    first = world.ids()
    world.deploy(shop(conf=b"2"))
    assert world.deploy(shop(conf=b"1"))["config conf"] == "updated"
    assert world.ids() != first, "the newest version is what the manifest says"


def test_a_service_that_left_the_manifest_is_removed_and_its_network_after_it() -> None:
    world = World()
    world.deploy(shop(conf=b"1", key=b"s"))
    planned = world.plan(EMPTY)
    assert planned.remove_services == tuple(world.services)
    assert [row.table for row in planned.delete] == ["networks", "configs", "secrets"]
    assert [(change.kind, change.action) for change in planned.changes] == [
        ("network", "removed"),
        ("config", "removed"),
        ("secret", "removed"),
        ("service", "removed"),
    ]


def test_a_service_that_is_being_removed_is_not_removed_twice() -> None:
    world = World()
    world.deploy(shop())
    world.deploy(EMPTY)
    assert world.plan(EMPTY).remove_services == ()


def test_a_network_that_left_the_manifest_stays_while_a_rollback_would_need_it() -> None:
    world = World()
    world.deploy(shop())
    assert world.deploy(shop(net=False)) == {"service web": "updated"}
    assert len(world.networks) == 1
    assert world.deploy(shop(net=False, image="nginx:2"))["network back"] == "removed"
    assert not world.networks


def test_labels_of_a_network_change_in_place() -> None:
    world = World()
    world.deploy(shop())
    spec = shop()
    spec.networks[0].labels["a"] = "b"
    assert world.deploy(spec)["network back"] == "updated"
    [row] = world.networks.values()
    assert row.spec.labels["a"] == "b"


def test_a_service_may_use_what_is_outside_of_its_stack() -> None:
    world = World()
    world.networks["n"] = Network(id="n", spec=NetworkSpec(name="wan"))
    world.configs["c"] = Config(id="c", spec=ConfigSpec(name="ca"))
    world.deploy(external("wan", config="ca"))
    assert world.ids() == {"ca": "c"}


def test_a_config_that_left_the_manifest_is_not_found_by_a_service_that_stayed() -> None:
    world = World()
    world.deploy(shop(conf=b"1"))
    spec = shop(conf=b"1")
    del spec.configs[:]
    with pytest.raises(NotFound, match="no config is named 'conf'"):
        world.plan(spec)


def test_a_spec_that_was_read_and_is_written_back_keeps_its_revision() -> None:
    world = World()
    world.deploy(shop(conf=b"1"))
    world.deploy(shop(conf=b"2"))
    names = Names.of(world.networks.values(), world.configs.values(), ())
    [web] = world.services.values()
    assert resolve_references(web.spec, names) == web.spec
    assert resolve_references(web.previous_spec, names) == web.previous_spec


def test_a_stacks_config_is_known_outside_by_its_name_and_its_newest_revision() -> None:
    world = World()
    world.deploy(shop(conf=b"1"))
    world.deploy(shop(conf=b"2"))
    names = Names.of((), world.configs.values(), ())
    assert names.configs["conf"] == names.configs["conf.2"] != names.configs["conf.1"]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [("a.1", ("a", 1)), ("a.b.12", ("a.b", 12)), ("a", ("a", 0)), ("a.b", ("a.b", 0))],
)
def test_revisions_are_read_from_stored_names(stored: str, expected: tuple[str, int]) -> None:
    assert revision_of(stored) == expected


MANIFESTS = st.builds(
    shop,
    image=st.sampled_from(["nginx:1", "nginx:2"]),
    conf=st.sampled_from([None, b"1", b"2"]),
    key=st.sampled_from([None, b"1", b"2"]),
    net=st.booleans(),
)


@given(st.lists(MANIFESTS, min_size=1, max_size=6))
def test_after_a_deploy_the_swarm_holds_what_the_manifest_says(specs: list[StackSpec]) -> None:
    world = World()
    for spec in specs:
        before = world.plan(spec)
        world.deploy(spec)
        [web] = world.services.values()
        for of in (web.spec, web.previous_spec):
            assert_references_are_there(of, world)
        for file in web.spec.task.containers[0].configs:
            assert world.configs[file.id].spec.data == spec.configs[0].data
        again = world.plan(spec)
        assert {c.action for c in again.changes} <= {"unchanged", "removed"}
        assert not any((again.create_configs, again.update_services, again.create_services))
        assert all(isinstance(row, DeleteRow) for row in before.delete)


def assert_references_are_there(spec: ServiceSpec, world: World) -> None:
    names = {row.spec.name for row in world.networks.values()}
    assert names.issuperset(attachment.network for attachment in spec.task.networks)
    for container in spec.task.containers:
        for file in (*container.configs, *container.secrets):
            assert file.id in world.configs or file.id in world.secrets
