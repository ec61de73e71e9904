"""Routes follow what neighbours tell, as far as they know better than managers."""

from __future__ import annotations

import pytest

from swarmpy.core.heard import Heard, corrected, endpoint_of
from swarmpy.pb.dispatcher_pb2 import Backend, Frontend, LoadBalancer
from swarmpy.pb.gossip_pb2 import GossipEndpoint
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.pb.types_pb2 import (
    PROTOCOL_UDP,
    TASK_STATE_FAILED,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TASK_STATE_STARTING,
    PortBinding,
    PortConfig,
    TaskState,
)

HOSTS = {"n1": "10.0.0.1", "n2": "10.0.0.2", "n3": "10.0.0.3"}


def balancer(**node_of: str) -> LoadBalancer:
    """Return what managers tell of service s, with `task=node`."""
    backends = [
        Backend(task_id=task, node_id=node, host=HOSTS[node], port=4000)
        for task, node in node_of.items()
    ]
    port = PortConfig(target=80, published=8080)
    return LoadBalancer(id="s", name="web", frontends=[Frontend(port=port, backends=backends)])


def endpoint(task: str, node: str, *, service: str = "s", target: int = 80) -> GossipEndpoint:
    ports = [PortBinding(target=target, host_port=5000)]
    return GossipEndpoint(
        network_id="mesh", task_id=task, service_id=service, owner_id=node, ports=ports
    )


def heard(*endpoints: GossipEndpoint, **more: set[str]) -> Heard:
    known = {one.task_id: one for one in endpoints}
    ever = more.pop("ever", set()) | known.keys()
    return Heard(endpoints=known, hosts=HOSTS, ever=ever, **more)


def tasks(said: list[LoadBalancer]) -> list[str]:
    return [backend.task_id for backend in said[0].frontends[0].backends]


TOLD = balancer(a="n1", b="n2")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(Heard(), ["a", "b"], id="nothing was heard"),
        pytest.param(heard(endpoint("a", "n1"), endpoint("b", "n2")), ["a", "b"], id="all agree"),
        pytest.param(heard(endpoint("a", "n1")), ["a", "b"], id="one was never heard of"),
        pytest.param(heard(endpoint("a", "n1"), ever={"b"}), ["a"], id="one has ended"),
        pytest.param(heard(endpoint("a", "n1"), away={"n2"}), ["a"], id="a node is away"),
        pytest.param(heard(ever={"a", "b"}), ["a", "b"], id="all are gone: believe managers"),
        pytest.param(heard(endpoint("c", "n3")), ["a", "b", "c"], id="one that is new"),
        pytest.param(
            heard(endpoint("c", "n3"), listed={"c"}), ["a", "b"], id="one that managers took out"
        ),
        pytest.param(
            heard(endpoint("c", "n3", service="other")), ["a", "b"], id="one of another service"
        ),
        pytest.param(heard(endpoint("c", "n3", target=81)), ["a", "b"], id="one on another port"),
        pytest.param(heard(endpoint("c", "n9")), ["a", "b"], id="one on a node without address"),
    ],
)
def test_these_tasks_answer(known: Heard, expected: list[str]) -> None:
    assert tasks(corrected([TOLD], known)) == expected


def test_a_task_that_managers_do_not_know_answers_where_its_node_says() -> None:
    [said] = corrected([TOLD], heard(endpoint("c", "n3")))
    assert said.frontends[0].backends[-1] == Backend(
        task_id="c", node_id="n3", host="10.0.0.3", port=5000
    )
    assert (said.id, said.name, said.frontends[0].port.published) == ("s", "web", 8080)


@pytest.mark.parametrize(
    ("state", "desired", "tells"),
    [
        (TASK_STATE_RUNNING, TASK_STATE_RUNNING, True),
        (TASK_STATE_STARTING, TASK_STATE_RUNNING, False),
        (TASK_STATE_FAILED, TASK_STATE_RUNNING, False),
        (TASK_STATE_RUNNING, TASK_STATE_SHUTDOWN, False),
    ],
    ids=["runs", "starts", "has failed", "is being stopped"],
)
def test_a_node_tells_of_tasks_that_run_and_shall(
    state: TaskState.ValueType, desired: TaskState.ValueType, tells: bool
) -> None:
    ports = [PortBinding(target=53, host_port=4053, protocol=PROTOCOL_UDP)]
    status = TaskStatus(state=state, ports=ports)
    task = Task(id="t", service_id="s", desired_state=desired, status=status)
    told = endpoint_of(task)
    assert (told is not None) is tells
    if told is not None:
        assert (told.task_id, told.service_id, list(told.ports)) == ("t", "s", ports)


def test_a_task_without_ports_is_not_told_of() -> None:
    status = TaskStatus(state=TASK_STATE_RUNNING)
    assert endpoint_of(Task(id="t", desired_state=TASK_STATE_RUNNING, status=status)) is None
