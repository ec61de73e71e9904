from __future__ import annotations

from collections.abc import Sequence

import pytest

from swarmpy.core.schedule.explain import (
    TASKS_EXPLAINED,
    Situation,
    explain_service,
    explain_task,
)
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    NODE_STATE_DOWN,
    TASK_STATE_COMPLETE,
    TASK_STATE_NEW,
    TASK_STATE_PREPARING,
    TASK_STATE_READY,
    TASK_STATE_REJECTED,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    PortConfig,
)
from tests.core.placement_rows import node, service, task

NOW_MS = 1_000_000
RUNNING = TASK_STATE_RUNNING


def situation(
    nodes: Sequence[Node] = (), services: Sequence[Service] = (), tasks: Sequence[Task] = ()
) -> Situation:
    return Situation(nodes, services, tasks, NOW_MS)


def test_every_filter_is_explained_on_every_node_also_after_the_first_failure() -> None:
    nodes = [node("a", cpus=1), node("b", cpus=4, labels={"disk": "ssd"}, state=NODE_STATE_DOWN)]
    row = task("t", cpus=2, placement=Placement(constraints=["node.labels.disk==ssd"]))
    explained = explain_task(row, situation(nodes, tasks=[row]))
    [of_task] = explained.tasks
    told = {
        verdict.hostname: {one.filter: one.passed for one in verdict.filters}
        for verdict in of_task.nodes
    }
    assert told == {
        "host-a": {
            "ready": True,
            "priority": True,
            "constraint": False,
            "taint": True,
            "resources": False,
        },
        "host-b": {
            "ready": False,
            "priority": True,
            "constraint": True,
            "taint": True,
            "resources": True,
        },
    }
    assert not any(verdict.eligible for verdict in of_task.nodes)
    assert all(one.reason for verdict in of_task.nodes for one in verdict.filters)
    assert of_task.nearest_miss == "host-b: start host-b again"
    assert explained.summary.startswith("web.1 has no node: no node takes it; needs ")


def test_the_nearest_miss_says_what_would_help() -> None:
    others = [task("o", on="a", state=RUNNING, cpus=3)]
    row = task("t", cpus=2)
    explained = explain_task(row, situation([node("a")], tasks=[row, *others]))
    assert explained.tasks[0].nearest_miss == "host-a: free 1.0 cpus on host-a, or reserve less"


def test_a_task_that_will_be_placed_has_no_miss() -> None:
    row = task("t")
    [of_task] = explain_task(row, situation([node("a")], tasks=[row])).tasks
    assert of_task.summary == "is about to get a node"
    assert of_task.nodes[0].eligible
    assert not of_task.nearest_miss


def test_a_global_task_is_explained_on_its_own_node() -> None:
    row = task("t", on="b", cpus=9)
    [of_task] = explain_task(row, situation([node("a"), node("b")], tasks=[row])).tasks
    assert [verdict.node_id for verdict in of_task.nodes] == ["b"]
    gone = explain_task(task("t", on="x"), situation([node("a")]))
    assert gone.summary == "web.1 has no node: x, the one it is made for, is not in the swarm"


def with_error(row: Task, error: str) -> Task:
    row.status.error = error
    return row


def starting_at(row: Task, at_ms: int, *, stop_first: bool = False) -> Task:
    row.start_after_ms = at_ms
    row.stop_first = stop_first
    return row


def waiting_for(row: Task, reason: str) -> Task:
    row.pending_reason = reason
    return row


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (task("t", on="a", state=RUNNING), "runs on host-a"),
        (
            task("t", on="a", state=RUNNING, desired=TASK_STATE_SHUTDOWN),
            "is being stopped on host-a",
        ),
        (
            waiting_for(task("t", state=TASK_STATE_NEW), "network back has no free address"),
            "waits for its addresses; network back has no free address",
        ),
        (
            task("t", on="a", state=TASK_STATE_PREPARING),
            "is being prepared: its image is fetched and its container made on host-a",
        ),
        (
            with_error(
                task("t", on="a", state=TASK_STATE_REJECTED, since_ms=NOW_MS - 3000),
                "no registry has the image web:2",
            ),
            "failed on host-a 3 s ago: no registry has the image web:2",
        ),
        (
            task("t", on="a", state=TASK_STATE_COMPLETE, since_ms=NOW_MS - 3000),
            "ended on host-a 3 s ago: ended",
        ),
        (
            starting_at(task("t", on="a", state=TASK_STATE_READY), NOW_MS + 4200),
            "is prepared and waits to be started on host-a; "
            "starts in 4.2 s, when its restart delay is over",
        ),
        (
            starting_at(
                task("t", on="a", state=TASK_STATE_READY), NOW_MS + 70_000, stop_first=True
            ),
            "is prepared and waits to be started on host-a; "
            "starts when the task before it has ended, in 70 s at the latest",
        ),
        (task("t", on="down", state=RUNNING), "runs on host-down; host-down does not answer"),
        (task("t", desired=TASK_STATE_SHUTDOWN), "is being stopped"),
    ],
    ids=[
        "runs",
        "stopping",
        "no-address",
        "preparing",
        "image-missing",
        "complete",
        "restart-delay",
        "stop-first",
        "node-down",
        "pending-unwanted",
    ],
)
def test_a_task_that_is_not_pending_says_what_it_does(row: Task, sentence: str) -> None:
    nodes = [node("a"), node("down", state=NODE_STATE_DOWN)]
    assert explain_task(row, situation(nodes, tasks=[row])).tasks[0].summary == sentence


def test_a_restart_says_how_the_task_before_failed() -> None:
    before = task(
        "t0", on="a", state=TASK_STATE_REJECTED, desired=TASK_STATE_SHUTDOWN, since_ms=NOW_MS - 1500
    )
    row = task("t1", on="a", state=TASK_STATE_READY)
    with_error(before, "no registry has the image web:2")
    told = explain_task(row, situation([node("a")], tasks=[before, row])).summary
    assert told.endswith("; the one before it failed 1.5 s ago: no registry has the image web:2")


def depending(row: Service, name: str) -> Service:
    row.spec.depends_on.add(service=name)
    return row


def refused_ports(row: Service) -> Service:
    row.allocation_error = "port 80/tcp is published by service other"
    return row


def scaled_to_0(row: Service) -> Service:
    row.spec.replicated.replicas = 0
    return row


def removing(row: Service) -> Service:
    row.removing = True
    return row


def everywhere(row: Service) -> Service:
    row.spec.ClearField("replicated")
    getattr(row.spec, "global").SetInParent()
    return row


@pytest.mark.parametrize(
    ("row", "summary"),
    [
        (depending(service("web"), "db"), "web has no tasks: it waits until db runs"),
        (
            refused_ports(service("web")),
            "web waits for its ports: port 80/tcp is published by service other",
        ),
        (scaled_to_0(service("web")), "web has no tasks: it is scaled to 0"),
        (removing(service("web")), "web is being removed; its tasks end first"),
        (
            everywhere(service("web")),
            "web has no tasks: no node is ready, active, meets its constraints "
            "and has only taints it tolerates",
        ),
    ],
    ids=["depends-on", "ports", "scaled-to-0", "removing", "global"],
)
def test_a_service_without_tasks_says_why(row: Service, summary: str) -> None:
    assert explain_service(row, situation([node("a")], [row, service("db")])).summary == summary


def test_a_service_tells_of_those_that_do_not_run_first() -> None:
    row = service("web")
    rows = [task(f"r{i}", on="a", state=RUNNING, slot=i) for i in range(1, 30)]
    rows.append(task("p", cpus=9, slot=30))
    explained = explain_service(row, situation([node("a")], [row], rows))
    assert len(explained.tasks) == TASKS_EXPLAINED
    assert explained.tasks[0].task.id == "p"
    assert explained.summary == (
        "web runs 29 of 30 tasks; web.30 has no node: "
        "no node takes it; needs 9.0 cpus (missing on 1 of 1)"
    )
    rows.pop()
    assert explain_service(row, situation([node("a")], [row], rows)).summary == (
        "web runs: 29 of 29 tasks are up"
    )


def test_a_service_that_runs_says_where_its_port_does_not_answer() -> None:
    web = service("web", holds=[PortConfig(target=80, published=8080)])
    nodes = [node("a"), node("b")]
    nodes[1].status.closed_ports.add(port=8080, reason="address already in use")
    nodes[1].status.closed_ports.add(port=9090, reason="is not of this service")
    row = task("t", on="a", state=RUNNING)
    told = explain_service(web, situation(nodes, [web], [row])).summary
    assert told == (
        "web runs: 1 of 1 tasks are up; "
        "port 8080/tcp does not answer on host-b: address already in use"
    )
