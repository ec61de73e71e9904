"""Joining, leaving and looking after machines: the daemon is asked for exactly what was typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from swarmpy.cli.main import app
from swarmpy.core.schedule.taint import shown
from swarmpy.daemon import bootstrap, dev
from swarmpy.daemon.doctor import Finding
from swarmpy.daemon.key_choice import NO_WISH
from swarmpy.daemon.settings import Settings
from swarmpy.errors import TokenRefused
from swarmpy.pb.objects_pb2 import Node, Volume
from swarmpy.pb.specs_pb2 import VOLUME_SCOPE_SLOT, VolumeSpec
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_DRAIN,
    NODE_ROLE_MANAGER,
    NODE_ROLE_WORKER,
    NodeRole,
)
from swarmpy.security.certificates import Authority, NodeIdentity, new_key_and_csr
from tests.cli.conftest import Run
from tests.client.fake_control import FakeControl
from tests.client.served import served

Asked = list[tuple[Any, ...]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Record what the daemon's functions are called with, instead of starting one."""
    calls: Asked = []

    def record(name: str) -> Any:
        def called(*args: Any, **flags: Any) -> Any:
            calls.append((name, *args, *flags.values()))
            return bootstrap.Prepared(args[0]) if name.startswith("prepare") else None

        return called

    for name in ("prepare_first", "prepare_joining", "start", "leave", "run_foreground"):
        monkeypatch.setattr(bootstrap, name, record(name))
    monkeypatch.setattr(dev, "run", record("dev"))
    return calls


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


def test_init_starts_the_daemon_and_shows_how_to_join(
    asked: Asked, control: FakeControl, tmp_path: Path
) -> None:
    socket = tmp_path / "s.sock"
    with served(control, socket):
        said = invoke("init", "--advertise-addr", "192.0.2.7", "--state-dir", str(tmp_path / "a"),
                      "--socket", str(socket), "--runtime", "process",
                      "--generic-resource", "gpu=2")  # fmt: skip
    assert said.exit_code == 0, said.output
    [(_, settings, wish, *of_the_swarm), started] = asked
    assert started == ("start", settings)
    assert (wish, of_the_swarm) == (NO_WISH, [False, "default"])
    assert isinstance(settings, Settings)
    assert (settings.advertise_address, settings.runtime) == ("192.0.2.7", "process")
    assert settings.socket_path == socket
    assert settings.generic_resources == {"gpu": 2}
    assert "swarmpy join 10.0.0.1:2377 --token SWMPY-1-digest-secret" in said.stdout


def test_init_in_the_foreground_becomes_the_daemon(asked: Asked, tmp_path: Path) -> None:
    said = invoke("init", "--foreground", "--state-dir", str(tmp_path), "--cluster-port", "9377")
    assert said.exit_code == 0, said.output
    assert [call[0] for call in asked] == ["prepare_first", "run_foreground"]
    assert asked[0][1].cluster_port == 9377


@pytest.mark.parametrize(
    "flags",
    [["--advertise-addr", "nowhere"], ["--runtime", "magic"], ["--api-port", "0"]],
    ids=lambda flags: flags[0],
)
def test_init_refuses_settings_that_cannot_work(asked: Asked, flags: list[str]) -> None:
    assert invoke("init", *flags).exit_code == 2
    assert not asked


def test_join_hands_on_address_and_token(asked: Asked, tmp_path: Path) -> None:
    said = invoke("join", "192.0.2.1", "--token", "SWMPY-1-x", "--state-dir", str(tmp_path))
    assert said.exit_code == 0, said.output
    [(_, settings, address, token, _), started] = asked
    assert (address, token) == ("192.0.2.1:2377", "SWMPY-1-x")
    assert started == ("start", settings)
    assert settings.state_dir == tmp_path


def test_a_refused_token_is_one_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: Any) -> None:
        raise TokenRefused("the token has expired", remedy="swarmpy token create makes another")

    monkeypatch.setattr(bootstrap, "prepare_joining", refuse)
    said = invoke("join", "192.0.2.1", "--token", "x", "--state-dir", str(tmp_path))
    assert said.exit_code == 1
    assert said.stderr.splitlines() == [
        "error: the token has expired",
        "hint: swarmpy token create makes another",
    ]


def put_identity(directory: Path, role: NodeRole.ValueType) -> None:
    authority = Authority.create("c1", 1_700_000_000)
    key, csr = new_key_and_csr()
    certificate = authority.sign(
        csr, node_id="n1", role=role, cluster_id="c1", ttl_s=1e9, now_s=1_700_000_000
    )
    identity = NodeIdentity.read(certificate, key, authority.ca_certificate_pem)
    parts = (identity.key_pem, identity.certificate_pem, identity.ca_certificate_pem)
    (directory / "node.pem").write_bytes(b"".join(parts))


def test_a_worker_leaves_and_a_manager_is_asked_to_mean_it(asked: Asked, tmp_path: Path) -> None:
    put_identity(tmp_path, NODE_ROLE_MANAGER)
    said = invoke("leave", "--state-dir", str(tmp_path))
    assert said.exit_code == 1
    assert "this node is a manager" in said.stderr
    assert not asked
    assert invoke("leave", "--force", "--state-dir", str(tmp_path)).exit_code == 0
    put_identity(tmp_path, NODE_ROLE_WORKER)
    assert invoke("leave", "--state-dir", str(tmp_path)).exit_code == 0
    assert [call[0] for call in asked] == ["leave", "leave"]


def test_doctor_names_the_remedy_and_fails_when_something_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    findings = [
        Finding("disk", True, "12 GB free"),
        Finding("engine", False, "no docker", "start it"),
    ]
    monkeypatch.setattr("swarmpy.daemon.doctor.check", lambda _: findings)
    said = invoke("doctor", "--state-dir", str(tmp_path))
    assert said.exit_code == 1
    assert [line.split() for line in said.stdout.splitlines()] == [
        ["✔", "disk", "12", "GB", "free"],
        ["✘", "engine", "no", "docker"],
        ["→", "start", "it"],
    ]
    findings.pop()
    assert invoke("doctor", "--state-dir", str(tmp_path)).exit_code == 0


def test_dev_asks_for_the_swarm_that_was_typed(asked: Asked) -> None:
    assert invoke("dev", "--managers", "1", "--workers", "4", "--once").exit_code == 0
    [(name, wanted, _)] = asked
    assert name == "dev"
    assert (wanted.managers, wanted.workers, wanted.once) == (1, 4, True)


def test_a_token_is_shown_with_the_command_that_uses_it(run: Run, control: FakeControl) -> None:
    said = run("token", "create", "--role", "manager", "--ttl", "30m", "--uses", "2")
    assert "swarmpy join 10.0.0.1:2377 --token SWMPY-1-digest-secret" in said.stdout
    [token] = control.tokens.values()
    assert (token.role, token.uses_left) == (NODE_ROLE_MANAGER, 2)
    assert run("token", "create", "-q").stdout == "SWMPY-1-digest-secret\n"
    assert run("token", "revoke", token.id).exit_code == 0
    assert run("token", "create", "--role", "king").exit_code == 2


def test_nodes_are_drained_labelled_promoted_and_forgotten(run: Run, control: FakeControl) -> None:
    assert run("node", "drain", "beta").exit_code == 0
    beta = control.find("nodes", "beta")
    assert beta.spec.availability == AVAILABILITY_DRAIN
    assert (
        run("node", "update", "beta", "--availability", "active", "-l", "disk=ssd").exit_code == 0
    )
    assert dict(beta.spec.labels) == {"disk": "ssd"}
    assert run("node", "update", "beta", "--label-rm", "disk").exit_code == 0
    assert not beta.spec.labels
    tainted = run("node", "update", "beta", "--taint-add", "dedicated=db:no-execute")
    assert tainted.exit_code == 0
    assert [shown(taint) for taint in beta.spec.taints] == ["dedicated=db:no-execute"]
    assert "effect: no-execute" in run("node", "inspect", "beta").stdout
    assert run("node", "update", "beta", "--taint-rm", "dedicated").exit_code == 0
    assert not beta.spec.taints
    assert run("node", "update", "beta", "--taint-add", "dedicated:never").exit_code == 2
    assert run("node", "update", "beta", "--taint-add", ":no-execute").exit_code == 2
    times = ("--from", "2026-12-01T22:00Z", "--for", "2h")
    assert run("node", "maintenance", "beta", *times).exit_code == 0
    window = beta.spec.maintenance
    assert (window.starts_at_ms, window.ends_at_ms) == (1796162400_000, 1796169600_000)
    assert run("node", "maintenance", "beta", "--clear").exit_code == 0
    assert not beta.spec.HasField("maintenance")
    assert run("node", "maintenance", "beta").exit_code == 2
    assert run("node", "maintenance", "beta", "--for", "2h", "--clear").exit_code == 2
    assert run("node", "maintenance", "beta", "--from", "tonight", "--for", "2h").exit_code == 2
    assert run("node", "promote", "beta").exit_code == 0
    assert beta.spec.role == NODE_ROLE_MANAGER
    assert run("node", "demote", "beta").exit_code == 0
    assert beta.spec.role == NODE_ROLE_WORKER
    assert run("node", "update", "beta").exit_code == 2
    assert run("node", "update", "beta", "--availability", "sleepy").exit_code == 2
    assert run("node", "rm", "beta").exit_code == 0
    assert len(control.rows["nodes"]) == 1


def test_tasks_are_rebalanced_when_asked(run: Run, control: FakeControl) -> None:
    assert "nothing would be spread better" in run("rebalance", "--dry-run").stdout
    moved = run("rebalance", "--most", "5").stdout
    assert "TO" in moved
    assert "as fast as their services allow" in moved
    assert run("cluster", "update", "--rebalance", "--rebalance-moves", "3").exit_code == 0
    assert control.cluster.spec.rebalance.automatic
    assert control.cluster.spec.rebalance.moves_at_once == 3
    assert run("cluster", "update", "--no-rebalance").exit_code == 0
    assert not control.cluster.spec.rebalance.automatic


def test_a_node_with_data_that_cannot_move_is_drained_only_when_somebody_says_so(
    run: Run, control: FakeControl
) -> None:
    beta = next(node for node in control.rows["nodes"].values() if _is(node, "beta"))
    spec = VolumeSpec(name="data-db-0", scope=VOLUME_SCOPE_SLOT)
    control.put("volumes", Volume(spec=spec, node_ids=[beta.id]))
    for words in (["node", "drain", "beta"], ["node", "update", "--availability", "drain", "beta"]):
        said = run(*words)
        assert said.exit_code == 2
        assert "volume data-db-0 is on beta alone: db-0 stops" in said.stderr
        assert "swarmpy node drain --force beta" in said.stderr
    assert beta.spec.availability != AVAILABILITY_DRAIN
    assert run("node", "drain", "--force", "beta").exit_code == 0
    assert beta.spec.availability == AVAILABILITY_DRAIN


def _is(node: Node, hostname: str) -> bool:
    return node.description.hostname == hostname
