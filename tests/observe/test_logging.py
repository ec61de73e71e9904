import io
import json
from collections.abc import Iterator

import pytest
import structlog

from swarmpy.errors import InvalidInput
from swarmpy.observe.logging import configure


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def logged(level: str = "info", **fields: object) -> dict[str, object]:
    stream = io.StringIO()
    configure(stream, {"SWARMPY_LOG": level})
    structlog.get_logger().info("task_assigned", **fields)
    event: dict[str, object] = json.loads(stream.getvalue())
    return event


def test_machines_get_json() -> None:
    event = logged(task="t1", wait_s=0.12)
    assert (event["event"], event["level"]) == ("task_assigned", "info")
    assert (event["task"], event["wait_s"]) == ("t1", 0.12)
    assert str(event["timestamp"]).endswith("Z")


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_people_get_lines(environ: dict[str, str], coloured: bool) -> None:
    stream = Terminal()
    configure(stream, environ)
    structlog.get_logger().info("task_assigned", task="t1")
    assert "task_assigned" in stream.getvalue()
    assert ("\x1b[" in stream.getvalue()) is coloured


def test_the_level_comes_from_the_environment() -> None:
    stream = io.StringIO()
    configure(stream, {"SWARMPY_LOG": "WARNING"})
    structlog.get_logger().info("unimportant")
    assert not stream.getvalue()
    with pytest.raises(InvalidInput, match="SWARMPY_LOG=loud is no log level"):
        configure(stream, {"SWARMPY_LOG": "loud"})


@pytest.mark.parametrize(
    "name", ["secret", "join_token", "password", "key_pem", "ca_key_pem", "credentials"]
)
def test_a_field_named_like_a_secret_is_hidden(name: str) -> None:
    assert logged(**{name: "swordfish"})[name] == "***"


def test_a_token_is_hidden_wherever_it_stands() -> None:
    event = logged(argv="swarmpy join --token SWMPY-1-worker-abc-def-ghi 10.0.0.1:4242")
    assert event["argv"] == "swarmpy join --token SWMPY-1-*** 10.0.0.1:4242"


def test_ids_are_not_secrets() -> None:
    event = logged(token_id="k3x9", secret_id="s1", node="n1")
    assert (event["token_id"], event["secret_id"], event["node"]) == ("k3x9", "s1", "n1")


def fail() -> None:
    key = "sword" + "fish"
    raise ZeroDivisionError(f"by {len(key)}")


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["machine", "terminal"])
def test_an_exception_is_logged_with_its_traceback_and_without_its_variables(
    stream: io.StringIO,
) -> None:
    configure(stream, {"NO_COLOR": "1"})
    try:
        fail()
    except ZeroDivisionError:
        structlog.get_logger().exception("rpc_crashed")
    assert "by 9" in stream.getvalue()
    assert "test_logging.py" in stream.getvalue()
    assert "swordfish" not in stream.getvalue()
