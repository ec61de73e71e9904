"""Every list speaks table, JSON, YAML and ids; a table in a pipe is never cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from swarmpy.pb.objects_pb2 import Stack
from tests.cli.conftest import Run
from tests.client.fake_control import FakeControl
from tests.client.specs import web

LISTS = [
    ["node", "ls"],
    ["token", "ls"],
    ["service", "ls"],
    ["service", "ps", "web"],
    ["stack", "ls"],
    ["stack", "ps", "shop"],
    ["stack", "services", "shop"],
    ["task", "ls"],
    ["cronjob", "ls"],
    ["cronjob", "runs", "backup"],
    ["config", "ls"],
    ["secret", "ls"],
    ["network", "ls"],
    ["volume", "ls"],
]


@pytest.fixture
def stocked(run: Run, control: FakeControl) -> Run:
    """Run against a swarm that has one of everything."""
    run("token", "create")
    run("config", "create", "motd", "-", stdin="hello")
    run("secret", "create", "key", "-", stdin="hush")
    run("network", "create", "back")
    run("volume", "create", "data", "--scope", "pinned")
    run("cronjob", "create", "@hourly", "backup:2")
    run("cronjob", "run", "backup", "--detach")
    stack = control.put("stacks", Stack(name="shop"))
    control.store_service(web("web", replicas=1), stack.id)
    return run


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_lists_in_every_format(stocked: Run, words: list[str]) -> None:
    table = stocked(*words)
    assert table.exit_code == 0, table.output
    assert len(table.stdout.splitlines()) >= 2
    as_json = json.loads(stocked(*words, "--format", "json").stdout)
    as_yaml = yaml.safe_load(stocked(*words, "--format", "yaml").stdout)
    assert as_json == as_yaml
    assert len(as_json) >= 1
    ids = stocked(*words, "-q").stdout.splitlines()
    assert len(ids) == len(as_json)


def test_node_ls_marks_the_leader(stocked: Run) -> None:
    lines = stocked("node", "ls").stdout.splitlines()
    assert lines[0].split() == [
        "ID", "HOSTNAME", "STATE", "GOSSIP", "AVAILABILITY", "ROLE", "ADDRESS", "ENGINE", "AGE"
    ]  # fmt: skip
    assert "alpha" in lines[1]
    assert "manager (leader)" in lines[1]
    assert "beta" in lines[2]


def test_json_keeps_numbers_and_says_enums_in_words(stocked: Run) -> None:
    services = json.loads(stocked("service", "ls", "--format", "json").stdout)
    service = next(one for one in services if one["spec"]["name"] == "web")
    assert service["spec"]["replicated"]["replicas"] == 1
    assert (service["running"], service["wanted"]) == (1, 1)
    [task] = json.loads(stocked("task", "ls", "--format", "json").stdout)
    assert task["status"]["state"] == "running"


def test_a_secret_is_listed_without_its_content(stocked: Run) -> None:
    assert "hush" not in stocked("secret", "ls", "--format", "json").stdout


def test_service_ps_groups_what_a_task_replaced_under_it(
    stocked: Run, control: FakeControl
) -> None:
    stocked("service", "update", "web", "--image", "newer", "--detach")
    lines = stocked("service", "ps", "web").stdout.splitlines()
    assert lines[1].startswith("web.1 ")
    assert "newer" in lines[1]
    assert lines[2].startswith("  \\_ web.1 ")
    assert "shutdown" in lines[2]


def test_service_ps_says_why_a_task_waits(stocked: Run) -> None:
    stocked("service", "create", "demo", "--name", "big", "-l",
            "fake=pending: needs 64.0 cpus", "--detach")  # fmt: skip
    assert "needs 64.0 cpus" in stocked("service", "ps", "big").stdout


def test_no_colour_without_a_terminal(stocked: Run) -> None:
    assert "\x1b" not in stocked("node", "ls").stdout


@pytest.mark.parametrize(
    "words",
    [["node", "inspect", "alpha"], ["service", "inspect", "web"], ["task", "inspect", "web.1"]],
    ids=" ".join,
)
def test_inspect_prints_yaml_or_json(stocked: Run, words: list[str]) -> None:
    as_yaml: dict[str, Any] = yaml.safe_load(stocked(*words).stdout)
    assert as_yaml == json.loads(stocked(*words, "--format", "json").stdout)
    assert as_yaml["id"]
