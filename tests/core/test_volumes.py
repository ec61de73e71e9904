"""Volumes outlive their tasks, and tasks stay where their volumes are."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmpy.core.task_life import is_live
from swarmpy.core.validate_volume import validate_volume
from swarmpy.core.volume_life import decide
from swarmpy.errors import InvalidInput
from swarmpy.pb.objects_pb2 import Service, Volume
from swarmpy.pb.specs_pb2 import (
    VOLUME_RETENTION_DELETE,
    VOLUME_SCOPE_NODE,
    VOLUME_SCOPE_PINNED,
    VOLUME_SCOPE_SLOT,
    ServiceSpec,
    TaskSpec,
    VolumeScope,
    VolumeSpec,
)
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    AVAILABILITY_DRAIN,
    NODE_STATE_READY,
    TASK_STATE_RUNNING,
)
from swarmpy.testing.builders import service, service_spec, stateful_spec, task_spec
from tests.core.toy_world import ToyWorld


def with_data(image: str = "db:1") -> TaskSpec:
    spec = task_spec(image)
    spec.containers[0].mounts.add(source="data", target="/data")
    return spec


def db(replicas: int = 3, image: str = "db:1", *, parallel: bool = True) -> ServiceSpec:
    return stateful_spec("db", replicas=replicas, task=with_data(image), parallel=parallel)


def declare(world: ToyWorld, scope: VolumeScope.ValueType = VOLUME_SCOPE_SLOT, **spec: int) -> None:
    with world.change() as tx:
        row = Volume(id="v-data", spec=VolumeSpec(name="data", scope=scope))
        for field, value in spec.items():
            setattr(row.spec, field, value)
        tx.volumes.create(row)


def homes(world: ToyWorld) -> dict[str, str]:
    """Return volume name -> its node, of those made for a slot."""
    return {row.spec.name: row.node_ids[0] for row in world.view.volumes if row.service_id}


def where_its_volume_is(world: ToyWorld) -> None:
    """No task of a slot is ever on another node than its volume."""
    for task in world.view.tasks:
        for volume_id in task.volumes.values():
            row = world.view.volumes.find(volume_id)
            if row is not None and is_live(task) and row.spec.scope != VOLUME_SCOPE_NODE:
                assert list(row.node_ids) == [task.node_id]


def test_each_slot_has_a_volume_of_its_own_where_its_first_task_was_placed() -> None:
    world = ToyWorld(watch=where_its_volume_is)
    declare(world)
    world.deploy(db())
    world.settle()
    on = {f"data-{task.name}": task.node_id for task in world.running()}
    assert homes(world) == on
    assert len(set(on.values())) == 3


def test_a_replacement_goes_where_the_volume_is_and_nowhere_else() -> None:
    world = ToyWorld(watch=where_its_volume_is)
    declare(world)
    world.deploy(db())
    world.settle()
    before = homes(world)
    for task in world.running():
        world.kill(task)
    world.settle()
    assert {f"data-{task.name}": task.node_id for task in world.running()} == before


def test_a_drained_node_s_slot_waits_for_it_and_says_what_for() -> None:
    world = ToyWorld(watch=where_its_volume_is)
    declare(world)
    world.deploy(db())
    world.settle()
    moved = next(task for task in world.running() if task.name == "db-1")
    with world.node(moved.node_id) as row:
        row.spec.availability = AVAILABILITY_DRAIN
    world.settle(60_000)
    assert sorted(task.name for task in world.running()) == ["db-0", "db-2"]
    waiting = next(task for task in world.holders() if task.name == "db-1")
    assert (waiting.node_id, waiting.bound_by) == (moved.node_id, "data-db-1")
    with world.node(moved.node_id) as row:
        row.spec.availability = AVAILABILITY_ACTIVE
    world.settle()
    assert sorted(task.name for task in world.running()) == ["db-0", "db-1", "db-2"]


def test_a_silent_node_s_task_is_left_alone_for_nothing_could_take_its_place() -> None:
    world = ToyWorld(watch=where_its_volume_is)
    declare(world)
    world.deploy(db())
    world.settle()
    away = next(task for task in world.running() if task.name == "db-1")
    world.crash(away.node_id)
    world.settle(60_000)
    world.revive(away.node_id)
    world.settle()
    assert away.id in {task.id for task in world.running()}, "a short silence costs no restart"


def test_data_is_kept_when_slots_and_services_go_and_is_taken_up_again() -> None:
    world = ToyWorld(watch=where_its_volume_is)
    declare(world)
    world.deploy(db())
    world.settle()
    before = homes(world)
    world.deploy(db(replicas=1))
    world.settle()
    assert homes(world) == before
    world.deploy(db())
    world.settle()
    world.remove()
    world.settle()
    assert homes(world) == before
    world.deploy(db(), service_id="s2")
    world.settle()
    assert {f"data-{task.name}": task.node_id for task in world.running("s2")} == before
    assert {row.service_id for row in world.view.volumes if row.service_id} == {"s2"}


@pytest.mark.parametrize("field", ["when_scaled", "when_deleted"])
def test_data_goes_only_when_its_volume_says_so(field: str) -> None:
    world = ToyWorld()
    retention = {field: int(VOLUME_RETENTION_DELETE)}
    declare(world, VOLUME_SCOPE_SLOT, **retention)
    world.deploy(db())
    world.settle()
    if field == "when_scaled":
        world.deploy(db(replicas=1))
    else:
        world.remove()
    world.settle()
    leaving = sorted(row.spec.name for row in world.view.volumes if row.removing)
    gone = ["data-db-0", "data-db-1", "data-db-2"]
    assert leaving == (gone[1:] if field == "when_scaled" else gone)


def test_tasks_of_a_pinned_volume_run_together_wherever_the_first_was_placed() -> None:
    world = ToyWorld(watch=where_its_volume_is)
    declare(world, VOLUME_SCOPE_PINNED)
    world.deploy(service_spec("web", replicas=4, task=with_data()))
    world.deploy(service_spec("job", replicas=2, task=with_data()), service_id="s2")
    world.settle()
    nodes = {task.node_id for task in (*world.running(), *world.running("s2"))}
    assert len(world.running()) + len(world.running("s2")) == 6
    assert nodes == set(world.view.volumes.get("v-data").node_ids)


def test_a_name_that_two_services_come_to_is_not_shared() -> None:
    world = ToyWorld()
    with world.change() as tx:
        for name in ("a", "a-b"):
            declared = VolumeSpec(name=name, scope=VOLUME_SCOPE_SLOT)
            tx.volumes.create(Volume(id=f"v-{name}", spec=declared))
    for service_id, name, source in (("s1", "c", "a-b"), ("s2", "b-c", "a")):
        spec = stateful_spec(name, replicas=1)
        spec.task.containers[0].mounts.add(source=source, target="/data")
        world.deploy(spec, service_id)
        world.settle(1000)
    assert homes(world).keys() == {"a-b-c-0"}
    assert len(world.running("s1")) == 1
    assert world.running("s2") == []


def test_a_volume_of_each_node_keeps_nobody_anywhere() -> None:
    world = ToyWorld()
    declare(world, VOLUME_SCOPE_NODE)
    world.deploy(service_spec("web", replicas=3, task=with_data()))
    world.settle()
    assert sorted(world.view.volumes.get("v-data").node_ids) == ["n1", "n2", "n3"]


@pytest.mark.parametrize(
    ("volume", "nodes", "owner", "what"),
    [
        (Volume(id="v", removing=True, node_ids=["n1"]), {"n1"}, None, ()),
        (Volume(id="v", removing=True, node_ids=["n9"]), {"n1"}, None, ("DeleteRow",)),
        (Volume(id="v", removing=True), {"n1"}, None, ("DeleteRow",)),
        (Volume(id="v", node_ids=["n9"]), set(), None, ()),
        (Volume(id="v", service_id="s1", slot=9, node_ids=["n1"]), {"n1"}, service(), ()),
    ],
    ids=["its node is asked", "its node is gone", "was nowhere", "kept", "kept beyond its slot"],
)
def test_a_volume_goes_when_its_nodes_have_let_go(
    volume: Volume, nodes: set[str], owner: Service | None, what: tuple[str, ...]
) -> None:
    actions = decide(volume, nodes, owner, []).actions
    assert tuple(type(action).__name__ for action in actions) == what


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "a b"}, "name"),
        ({"scope": 9}, "scope"),
        ({"options": {"": "x"}}, "options"),
        ({"labels": {"a": "x" * 20_000}}, "labels"),
        ({"when_deleted": VOLUME_RETENTION_DELETE}, "when_deleted"),
        ({"scope": VOLUME_SCOPE_SLOT, "when_scaled": 7}, "when_scaled"),
    ],
    ids=["name", "scope", "options", "labels", "retention", "unknown retention"],
)
def test_a_volume_that_makes_no_sense_is_refused_with_its_field(
    change: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput, match=field):
        validate_volume(VolumeSpec(**{"name": "data", **change}))  # type: ignore[arg-type]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["scale", "crash", "revive", "drain", "kill", "update", "wait"]),
        st.integers(1, 4),
    ),
    max_size=12,
)


@given(acts=ACTS, parallel=st.booleans())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_happens_a_slot_is_where_its_volume_is_and_runs_there_in_the_end(
    acts: list[tuple[str, int]], parallel: bool
) -> None:
    world = ToyWorld(node_count=3, watch=where_its_volume_is)
    declare(world)
    spec = db(parallel=parallel)
    world.deploy(spec)
    world.settle(5000)
    first = homes(world)
    for act, value in acts:
        _do(world, spec, act, value)
    for node_id in ("n1", "n2", "n3"):
        with world.node(node_id) as row:
            row.status.state = NODE_STATE_READY
            row.spec.availability = AVAILABILITY_ACTIVE
    world.settle()
    running = [t for t in world.view.tasks if t.status.state == TASK_STATE_RUNNING]
    assert sorted(t.slot for t in running) == list(range(1, spec.stateful.replicas + 1))
    assert first.items() <= homes(world).items(), "no volume ever moved or went"


def _do(world: ToyWorld, spec: ServiceSpec, act: str, value: int) -> None:
    node_id = f"n{min(value, 3)}"
    match act:
        case "scale":
            spec.stateful.replicas = value
            world.deploy(spec)
        case "update":
            spec.task.containers[0].image = f"db:{value}"
            world.deploy(spec)
        case "crash":
            world.crash(node_id)
        case "revive":
            world.revive(node_id)
        case "drain":
            with world.node(node_id) as row:
                row.spec.availability = AVAILABILITY_DRAIN
        case "kill":
            for task in world.running()[:1]:
                world.kill(task)
        case _:
            world.settle(value * 300)
