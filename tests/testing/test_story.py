import asyncio
import random
from collections.abc import Callable

import pytest
import structlog

from swarmpy.errors import NoLeader, NotLeader
from swarmpy.testing.story import LINES_KEPT, Story, bug_in
from swarmpy.testing.virtual_loop import run

log = structlog.get_logger()


def told(act: Callable[[Story], None]) -> Story:
    async def main(_rng: random.Random) -> Story:
        story = Story(asyncio.get_running_loop())
        with story.listening():
            act(story)
        return story

    return run(main, seed=1)


def test_what_is_logged_is_part_of_the_story() -> None:
    story = told(lambda _story: log.info("task_assigned", task="t1", node="n1"))
    assert story.lines() == ["    0.0000 task_assigned level=info node=n1 task=t1"]
    assert story.faults == []


def test_the_same_story_has_the_same_digest_and_another_has_another() -> None:
    one, same, other = (told(lambda s, n=n: s.tell("x", n=n)) for n in (1, 1, 2))  # type: ignore[misc]
    assert one.digest == same.digest != other.digest


def test_only_the_end_of_a_long_story_is_kept() -> None:
    def act(story: Story) -> None:
        for number in range(LINES_KEPT + 5):
            story.tell("x", n=number)

    story = told(act)
    assert len(story.lines()) == LINES_KEPT
    assert story.events == LINES_KEPT + 5


def test_a_crash_that_was_logged_is_a_fault_with_its_place() -> None:
    def act(_story: Story) -> None:
        log.error("rpc_crashed", exc_info=ZeroDivisionError("by zero"))

    assert told(act).faults == ["rpc_crashed: ZeroDivisionError('by zero')"]


def test_an_expected_failure_that_was_logged_is_none() -> None:
    def act(_story: Story) -> None:
        log.error("leader_duty_failed", exc_info=ExceptionGroup("", [NotLeader.ask("m2")]))

    assert told(act).faults == []


def test_an_exception_that_nobody_handled_is_a_fault() -> None:
    def act(_story: Story) -> None:
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "lost", "exception": KeyError("x")})

    assert told(act).faults == ["lost: KeyError('x')"]


@pytest.mark.parametrize(
    ("error", "is_bug"),
    [
        pytest.param(NoLeader("none"), False, id="expected"),
        pytest.param(asyncio.CancelledError(), False, id="cancelled"),
        pytest.param(ExceptionGroup("", [NoLeader("none")]), False, id="group-of-expected"),
        pytest.param(KeyError("x"), True, id="bug"),
        pytest.param(ExceptionGroup("", [NoLeader("none"), KeyError("x")]), True, id="one-bug"),
    ],
)
def test_a_bug_is_told_from_an_expected_failure(error: BaseException, is_bug: bool) -> None:
    assert (bug_in(error) is not None) == is_bug
