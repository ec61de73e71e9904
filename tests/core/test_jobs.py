"""Jobs run to their end, and a job that fails has an end too."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmpy.core.jobs import Outcome, outcome
from swarmpy.core.task_life import is_live
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import (
    RESTART_CONDITION_NONE,
    TASK_STATE_COMPLETE,
    RestartPolicy,
)
from swarmpy.testing.builders import service_spec, task_spec
from tests.core.toy_world import Fate, ToyWorld, exits


def job(
    completions: int | None, parallelism: int = 0, restart: RestartPolicy | None = None
) -> ServiceSpec:
    """Return a replicated job, or with `completions=None` a global one."""
    spec = service_spec("job", task=task_spec("job:1"))
    spec.task.restart.CopyFrom(restart or RestartPolicy())
    if completions is None:
        spec.global_job.SetInParent()
    else:
        spec.replicated_job.completions = completions
        spec.replicated_job.parallelism = parallelism
    return spec


def outcome_of(world: ToyWorld) -> Outcome:
    return outcome(world.service(), world.tasks())


class Busiest:
    """Remembers the most tasks that were live at any time."""

    def __init__(self) -> None:
        self.live = 0

    def __call__(self, world: ToyWorld) -> None:
        self.live = max(self.live, sum(is_live(task) for task in world.tasks()))


@given(completions=st.integers(0, 9), parallelism=st.integers(0, 4))
@settings(max_examples=25, deadline=None)
def test_each_completion_happens_once_and_never_too_many_at_a_time(
    completions: int, parallelism: int
) -> None:
    world = ToyWorld(fates={"job:1": exits(1000, code=0)})
    world.watch = busiest = Busiest()
    world.deploy(job(completions, parallelism))
    world.settle()
    done = [task.slot for task in world.tasks() if task.status.state == TASK_STATE_COMPLETE]
    assert sorted(done) == list(range(1, completions + 1))
    assert busiest.live <= (parallelism or completions)
    assert outcome_of(world) == Outcome.COMPLETE
    assert not world.decide()


def test_a_job_is_running_until_its_last_completion() -> None:
    world = ToyWorld(fates={"job:1": exits(1000, code=0)})
    world.deploy(job(2, 1))
    world.settle(1500)
    assert outcome_of(world) == Outcome.RUNNING


@pytest.mark.parametrize(
    ("restart", "tasks_made"),
    [
        (RestartPolicy(condition=RESTART_CONDITION_NONE), 2),
        (RestartPolicy(max_attempts=2, delay_s=1), 2 * 3),
    ],
    ids=["no second try", "two more tries"],
)
def test_a_failing_job_fails_for_good_and_starts_nothing_more(
    restart: RestartPolicy, tasks_made: int
) -> None:
    world = ToyWorld(fates={"job:1": exits(10)})
    world.deploy(job(5, 2, restart))
    world.settle()
    assert len(world.tasks()) == tasks_made
    assert outcome_of(world) == Outcome.FAILED
    assert world.told().count("JobFailed") == 2
    world.remove()
    world.settle()
    assert not list(world.view.tasks)
    assert not list(world.view.services)


def test_without_a_limit_a_failing_job_is_tried_again_ever_more_slowly() -> None:
    world = ToyWorld(fates={"job:1": exits(10)})
    world.deploy(job(3, 2))
    world.settle(60_000)
    assert world.told().count("TaskFailed") == 2 * 8
    assert outcome_of(world) == Outcome.RUNNING


def test_a_failed_try_that_works_later_counts() -> None:
    world = ToyWorld(fates={"job:1": exits(10)})
    world.deploy(job(1))
    world.settle(5000)
    world.fates["job:1"] = exits(10, code=0)
    world.settle()
    assert outcome_of(world) == Outcome.COMPLETE


def test_a_job_on_a_node_that_dies_is_run_elsewhere() -> None:
    world = ToyWorld(fates={"job:1": exits(1000, code=0)})
    world.deploy(job(6))
    world.settle(500)
    world.crash("n1")
    world.settle()
    done = [task.slot for task in world.tasks() if task.status.state == TASK_STATE_COMPLETE]
    assert sorted(done) == [1, 2, 3, 4, 5, 6]


def test_a_new_version_is_a_new_run_and_the_old_run_goes() -> None:
    world = ToyWorld(fates={"job:1": exits(10, code=0), "job:2": exits(10, code=0)})
    spec = job(2)
    world.deploy(spec)
    world.settle()
    spec.task.containers[0].image = "job:2"
    world.deploy(spec)
    world.settle()
    assert [task.spec.containers[0].image for task in world.tasks()] == ["job:2", "job:2"]
    assert outcome_of(world) == Outcome.COMPLETE


def test_fewer_completions_stop_what_is_too_many() -> None:
    world = ToyWorld()
    spec = job(4)
    world.deploy(spec)
    world.settle()
    spec.replicated_job.completions = 1
    world.deploy(spec)
    world.settle()
    assert [task.slot for task in world.running()] == [1]


def test_a_global_job_runs_once_on_each_node_also_on_one_that_comes_back() -> None:
    world = ToyWorld(fates={"job:1": Fate(1000, TASK_STATE_COMPLETE)})
    world.crash("n3")
    world.deploy(job(None))
    world.settle(500)
    world.crash("n2")
    world.settle()
    assert [task.node_id for task in world.tasks() if task.status.state == TASK_STATE_COMPLETE] == [
        "n1"
    ]
    world.revive("n2")
    world.revive("n3")
    world.settle()
    done = [task.node_id for task in world.tasks() if task.status.state == TASK_STATE_COMPLETE]
    assert sorted(done) == ["n1", "n2", "n3"]
    assert outcome_of(world) == Outcome.COMPLETE
    assert not world.decide()
