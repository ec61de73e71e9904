import pytest

from swarmpy.pb.types_pb2 import HealthCheck
from swarmpy.runtime.health import Health, schedule_of


def check(**fields: float) -> HealthCheck:
    return HealthCheck(test=["CMD", "true"], **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("test", "argv"),
    [
        (["CMD", "a", "b"], ("a", "b")),
        (["CMD-SHELL", "a && b"], ("/bin/sh", "-c", "a && b")),
        (["NONE"], None),
        ([], None),
        (["CMD"], None),
    ],
)
def test_what_is_run(test: list[str], argv: tuple[str, ...] | None) -> None:
    schedule = schedule_of(HealthCheck(test=test))
    assert (schedule.argv if schedule else None) == argv


def test_defaults_are_docker_s() -> None:
    schedule = schedule_of(check())
    assert schedule is not None
    assert (schedule.interval_s, schedule.timeout_s, schedule.retries) == (30, 30, 3)
    assert schedule.pause_s(0) == 30


def test_checks_are_more_frequent_while_starting() -> None:
    schedule = schedule_of(check(interval_s=10, start_period_s=5, start_interval_s=1))
    assert schedule is not None
    assert (schedule.pause_s(4.9), schedule.pause_s(5.0)) == (1, 10)


@pytest.mark.parametrize(
    ("results", "healthy", "unhealthy"),
    [
        ("+", True, False),
        ("--", False, False),
        ("---", False, True),
        ("+--", True, False),
        ("+---", False, True),
        ("--+--", True, False),
        ("---+", True, False),
    ],
)
def test_it_takes_retries_in_a_row_to_be_unhealthy(
    results: str, healthy: bool, unhealthy: bool
) -> None:
    schedule = schedule_of(check())
    assert schedule is not None
    health = Health()
    for result in results:
        health = health.after(schedule, passed=result == "+", up_s=100)
    assert (health.healthy, health.unhealthy) == (healthy, unhealthy)


def test_failures_while_starting_do_not_count() -> None:
    schedule = schedule_of(check(start_period_s=60, retries=1))
    assert schedule is not None
    starting = Health().after(schedule, passed=False, up_s=59)
    assert starting == Health()
    assert starting.after(schedule, passed=False, up_s=61).unhealthy
