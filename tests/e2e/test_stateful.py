"""Names and data of a stateful service outlive its containers, its nodes' absence and itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.cluster import EXAMPLES, until
from tests.e2e.local_swarm import LocalSwarm, docker, local_swarm

pytestmark = pytest.mark.engine

NAMES = ["stateful_db-0", "stateful_db-1", "stateful_db-2"]
SOON_S = 20.0


@pytest.fixture(scope="module")
def swarm() -> Iterator[LocalSwarm]:
    with local_swarm(workers=2) as made:
        try:
            yield made
        finally:
            made.run("stack", "rm", "--volumes", "stateful")
            until(lambda: not engine_volumes(made), SOON_S, "no volume is left on the engine")


def engine_volumes(swarm: LocalSwarm) -> list[str]:
    """Return the names of the volumes that the nodes of this swarm have made."""
    mine = [f"label=swarmpy.node={node.node_id}" for node in swarm.nodes]
    return [name for one in mine for name in docker("volume", "ls", "-q", "--filter", one)]


def deploy(swarm: LocalSwarm) -> None:
    file = str(EXAMPLES / "stateful.yaml")
    swarm.must("stack", "deploy", "-c", file, "stateful", "--timeout", "60s")


def running(swarm: LocalSwarm) -> dict[str, Any]:
    """Return name -> task of all that run."""
    return {task["name"]: task for task in swarm.tasks("stateful_db")}


def say(swarm: LocalSwarm, name: str, line: str) -> str:
    return swarm.must("task", "exec", name, "sh", "-c", line).strip()


def container_of(task: Any) -> str:
    [found] = docker("ps", "-q", "--filter", f"label=swarmpy.task={task['id']}")
    return found


def test_stateful_names_and_data_outlive_containers_and_the_whole_stack(swarm: LocalSwarm) -> None:
    deploy(swarm)
    before = running(swarm)
    assert sorted(before) == NAMES
    told = "echo $(hostname) $SWARMPY_ORDINAL; echo data of $SWARMPY_TASK_NAME > /data/mine"
    assert [say(swarm, name, told) for name in NAMES] == ["db-0 0", "db-1 1", "db-2 2"]
    found = say(swarm, NAMES[0], "nslookup db-1 127.0.0.11; nslookup stateful_db-2 127.0.0.11")
    assert found.count("Address: 10.") == 2, found

    docker("kill", *(container_of(task) for task in before.values()))
    until(
        lambda: (
            sorted(running(swarm)) == NAMES
            and all(task["id"] != before[name]["id"] for name, task in running(swarm).items())
        ),
        SOON_S,
        "every name runs again, in a new container",
    )
    assert {n: t["node_id"] for n, t in running(swarm).items()} == {
        n: t["node_id"] for n, t in before.items()
    }

    swarm.must("stack", "rm", "stateful")
    until(lambda: not swarm.objects()["stacks"], SOON_S, "the stack is gone")
    volumes = engine_volumes(swarm)
    assert sorted(name.partition(".")[0] for name in volumes) == [
        f"stateful_data-{name}" for name in NAMES
    ]
    [shown] = docker("volume", "inspect", "-f", "{{json .Labels}}", volumes[0])
    assert json.loads(shown)["backup"] == "daily"

    deploy(swarm)
    assert [say(swarm, name, "cat /data/mine") for name in NAMES] == [
        f"data of {name}" for name in NAMES
    ]


def test_draining_warns_of_data_that_cannot_move_and_its_task_waits(swarm: LocalSwarm) -> None:
    deploy(swarm)
    task = running(swarm)["stateful_db-1"]
    node = next(one.name for one in swarm.nodes if one.node_id == task["node_id"])

    refused = swarm.run("node", "drain", node)

    assert refused.returncode == 2
    assert f"volume stateful_data-stateful_db-1 is on {node} alone" in refused.stderr
    swarm.must("node", "drain", "--force", node)
    until(lambda: "stateful_db-1" not in running(swarm), SOON_S, "its task stops")
    why = swarm.must("why", "stateful_db-1")
    assert f"volume stateful_data-stateful_db-1 is on node {node}, which is drained" in why
    swarm.must("node", "update", "--availability", "active", node)
    until(lambda: "stateful_db-1" in running(swarm), SOON_S, "it runs there again")
    assert running(swarm)["stateful_db-1"]["node_id"] == task["node_id"]


def test_a_volume_in_use_is_not_removed_and_one_of_nobody_goes_from_the_engine(
    swarm: LocalSwarm,
) -> None:
    deploy(swarm)
    name = "stateful_data-stateful_db-2"
    refused = swarm.run("volume", "rm", name)
    assert refused.returncode != 0
    assert "is used by stateful_db" in refused.stderr
    swarm.must("service", "scale", "stateful_db=2", "--timeout", "60s")
    assert name in swarm.must("volume", "ls"), "scaling away keeps the data"
    until(lambda: not swarm.run("volume", "rm", name).returncode, SOON_S, "nobody uses it any more")
    until(
        lambda: not [one for one in engine_volumes(swarm) if one.startswith(f"{name}.")],
        SOON_S,
        "the engine has it no more",
    )
    assert name not in swarm.must("volume", "ls")


def test_names_start_in_order_and_an_update_goes_from_the_last_to_the_first(
    swarm: LocalSwarm,
) -> None:
    deploy(swarm)
    until(lambda: sorted(running(swarm)) == NAMES, SOON_S, "all three run")
    swarm.must("service", "update", "--force", "stateful_db", "--timeout", "60s")
    made = {name: int(task["created_at_ms"]) for name, task in running(swarm).items()}
    assert sorted(NAMES, key=made.__getitem__) == list(reversed(NAMES))
