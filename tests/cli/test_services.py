"""Services and stacks from the command line: what is asked reaches the swarm, and is waited for."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmpy.core.validate import validate_service
from swarmpy.pb.objects_pb2 import Service
from swarmpy.pb.specs_pb2 import CONTAINER_RESTART_ALWAYS, ServiceSpec
from swarmpy.pb.types_pb2 import RESTART_CONDITION_NONE, UPDATE_ORDER_START_FIRST
from tests.cli.conftest import Run
from tests.client.fake_control import FakeControl
from tests.client.specs import web


def only_spec(control: FakeControl) -> ServiceSpec:
    [service] = control.rows["services"].values()
    assert isinstance(service, Service)
    return service.spec


def test_create_waits_and_says_each_step(run: Run, control: FakeControl) -> None:
    said = run("service", "create", "demo:1", "--name", "web", "--replicas", "3")
    assert said.exit_code == 0, said.output
    first, *_, last = said.stdout.splitlines()
    [service] = control.rows["services"].values()
    assert first == f"{service.id} web"
    assert last == "✔ web: 3 of 3 tasks running"


def test_a_port_that_does_not_answer_everywhere_is_warned_about(
    run: Run, control: FakeControl
) -> None:
    beta = next(node for node in control.rows["nodes"].values() if "beta" in str(node))
    beta.status.closed_ports.add(port=8080, reason="address already in use")
    said = run("service", "create", "demo:1", "--name", "web", "--publish", "8080:80")
    assert said.exit_code == 0, said.output
    assert "port 8080/tcp does not answer on beta: address already in use" in said.stderr


def test_create_makes_the_spec_that_its_flags_say(run: Run, control: FakeControl) -> None:
    said = run(
        "service", "create", "registry:5000/team/web:2", "-e", "A=1", "-e", "B=x=y",
        "-l", "tier=front",
        "-p", "8080:80", "-p", "53:53/udp", "--mount", "data:/data", "--network", "back:api",
        "--config", "motd:/etc/motd", "--secret", "key", "--constraint", "node.labels.disk==ssd",
        "--reserve-cpu", "0.5", "--generic-resource", "gpu=1",
        "--limit-memory", "64m", "--health-cmd", "true",
        "--health-interval", "2s", "--restart", "none", "--update-order", "start-first",
        "--readiness-probe", "period=2s,http:80/ready", "--pre-stop", "exec:drain",
        "--container-restart", "always",
        "--stop-grace", "1m", "--detach", "--", "serve", "--port", "80",
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    spec = only_spec(control)
    container = spec.task.containers[0]
    assert spec.name == "web"
    assert dict(container.environment) == {"A": "1", "B": "x=y"}
    assert dict(spec.labels) == {"tier": "front"}
    assert [(port.published, port.target) for port in spec.endpoint.ports] == [(8080, 80), (53, 53)]
    assert list(container.args) == ["serve", "--port", "80"]
    assert container.mounts[0].source == "data"
    assert list(spec.task.networks[0].aliases) == ["api"]
    assert container.configs[0].target == "/etc/motd"
    assert container.secrets[0].target == "/run/secrets/key"
    assert list(spec.task.placement.constraints) == ["node.labels.disk==ssd"]
    assert spec.task.reservations.nano_cpus == 500_000_000
    assert dict(spec.task.reservations.generic) == {"gpu": 1}
    assert spec.task.limits.memory_bytes == 64 << 20
    assert list(container.health_check.test) == ["CMD-SHELL", "true"]
    assert container.health_check.interval_s == 2
    assert spec.task.restart.condition == RESTART_CONDITION_NONE
    assert spec.update.order == UPDATE_ORDER_START_FIRST
    assert container.stop_grace_s == 60
    assert container.readiness_probe.http_get.path == "/ready"
    assert list(container.pre_stop.exec.command) == ["drain"]
    assert spec.task.container_restart == CONTAINER_RESTART_ALWAYS


@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        (["-p", "http"], "8080:80"),
        (["-e", "novalue"], "KEY=VALUE"),
        (["--generic-resource", "gpu=many"], "KIND=NUMBER"),
        (["--mode", "often"], "replicated, global"),
        (["--restart", "sometimes"], "on-failure"),
        (["--mode", "global", "--replicas", "2"], "replicated services"),
        (["--timeout", "soon"], "1h30m"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_in_a_flag_changes_nothing(
    run: Run, control: FakeControl, flags: list[str], hint: str
) -> None:
    said = run("service", "create", "demo", *flags)
    assert said.exit_code == 2
    assert hint in said.stderr
    assert not control.rows["services"]


@pytest.mark.parametrize(
    ("fate", "flags", "code", "message"),
    [
        ("pending: needs 64.0 cpus", [], 3, "demo.1: needs 64.0 cpus"),
        ("failing: exit code 1", [], 4, "demo.1 failed 3 times: exit code 1"),
        ("rolled back: it did not stay up", [], 4, "it did not stay up"),
        ("preparing", [], 5, "demo.1 is preparing: pulling the image"),
    ],
    ids=["cannot be placed", "unhealthy", "rolled back", "timeout"],
)
def test_what_does_not_come_to_run_says_why_and_exits_so(
    run: Run, fate: str, flags: list[str], code: int, message: str
) -> None:
    said = run("service", "create", "demo", "-l", f"fake={fate}", "--timeout", "300ms", *flags)
    assert said.exit_code == code, said.output
    assert message in said.stderr
    assert "hint: " in said.stderr


def test_the_reason_is_printed_while_it_waits(run: Run) -> None:
    said = run("service", "create", "demo", "-l", "fake=preparing", "--timeout", "200ms")
    assert "demo: 0/1 running, demo.1 preparing: pulling the image" in said.stdout


def test_detach_does_not_wait(run: Run, control: FakeControl) -> None:
    assert run("service", "create", "demo", "-l", "fake=preparing", "-d").exit_code == 0
    assert "Watch" not in control.calls


def test_update_changes_what_is_given_and_nothing_else(run: Run, control: FakeControl) -> None:
    run(
        "service",
        "create",
        "demo:1",
        "--name",
        "web",
        "-e",
        "A=1",
        "-e",
        "B=2",
        "-p",
        "80:80",
        "-d",
    )
    said = run("service", "update", "web", "--image", "demo:2", "-e", "A=9", "--env-rm", "B",
               "-p", "81:80")  # fmt: skip
    assert said.exit_code == 0, said.output
    spec = only_spec(control)
    assert spec.task.containers[0].image == "demo:2"
    assert dict(spec.task.containers[0].environment) == {"A": "9"}
    assert [port.published for port in spec.endpoint.ports] == [81]


def test_an_update_without_a_change_is_a_usage_error(run: Run) -> None:
    run("service", "create", "demo", "-d")
    assert run("service", "update", "demo").exit_code == 2
    assert run("service", "update", "demo", "--force").exit_code == 0


def test_scale_rollback_and_rm(run: Run, control: FakeControl) -> None:
    run("service", "create", "demo:1", "--name", "web", "-d")
    assert "✔ web: 4 of 4 tasks running" in run("service", "scale", "web=4").stdout
    run("service", "update", "web", "--image", "demo:2")
    assert run("service", "rollback", "web").exit_code == 0
    assert only_spec(control).task.containers[0].image == "demo:1"
    assert run("service", "scale", "web=many").exit_code == 2
    assert run("service", "rm", "web").exit_code == 0
    assert not control.rows["services"]


def test_logs_are_merged_and_a_silent_node_costs_a_warning(run: Run, control: FakeControl) -> None:
    control.store_service(web(replicas=2))
    said = run("service", "logs", "web", "-t")
    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "web.1@beta | 1970-01-01T00:00:00.001Z hello 1",
        "web.2@alpha | 1970-01-01T00:00:00.002Z hello 2",
    ]
    assert said.stderr == "warning: beta does not answer: its lines are missing\n"
    assert run("service", "logs", "web", "--raw", "-n", "1").stdout == "hello 2\n"


def test_deploy_says_what_changed_and_waits(run: Run, tmp_path: Path) -> None:
    manifest = tmp_path / "shop.yaml"
    manifest.write_text("services:\n  web:\n    image: demo\n    deploy: {replicas: 2}\n")
    said = run("stack", "deploy", "-c", str(manifest), "shop")
    assert said.exit_code == 0, said.output
    assert "created   service shop_web" in said.stdout.splitlines()
    assert said.stdout.splitlines()[-1] == "✔ shop_web: 2 of 2 tasks running"
    assert run("stack", "rm", "shop").exit_code == 0


def test_a_wrong_manifest_names_every_fault_with_its_place(run: Run, tmp_path: Path) -> None:
    manifest = tmp_path / "shop.yaml"
    manifest.write_text("services:\n  web:\n    image: demo\n    prots: []\n    imagine: x\n")
    said = run("stack", "deploy", "-c", str(manifest), "shop")
    assert said.exit_code == 2
    faults = [line for line in said.stderr.splitlines() if line.startswith("error: ")]
    assert len(faults) == 2
    assert all(f"{manifest}:" in fault for fault in faults)


def test_why_shows_every_filter_on_every_node_once_for_alike_tasks(
    run: Run, control: FakeControl
) -> None:
    control.store_service(web(replicas=3, fake="pending: needs 2.0 cpus"))
    lines = run("why", "web").stdout.splitlines()
    assert lines[0] == "web waits for a node"
    assert lines[2] == "web.1 (and 2 more alike): web.1 has no node: needs 2.0 cpus"
    assert lines.count("  ✘ alpha") == 1
    assert "      ✘ resources  needs 2.0 cpus, 0.5 of 4.0 are free" in lines
    assert lines[-1] == "  nearest: beta: free 1.5 cpus there"


def test_events_are_listed(run: Run) -> None:
    assert "NodeReady" in run("events").stdout
    assert "NodeReady" in run("events", "alpha").stdout
    assert "NodeReady" not in run("events", "beta").stdout


def test_exec_hands_on_what_the_command_says_and_its_exit_code(
    run: Run, control: FakeControl
) -> None:
    control.store_service(web(replicas=1))
    said = run("task", "exec", "web.1", "ls", "-l")
    assert (said.stdout, said.exit_code) == ("ls -l\n", 0)
    assert run("task", "exec", "web.1", "false").exit_code == 3


def test_managers_accept_what_the_flags_make(run: Run, control: FakeControl) -> None:
    run(
        "service", "create", "demo", "-p", "8080:80", "--mount", "data:/data", "--config", "motd",
        "--secret", "key", "--network", "back:api", "--constraint", "node.role==worker",
        "--spread", "node.labels.zone", "--health-cmd", "true", "--restart", "on-failure",
        "--update-on-failure", "rollback", "--reserve-cpu", "0.5", "--limit-memory", "64m", "-d",
    )  # fmt: skip
    validate_service(only_spec(control))


def test_history_pause_resume_restart_and_return(run: Run, control: FakeControl) -> None:
    control.store_service(web())
    run("service", "update", "web", "--image", "demo:2", "--reason", "faster", "--detach")
    assert run("service", "history", "web", "-q").stdout == "1\n2\n"
    assert run("service", "pause", "web").stdout == "web\n"
    [service] = control.rows["services"].values()
    assert service.paused
    assert run("service", "resume", "web", "--detach").exit_code == 0
    assert not service.paused
    assert run("service", "restart", "web", "--detach").exit_code == 0
    assert service.spec.task.force_update == 1
    assert run("service", "rollback", "web", "--to", "1", "--detach").exit_code == 0


def test_budgets_are_numbers_or_shares(run: Run, control: FakeControl) -> None:
    said = run(
        "service", "create", "demo:1", "--update-max-surge", "25%", "--update-max-unavailable", "0",
        "--update-progress-deadline", "5m", "--detach",
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    update = only_spec(control).update
    assert (update.max_surge.ratio, update.max_unavailable.WhichOneof("budget")) == (0.25, "count")
    assert update.progress_deadline_s == 300
    wrong = run("service", "create", "demo:1", "--update-max-surge", "some")
    assert wrong.exit_code == 2
    assert "'some' is no number of tasks; write 3 or 25%" in wrong.output


def test_a_service_may_be_told_to_scale_itself(run: Run, control: FakeControl) -> None:
    said = run(
        "service", "create", "demo:1", "--autoscale-max", "9", "--autoscale-cpu", "70%",
        "--reserve-cpu", "0.5", "--detach",
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    scale = only_spec(control).autoscale
    assert (scale.min_replicas, scale.max_replicas, scale.cpu_ratio) == (1, 9, 0.7)
    assert run("service", "create", "demo:1", "--autoscale-cpu", "lots").exit_code == 2
