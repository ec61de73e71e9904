"""Jobs run to their end, and a job that fails has an end too."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmpy.core.job_run import DEFAULT_BACKOFF_LIMIT
from swarmpy.core.task_life import has_failed, is_live
from swarmpy.pb.objects_pb2 import (
    JOB_STATE_COMPLETE,
    JOB_STATE_FAILED,
    JOB_STATE_RUNNING,
    JobState,
)
from swarmpy.pb.specs_pb2 import JobLimits, ServiceSpec
from swarmpy.pb.types_pb2 import (
    RESTART_CONDITION_NONE,
    TASK_STATE_COMPLETE,
    RestartPolicy,
)
from swarmpy.testing.builders import service_spec, task_spec
from tests.core.toy_world import Fate, ToyWorld, exits


def job(
    completions: int | None,
    parallelism: int = 0,
    restart: RestartPolicy | None = None,
    limits: JobLimits | None = None,
) -> ServiceSpec:
    """Return a replicated job, or with `completions=None` a global one."""
    spec = service_spec("job", task=task_spec("job:1"))
    spec.task.restart.CopyFrom(restart or RestartPolicy())
    spec.job.CopyFrom(limits or JobLimits())
    if completions is None:
        spec.global_job.SetInParent()
    else:
        spec.replicated_job.completions = completions
        spec.replicated_job.parallelism = parallelism
    return spec


def state_of(world: ToyWorld) -> JobState.ValueType:
    return world.service().job.state


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
    assert state_of(world) == JOB_STATE_COMPLETE
    assert not world.decide()


def test_each_task_knows_which_completion_it_is_also_when_it_is_tried_again() -> None:
    world = ToyWorld(fates={"job:1": exits(10)})
    world.deploy(job(3, 1))
    world.settle(5000)
    assert len(world.tasks()) > 3
    for task in world.tasks():
        assert task.environment == {"JOB_COMPLETION_INDEX": str(task.slot - 1)}


def test_a_job_is_running_until_its_last_completion() -> None:
    world = ToyWorld(fates={"job:1": exits(1000, code=0)})
    world.deploy(job(2, 1))
    world.settle(1500)
    assert state_of(world) == JOB_STATE_RUNNING


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
    assert state_of(world) == JOB_STATE_FAILED
    assert world.told().count("JobFailed") == 1
    assert not [task for task in world.tasks() if is_live(task)]
    assert not world.decide()
    world.remove()
    world.settle()
    assert not list(world.view.tasks)
    assert not list(world.view.services)


@pytest.mark.parametrize(
    ("limits", "failures"),
    [(JobLimits(), DEFAULT_BACKOFF_LIMIT + 1), (JobLimits(backoff_limit=0), 1)],
    ids=["six unless told", "none"],
)
def test_a_run_fails_with_the_first_failure_beyond_its_limit(
    limits: JobLimits, failures: int
) -> None:
    world = ToyWorld(fates={"job:1": exits(10)})
    world.deploy(job(3, 1, limits=limits))
    world.settle()
    assert sum(has_failed(task) for task in world.tasks()) == failures
    assert state_of(world) == JOB_STATE_FAILED
    assert f"{failures} tasks of the job have failed" in world.service().job.message


def test_its_tries_come_ever_more_slowly() -> None:
    world = ToyWorld(fates={"job:1": exits(10)})
    world.deploy(job(1, limits=JobLimits(backoff_limit=100)))
    world.settle(60_000)
    assert world.told().count("TaskFailed") == 8
    assert state_of(world) == JOB_STATE_RUNNING


def test_a_run_that_lasts_too_long_fails_and_is_stopped() -> None:
    world = ToyWorld()
    world.deploy(job(3, limits=JobLimits(active_deadline_s=30)))
    world.settle(29_000)
    assert state_of(world) == JOB_STATE_RUNNING
    world.settle(5_000)
    assert state_of(world) == JOB_STATE_FAILED
    assert world.service().job.message == "the job has run for 30 s, the most it may"
    assert not [task for task in world.tasks() if is_live(task)]


@pytest.mark.parametrize("code", [0, 1], ids=["completed", "failed"])
def test_a_run_that_is_over_is_forgotten_when_its_time_to_live_is(code: int) -> None:
    world = ToyWorld(fates={"job:1": exits(10, code=code)})
    world.deploy(job(1, limits=JobLimits(backoff_limit=0, ttl_after_finish_s=60)))
    world.settle(50_000)
    assert list(world.view.services)
    world.settle(15_000)
    assert not list(world.view.services)
    assert not list(world.view.tasks)


def test_a_failed_try_that_works_later_counts() -> None:
    world = ToyWorld(fates={"job:1": exits(10)})
    world.deploy(job(1))
    world.settle(5000)
    world.fates["job:1"] = exits(10, code=0)
    world.settle()
    assert state_of(world) == JOB_STATE_COMPLETE


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
    assert state_of(world) == JOB_STATE_COMPLETE


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
    assert state_of(world) == JOB_STATE_COMPLETE
    assert not world.decide()
