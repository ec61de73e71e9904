"""The story of one swarm, told in order: five hosts, and what happens to them."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.e2e.cluster import Cluster, until
from tests.e2e.hosts import Host

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cluster(hosts: list[Host]) -> Cluster:
    return Cluster(hosts)


def containers(host: Host) -> dict[str, str]:
    """Return container id -> when it was started, for all that run on a host."""
    ids = host.docker("ps", "-q", "--no-trunc").split()
    if not ids:
        return {}
    lines = host.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", *ids).splitlines()
    return dict(line.split(" ", 1) for line in lines)


def pages(cluster: Cluster, host: Host, port: int, times: int = 30) -> set[str]:
    return {cluster.get(host, port) for _ in range(times)}


def test_a_swarm_of_five_is_made_with_one_command_a_host(cluster: Cluster) -> None:
    h1, h2, h3, h4, h5 = cluster.hosts
    cluster.init(h1)
    for host in (h2, h3):
        cluster.join(host, "manager")
    for host in (h4, h5):
        cluster.join(host, "worker")
    until(lambda: cluster.all_ready(h1), 30, "five nodes are ready")
    roles = sorted(node["role"] for node in cluster.json(h3, "node", "ls"))
    assert roles == ["manager"] * 3 + ["worker"] * 2


def test_init_a_second_time_changes_nothing(cluster: Cluster) -> None:
    done = cluster.swarmpy(
        cluster.hosts[0], "init", "--state-dir", str(cluster.state_dir(cluster.hosts[0])),
        "--advertise-addr", cluster.hosts[0].address, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "is in a swarm already" in done.stderr


def test_a_stack_answers_on_every_host_from_every_replica(cluster: Cluster) -> None:
    cluster.deploy(cluster.hosts[1], "hello.yaml", "hello")
    for host in cluster.hosts:
        found = pages(cluster, host, 8080)
        assert len(found) == 3, f"{host.name} shows {found}"


@pytest.mark.parametrize("replicas", [10, 2])
def test_scaling_is_what_was_asked_for(cluster: Cluster, replicas: int) -> None:
    cluster.swarmpy(cluster.hosts[0], "service", "scale", f"hello_web={replicas}")
    assert len(cluster.running_on(cluster.hosts[0], "hello_web")) == replicas
    running = sum(len(containers(host)) for host in cluster.hosts)
    until(
        lambda: sum(len(containers(host)) for host in cluster.hosts) == replicas,
        20,
        f"{replicas} containers run, not {running}",
    )


def test_an_update_fails_no_request(cluster: Cluster) -> None:
    cluster.deploy(cluster.hosts[0], "rolling-update.yaml", "shop")
    url = f"http://{cluster.hosts[3].address}:8083/?[1-2000]"
    load = subprocess.Popen(
        cluster.hosts[4].inside(
            "curl", "-s", "--max-time", "10", "-o", "/dev/null", "--no-keepalive",
            "-H", "Connection: close", "-w", "%{http_code}\n", "--rate", "200/s", url,
        ),
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    cluster.deploy(cluster.hosts[0], "rolling-update.yaml", "shop", HELLO_IMAGE="swarmpy/hello:2")
    codes = load.communicate(timeout=120)[0].split()
    assert len(codes) == 2000
    assert [code for code in codes if code != "200"] == []
    assert all("version 2" in page for page in pages(cluster, cluster.hosts[2], 8083, 10))


def test_tasks_of_a_dead_host_run_elsewhere_within_20_s(cluster: Cluster) -> None:
    cluster.swarmpy(cluster.hosts[0], "service", "scale", "hello_web=6")
    victim = cluster.hosts[4]
    victim.power_off()
    cluster_without = [host for host in cluster.hosts if host is not victim]

    def elsewhere() -> int:
        on = cluster.running_on(cluster.hosts[0], "hello_web")
        return sum(address != victim.address for address in on)

    took_s = until(
        lambda: elsewhere() == 6,
        20,
        "six replicas run on the hosts that are left",
    )
    print(f"tasks of a dead host ran elsewhere after {took_s:.1f} s")
    assert all(cluster.get(host, 8080) for host in cluster_without)
    victim.power_on()
    cluster.start_node(victim)
    until(lambda: cluster.all_ready(cluster.hosts[0]), 30, "the host is back")


def test_a_host_that_was_cut_off_for_30_s_answers_2_s_after(cluster: Cluster) -> None:
    victim, *others = reversed(cluster.hosts)
    victim.unplug()
    time.sleep(30)
    assert all(cluster.get(host, 8080) for host in others)
    victim.plug()
    took_s = until(
        lambda: all(cluster.get(victim, 8080, timeout_s=1) for _ in range(10)),
        2,
        "ten requests in a row are answered on the host that was cut off",
    )
    print(f"a host that was cut off answered {took_s:.1f} s after")
    until(lambda: cluster.all_ready(cluster.hosts[0]), 30, "the host is back")
    until(
        lambda: (
            sum(len(containers(host)) for host in cluster.hosts)
            == len(cluster.running_on(cluster.hosts[0], "hello_web"))
            + len(cluster.running_on(cluster.hosts[0], "shop_web"))
        ),
        30,
        "nothing runs that nobody wants",
    )


def test_writes_go_on_within_5_s_of_the_leader_s_death(cluster: Cluster) -> None:
    leader = cluster.leader(cluster.hosts[0])
    other = next(host for host in cluster.hosts[:3] if host is not leader)
    before = {host.name: containers(host) for host in cluster.hosts}
    cluster.kill_node(leader)
    took_s = until(
        lambda: (
            cluster.swarmpy(
                other, "config", "create", "after-leader", "-", check=False, timeout_s=10
            ).returncode
            in {0, 6}
        ),
        5,
        "a write is accepted again",
    )
    print(f"writes were accepted {took_s:.1f} s after the leader was killed")
    assert {host.name: containers(host) for host in cluster.hosts} == before
    cluster.start_node(leader)
    until(lambda: cluster.all_ready(other), 30, "the manager is back")


def test_what_was_acknowledged_survives_the_death_of_all_managers(cluster: Cluster) -> None:
    managers = cluster.hosts[:3]
    names = [f"kept-{number}" for number in range(20)]
    for name in names:
        cluster.swarmpy(
            managers[0], "secret", "create", name, str(cluster.hosts[0].root / "daemon.json")
        )
    before = {host.name: containers(host) for host in cluster.hosts}
    for host in managers:
        cluster.kill_node(host)
    assert all(cluster.get(host, 8080) for host in cluster.hosts[3:]), "traffic needs no manager"
    for host in managers:
        cluster.start_node(host)
    until(
        lambda: cluster.swarmpy(managers[0], "secret", "ls", check=False).returncode == 0,
        30,
        "the managers agree again",
    )
    there = {row["spec"]["name"] for row in cluster.json(managers[0], "secret", "ls")}
    assert set(names) <= there
    assert {host.name: containers(host) for host in cluster.hosts} == before


def test_an_agent_that_starts_again_finds_its_containers(cluster: Cluster) -> None:
    host = next(host for host in cluster.hosts[3:] if containers(host))
    before = containers(host)
    cluster.kill_node(host)
    until(
        lambda: cluster.node_states(cluster.hosts[0]).get(host.address) == "down",
        45,  # a leader that is new waits 30 s for agents that have not found it yet
        "the managers notice that the agent is gone",
    )
    cluster.start_node(host)
    until(lambda: cluster.all_ready(cluster.hosts[0]), 30, "the node is ready again")
    assert set(containers(host).items()) <= set(before.items()), "none was started again"


def test_the_stacks_go_and_nothing_of_them_stays(cluster: Cluster) -> None:
    for stack in ("hello", "shop"):
        cluster.swarmpy(cluster.hosts[0], "stack", "rm", stack)
    until(
        lambda: not any(host.docker("ps", "-aq").split() for host in cluster.hosts),
        30,
        "no container is left",
    )
