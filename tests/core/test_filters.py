from __future__ import annotations

import pytest

from swarmpy.core.schedule.domains import Domains
from swarmpy.core.schedule.filter import Filter, Need
from swarmpy.core.schedule.filters import FILTERS
from swarmpy.core.schedule.node_tally import tally
from swarmpy.pb.objects_pb2 import Node, Task
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_DRAIN,
    AVAILABILITY_PAUSE,
    AVAILABILITY_UNSPECIFIED,
    NODE_STATE_DOWN,
    NODE_STATE_UNKNOWN,
    TAINT_EFFECT_NO_SCHEDULE,
    TASK_STATE_FAILED,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    Platform,
    Toleration,
)
from tests.core.placement_rows import GIB, node, task

NAMED = {one.name: one for one in FILTERS}
RUNNING = TASK_STATE_RUNNING


def ask(name: str, waiting: Task, on: Node, *others: Task) -> tuple[Filter, bool, str, str]:
    tallies = tally([on], others, now_ms=0)
    domains = Domains(tallies.values(), {})
    need = Need.of(waiting).among(domains, tallies.values())
    one, here = NAMED[name], tallies[on.id]
    assert one.asked(need)
    assert one.wish(need)
    assert one.help(need, here)
    return one, one.passes(need, here), one.sentence(need, here), one.help(need, here)


@pytest.mark.parametrize(
    ("on", "passes", "sentence"),
    [
        (node("a"), True, "is ready and active"),
        (node("a", availability=AVAILABILITY_UNSPECIFIED), True, "is ready and active"),
        (node("a", state=NODE_STATE_DOWN), False, "is down: its heartbeats have stopped"),
        (node("a", state=NODE_STATE_UNKNOWN), False, "has not been heard of"),
        (node("a", availability=AVAILABILITY_PAUSE), False, "is paused"),
        (node("a", availability=AVAILABILITY_DRAIN), False, "is drained"),
    ],
    ids=["ready", "unset", "down", "unknown", "paused", "drained"],
)
def test_only_a_ready_and_active_node_takes_tasks(on: Node, passes: bool, sentence: str) -> None:
    _, passed, said, _ = ask("ready", task("t"), on)
    assert passed is passes
    assert said.startswith(sentence)


@pytest.mark.parametrize(
    ("waiting", "others", "passes", "sentence"),
    [
        (task("t", cpus=2), [], True, "needs 2.0 cpus; 4.0 of 4.0 are free"),
        (
            task("t", cpus=2),
            [task("o", on="a", state=RUNNING, cpus=3.5)],
            False,
            "needs 2.0 cpus; 0.5 of 4.0 are free",
        ),
        (
            task("t", cpus=0.5),
            [task("o", on="a", state=RUNNING, cpus=3.5)],
            True,
            "needs 0.5 cpus; 0.5 of 4.0 are free",
        ),
        (
            task("t", memory_bytes=9 * GIB),
            [],
            False,
            "needs 9 GiB of memory; 8 GiB of 8 GiB are free",
        ),
        (
            task("t", cpus=4),
            [task("o", on="a", state=RUNNING, desired=TASK_STATE_SHUTDOWN, cpus=1)],
            False,
            "needs 4.0 cpus; 3.0 of 4.0 are free",
        ),
        (
            task("t", cpus=4),
            [task("o", on="a", state=TASK_STATE_FAILED, cpus=1)],
            True,
            "needs 4.0 cpus; 4.0 of 4.0 are free",
        ),
        (
            task("t", cpus=0.001),
            [task("o", on="a", state=RUNNING, cpus=4)],
            False,
            "needs 0.001 cpus; 0.0 of 4.0 are free",
        ),
    ],
    ids=["fits", "too-little", "exactly", "memory", "still-stopping", "ended", "thousandth"],
)
def test_resources_are_reserved_until_a_task_has_ended(
    waiting: Task, others: list[Task], passes: bool, sentence: str
) -> None:
    _, passed, said, _ = ask("resources", waiting, node("a"), *others)
    assert (passed, said) == (passes, sentence)


def test_help_on_resources_says_how_much_is_missing() -> None:
    waiting = task("t", cpus=3, memory_bytes=9 * GIB)
    other = task("o", on="a", state=RUNNING, cpus=2)
    *_, helps = ask("resources", waiting, node("a"), other)
    assert helps == "free 1.0 cpus and 1 GiB of memory on host-a, or reserve less"


GPUS = node("a", generic={"gpu": 2})


@pytest.mark.parametrize(
    ("waiting", "on", "others", "sentence", "helps"),
    [
        (task("t", generic={"gpu": 2}), GPUS, [], "needs 2 gpu; 2 of 2 are free", ""),
        (
            task("t", generic={"gpu": 2}),
            GPUS,
            [task("o", on="a", state=RUNNING, generic={"gpu": 1})],
            "needs 2 gpu; 1 of 2 are free",
            "free 1 gpu on host-a, or reserve less",
        ),
        (
            task("t", generic={"gpu": 2}),
            GPUS,
            [task("o", on="a", state=TASK_STATE_FAILED, generic={"gpu": 1})],
            "needs 2 gpu; 2 of 2 are free",
            "",
        ),
        (
            task("t", generic={"gpu": 3}),
            GPUS,
            [],
            "needs 3 gpu; 2 of 2 are free",
            "add a node with swarmpy join --generic-resource gpu=3, or reserve less",
        ),
        (
            task("t", generic={"fpga": 1, "gpu": 1}),
            GPUS,
            [],
            "needs 1 fpga; the node has none; needs 1 gpu; 2 of 2 are free",
            "add a node with swarmpy join --generic-resource fpga=1 --generic-resource gpu=1, "
            "or reserve less",
        ),
    ],
    ids=["fits", "too-few", "ended", "never", "another-kind"],
)
def test_generic_resources_are_counted(
    waiting: Task, on: Node, others: list[Task], sentence: str, helps: str
) -> None:
    _, passed, said, told = ask("generic-resources", waiting, on, *others)
    assert (passed, said) == (not helps, sentence)
    assert passed or told == helps


def test_an_unmet_constraint_says_what_the_node_has_and_how_to_label_it() -> None:
    waiting = task("t", placement=Placement(constraints=["node.labels.disk==ssd"]))
    _, passed, said, helps = ask("constraint", waiting, node("a", labels={"disk": "hdd"}))
    assert not passed
    assert said == "needs node.labels.disk==ssd; node.labels.disk is hdd"
    assert helps == "swarmpy node update --label disk=ssd host-a"


@pytest.mark.parametrize(
    ("constraints", "helps"),
    [
        (["node.labels.disk!=hdd"], "swarmpy node update --label-rm disk host-a"),
        (["node.labels.disk in (ssd, nvme)"], "swarmpy node update --label disk=ssd host-a"),
        (["node.labels.zone==north 1"], "swarmpy node update --label 'zone=north 1' host-a"),
        (["node.labels.gpu exists"], "swarmpy node update --label gpu=yes host-a"),
        (["node.labels.cores > 8"], "swarmpy node update --label cores=9 host-a"),
        (["node.labels.disk =~ s.*"], "swarmpy node update --label disk=VALUE host-a"),
        (["engine.labels.x exists"], "drop the constraint engine.labels.x exists"),
        (
            ["node.labels.gpu exists", "node.labels.disk==ssd", "node.id==b"],
            "swarmpy node update --label gpu=yes --label disk=ssd host-a "
            "and drop the constraint node.id==b",
        ),
    ],
)
def test_each_kind_of_constraint_has_an_edit_that_would_help(
    constraints: list[str], helps: str
) -> None:
    waiting = task("t", placement=Placement(constraints=constraints))
    _, passed, _, told = ask("constraint", waiting, node("a", labels={"disk": "hdd"}))
    assert not passed
    assert told == helps


def test_a_taint_that_is_not_tolerated_is_named_and_how_to_take_it_off() -> None:
    on = node("a")
    assert ask("taint", task("t"), on)[1:3] == (True, "has no taints")
    on.spec.taints.add(key="use", value="db", effect=TAINT_EFFECT_NO_SCHEDULE)
    _, passed, said, helps = ask("taint", task("t"), on)
    assert (passed, said) == (False, "does not tolerate use=db:no-schedule")
    assert helps == "swarmpy node update --taint-rm use host-a, or let the service tolerate it"
    waiting = task("t", placement=Placement(tolerations=[Toleration(key="use", value="db")]))
    assert ask("taint", waiting, on)[1:3] == (True, "tolerates use=db:no-schedule")


@pytest.mark.parametrize(
    ("platforms", "passes"),
    [
        ([Platform(os="linux", architecture="amd64")], True),
        ([Platform(os="linux", architecture="x86_64")], True),
        ([Platform(architecture="arm64"), Platform(os="linux")], True),
        ([Platform(os="linux", architecture="arm64")], False),
        ([Platform(os="windows")], False),
    ],
)
def test_a_node_suits_any_one_of_the_platforms(platforms: list[Platform], passes: bool) -> None:
    waiting = task("t", placement=Placement(platforms=platforms))
    _, passed, said, _ = ask("platform", waiting, node("a"))
    assert passed is passes
    assert said.endswith("it is linux/amd64")


def test_max_replicas_counts_wanted_tasks_of_the_service_only() -> None:
    waiting = task("t", placement=Placement(max_replicas_per_node=2))
    here = [
        task("1", on="a", state=RUNNING),
        task("2", on="a", state=RUNNING, desired=TASK_STATE_SHUTDOWN),
        task("3", on="a", state=RUNNING, service="other"),
    ]
    assert ask("max-replicas", waiting, node("a"), *here)[1]
    _, passed, said, _ = ask(
        "max-replicas", waiting, node("a"), *here, task("4", on="a", state=RUNNING)
    )
    assert not passed
    assert said == "allows 2 tasks of the service on one node; 2 are here"


def test_a_host_port_in_use_names_its_owner() -> None:
    waiting = task("t", host_ports=[8080])
    other = task("o", service="proxy", on="a", state=RUNNING, host_ports=[8080])
    assert ask("host-ports", waiting, node("a"))[1]
    _, passed, said, helps = ask("host-ports", waiting, node("a"), other)
    assert not passed
    assert said == "needs host port 8080/tcp free; 8080/tcp is used by proxy"
    assert helps.startswith("move proxy off host-a")


def test_filters_that_a_task_asks_nothing_of_are_silent() -> None:
    need = Need.of(task("t")).among(Domains([], {}), [])
    assert [one.name for one in FILTERS if one.asked(need)] == ["ready", "priority", "taint"]
