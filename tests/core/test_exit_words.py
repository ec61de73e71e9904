import pytest

from swarmpy.core.container import Exit
from swarmpy.core.exit_words import how_it_ended


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (Exit(0), "it ended with exit code 0"),
        (Exit(3), "it ended with exit code 3"),
        (Exit(127), "it ended with exit code 127: its image has no such command"),
        (Exit(130), "it ended with exit code 130, by SIGINT"),
        (
            Exit(137),
            "it ended with exit code 137, by SIGKILL: somebody killed it, or the kernel did for "
            "want of memory",
        ),
        (Exit(255), "it ended with exit code 255"),
        (Exit(137, oom_killed=True), "it used more memory than its limit and was killed"),
        (Exit(1, error="the machine lost power"), "the machine lost power"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_end_is_said_in_words(ended: Exit, words: str) -> None:
    assert how_it_ended(ended) == words
