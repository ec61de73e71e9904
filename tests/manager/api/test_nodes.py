"""Nodes and tasks are found by what people call them, and changed only where asked."""

from __future__ import annotations

import pytest

from swarmpy.errors import AlreadyExists, Ambiguous, Clash, InUse, InvalidInput, NotFound
from swarmpy.manager.api.events import Events
from swarmpy.manager.api.explain import Explain
from swarmpy.manager.api.find import find_node, find_target, find_task
from swarmpy.manager.api.networks import Networks
from swarmpy.manager.api.tasks import Tasks
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateNetworkRequest,
    ExplainRequest,
    GetNodeRequest,
    ListEventsRequest,
    ListNetworksRequest,
    ListNodesRequest,
    ListTasksRequest,
    RemoveNetworkRequest,
    UpdateNodeRequest,
)
from swarmpy.pb.objects_pb2 import Event, Service, Stack, Task
from swarmpy.pb.specs_pb2 import NetworkAttachment, NetworkSpec
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    AVAILABILITY_DRAIN,
    TAINT_EFFECT_NO_EXECUTE,
    TASK_STATE_FAILED,
    TASK_STATE_PENDING,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    Taint,
)
from swarmpy.testing import builders
from tests.manager.one_manager import leading_seat, nodes_of, put

WEB = builders.service("s1", builders.service_spec("web", replicas=2))


async def seat_with_tasks() -> Seat:
    seat = await leading_seat()
    in_stack = builders.service("s2", builders.service_spec("shop_db"))
    in_stack.stack_id = "k1"
    await put(
        seat.store,
        nodes=[builders.node("w1"), builders.node("w2")],
        stacks=[Stack(id="k1", name="shop")],
        services=[WEB, in_stack],
        tasks=[
            builders.task(
                "old", of=WEB, on="w1", state=TASK_STATE_FAILED, desired=TASK_STATE_SHUTDOWN
            ),
            builders.task("new", of=WEB, on="w2", state=TASK_STATE_RUNNING),
            builders.task("db", of=in_stack, on="w1", state=TASK_STATE_RUNNING),
        ],
    )
    return seat


async def test_only_what_is_set_is_changed() -> None:
    seat = await seat_with_tasks()
    nodes = nodes_of(seat)
    node = await nodes.update_node(UpdateNodeRequest(node="w1", labels_add={"disk": "ssd"}))
    assert (node.spec.availability, dict(node.spec.labels)) == (
        AVAILABILITY_ACTIVE,
        {"disk": "ssd"},
    )
    request = UpdateNodeRequest(
        node="w1", availability=AVAILABILITY_DRAIN, labels_remove=["disk", "missing"]
    )
    node = await nodes.update_node(request)
    assert (node.spec.availability, dict(node.spec.labels)) == (AVAILABILITY_DRAIN, {})
    with pytest.raises(InvalidInput):
        await nodes.update_node(UpdateNodeRequest(node="w1", labels_add={"": "x"}))


async def test_a_taint_is_put_on_once_and_remembers_since_when() -> None:
    seat = await seat_with_tasks()
    nodes = nodes_of(seat)
    mine = Taint(key="dedicated", value="db", effect=TAINT_EFFECT_NO_EXECUTE)
    request = UpdateNodeRequest(node="w1", taints_add=[mine])
    [taint] = (await nodes.update_node(request)).spec.taints
    assert (taint.key, taint.value, taint.since_ms) == ("dedicated", "db", seat.now_ms)
    assert list((await nodes.update_node(request)).spec.taints) == [taint]
    request = UpdateNodeRequest(node="w1", taints_remove=["dedicated", "missing"])
    assert not (await nodes.update_node(request)).spec.taints


async def test_a_list_of_nodes_says_who_leads_and_who_answers() -> None:
    listed = await nodes_of(await seat_with_tasks()).list_nodes(ListNodesRequest())
    assert {node.id for node in listed.nodes} == {"m1", "w1", "w2"}
    assert (listed.leader_id, list(listed.manager_ids_reachable)) == ("m1", ["m1"])


async def test_a_node_is_found_by_id_hostname_or_prefix() -> None:
    seat = await leading_seat()
    rows = [builders.node(f"abc{number}") for number in range(3)]
    for row, hostname in zip(rows, ["one", "two", "two"], strict=True):
        row.description.hostname = hostname
    await put(seat.store, nodes=rows)
    view = seat.store.view
    assert find_node(view, "abc1").id == find_node(view, "abc1").id == "abc1"
    assert (await nodes_of(seat).get_node(GetNodeRequest(node="one"))).id == "abc0"
    for ambiguous in ("two", "abc"):
        with pytest.raises(Ambiguous):
            find_node(view, ambiguous)
    with pytest.raises(NotFound):
        find_node(view, "three")


async def test_a_slot_names_the_task_that_has_it_now() -> None:
    view = (await seat_with_tasks()).store.view
    assert find_task(view, "web.1").id == "new"
    assert find_task(view, "old").id == "old"
    with pytest.raises(NotFound):
        find_task(view, "web.7")
    assert isinstance(find_target(view, "web"), Service)
    assert isinstance(find_target(view, "web.1"), Task)
    with pytest.raises(NotFound, match="no service and no task"):
        find_target(view, "missing")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(ListTasksRequest(), {"new", "db"}, id="live ones"),
        pytest.param(ListTasksRequest(all=True), {"old", "new", "db"}, id="ended ones too"),
        pytest.param(ListTasksRequest(service="web", all=True), {"old", "new"}, id="of a service"),
        pytest.param(ListTasksRequest(node="w1", all=True), {"old", "db"}, id="on a node"),
        pytest.param(ListTasksRequest(stack="shop"), {"db"}, id="of a stack"),
        pytest.param(ListTasksRequest(service="web", node="w1"), set(), id="all must fit"),
    ],
)
async def test_tasks_are_listed_by_what_they_belong_to(
    request_: ListTasksRequest, expected: set[str]
) -> None:
    listed = await Tasks(await seat_with_tasks()).list_tasks(request_)
    assert {task.id for task in listed.tasks} == expected


async def test_explain_says_why_a_task_has_no_node() -> None:
    seat = await seat_with_tasks()
    spec = builders.service_spec(
        "gpu", task=builders.task_spec(constraints=["node.labels.gpu==yes"])
    )
    gpu = builders.service("s3", spec)
    await put(
        seat.store, services=[gpu], tasks=[builders.task("t9", of=gpu, state=TASK_STATE_PENDING)]
    )
    for target in ("gpu", "t9"):
        explanation = await Explain(seat).explain(ExplainRequest(target=target))
        (task,) = explanation.tasks
        assert len(task.nodes) == 3
        assert not any(verdict.eligible for verdict in task.nodes)
        assert "no node" in explanation.summary


async def test_events_are_listed_by_id_or_name() -> None:
    seat = await leading_seat()
    events = [
        Event(id="e1", object_id="t1", object_name="web.1"),
        Event(id="e2", object_id="t2", object_name="web.2"),
    ]
    await put(seat.store, events=events)
    for wanted, expected in (("", ["e1", "e2"]), ("t1", ["e1"]), ("web.2", ["e2"])):
        listed = await Events(seat).list_events(ListEventsRequest(object=wanted))
        assert [event.id for event in listed.events] == expected


async def test_networks_are_unique_do_not_overlap_and_stay_while_used() -> None:
    seat = await leading_seat()
    networks = Networks(seat)
    made = await networks.create_network(
        CreateNetworkRequest(spec=NetworkSpec(name="net", subnet="10.9.0.0/24"))
    )
    with pytest.raises(AlreadyExists):
        await networks.create_network(CreateNetworkRequest(spec=NetworkSpec(name="net")))
    with pytest.raises(Clash, match="net"):
        await networks.create_network(
            CreateNetworkRequest(spec=NetworkSpec(name="other", subnet="10.9.0.0/16"))
        )
    service = builders.service("s1", builders.service_spec("web"))
    service.spec.task.networks.append(NetworkAttachment(network="net"))
    await put(seat.store, services=[service])
    with pytest.raises(InUse, match="web"):
        await networks.remove_network(RemoveNetworkRequest(network="net"))
    async with seat.store.update() as tx:
        tx.services.delete("s1")
    await networks.remove_network(RemoveNetworkRequest(network=made.id))
    assert not (await networks.list_networks(ListNetworksRequest())).networks
