from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swarmpy.errors import TaskRefused
from swarmpy.pb.objects_pb2 import Network, NetworkAddress, Task
from swarmpy.pb.specs_pb2 import ContainerSpec, NetworkSpec, TaskSpec
from swarmpy.pb.types_pb2 import (
    MOUNT_TYPE_BIND,
    MOUNT_TYPE_TMPFS,
    MOUNT_TYPE_VOLUME,
    PROTOCOL_UDP,
    HealthCheck,
    Mount,
    PortConfig,
    Resources,
)
from swarmpy.runtime.container_config import container_name, plan_container
from swarmpy.runtime.network_config import network_body, short_name
from swarmpy.runtime.task_files import KeptFile


def task(**fields: Any) -> Task:
    spec = ContainerSpec(name="main", image="web:1", **fields)
    return Task(
        id="t1", service_name="shop_web", slot=2, node_id="n1", spec=TaskSpec(containers=[spec])
    )


def network(network_id: str = "net1", name: str = "shop_default", **fields: Any) -> Network:
    return Network(
        id=network_id,
        spec=NetworkSpec(name=name, **fields),
        stack_id="s1",
        subnet="10.128.7.0/24",
    )


def body(of: Task, *networks: Network, files: list[KeptFile] | None = None) -> dict[str, Any]:
    known = {one.id: one for one in networks}
    return plan_container(of, known, files or [], "n1", "10.0.0.5").body


def host(of: Task, *networks: Network) -> dict[str, Any]:
    settings: dict[str, Any] = body(of, *networks)["HostConfig"]
    return settings


def test_a_plain_task_is_its_image_in_the_engine_s_own_network() -> None:
    made = body(task())
    assert made["Image"] == "web:1"
    assert made["Entrypoint"] is None
    assert made["Cmd"] is None
    assert made["HostConfig"]["NetworkMode"] == "bridge"
    assert "Healthcheck" not in made
    assert "NetworkingConfig" not in made


def test_the_engine_never_restarts_what_managers_decide_about() -> None:
    assert host(task())["RestartPolicy"] == {"Name": "no"}


def test_arguments_stay_a_list() -> None:
    made = body(task(command=["/bin/app", "a b"], args=["$HOME; rm -rf /"]))
    assert (made["Entrypoint"], made["Cmd"]) == (["/bin/app", "a b"], ["$HOME; rm -rf /"])


def test_labels_say_whose_it_is_and_cannot_be_overridden() -> None:
    made = body(task(labels={"tier": "front", "swarmpy.node": "someone else"}))["Labels"]
    assert made == {
        "tier": "front",
        "swarmpy.node": "n1",
        "swarmpy.task": "t1",
        "swarmpy.service": "shop_web",
        "swarmpy.slot": "2",
        "swarmpy.ports": "",
    }


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"service_name": "web", "slot": 3}, "web.3.t1"),
        ({"service_name": "web", "node_id": "n9"}, "web.n9.t1"),
        ({"slot": 0}, "task.0.t1"),
    ],
    ids=["slot", "global", "without a service"],
)
def test_names_are_for_people(fields: dict[str, Any], name: str) -> None:
    assert container_name(Task(id="t1", **fields)) == name


def test_target_ports_get_any_free_port_of_the_node_s_own_address() -> None:
    wanted = task()
    wanted.ports.extend(
        [PortConfig(target=80, published=8080), PortConfig(target=53, protocol=PROTOCOL_UDP)]
    )
    made = body(wanted)
    assert made["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    assert made["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "10.0.0.5", "HostPort": ""}],
        "53/udp": [{"HostIp": "10.0.0.5", "HostPort": ""}],
    }


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        (
            Mount(type=MOUNT_TYPE_VOLUME, source="data", target="/data"),
            {"Type": "volume", "Source": "data", "Target": "/data", "ReadOnly": False},
        ),
        (
            Mount(type=MOUNT_TYPE_BIND, source="/srv", target="/srv", read_only=True),
            {"Type": "bind", "Source": "/srv", "Target": "/srv", "ReadOnly": True},
        ),
        (
            Mount(type=MOUNT_TYPE_TMPFS, target="/tmp", tmpfs_bytes=1024),
            {
                "Type": "tmpfs",
                "Target": "/tmp",
                "ReadOnly": False,
                "TmpfsOptions": {"SizeBytes": 1024},
            },
        ),
    ],
    ids=["volume", "bind", "tmpfs"],
)
def test_mounts(mount: Mount, expected: dict[str, Any]) -> None:
    assert host(task(mounts=[mount]))["Mounts"] == [expected]


def test_files_are_mounted_one_by_one_and_read_only() -> None:
    kept = [KeptFile("/run/secrets/key", Path("/dev/shm/n1/t1/run/secrets/key"))]
    assert body(task(), files=kept)["HostConfig"]["Mounts"] == [
        {
            "Type": "bind",
            "Source": "/dev/shm/n1/t1/run/secrets/key",
            "Target": "/run/secrets/key",
            "ReadOnly": True,
        }
    ]


def test_limits() -> None:
    wanted = task()
    wanted.spec.limits.CopyFrom(Resources(nano_cpus=500_000_000, memory_bytes=1 << 20, pids=9))
    made = host(wanted)
    assert (made["NanoCpus"], made["Memory"], made["PidsLimit"]) == (500_000_000, 1 << 20, 9)
    assert "PidsLimit" not in host(task())


def test_health_checks_are_in_nanoseconds() -> None:
    check = HealthCheck(test=["CMD", "true"], interval_s=0.5, timeout_s=2, retries=4)
    assert body(task(health_check=check))["Healthcheck"] == {
        "Test": ["CMD", "true"],
        "Interval": 500_000_000,
        "Timeout": 2_000_000_000,
        "Retries": 4,
        "StartPeriod": 0,
        "StartInterval": 0,
    }


def test_the_rest_of_a_container_s_spec() -> None:
    made = body(
        task(
            environment={"B": "2", "A": "1=1"},
            working_dir="/srv",
            user="1:2",
            hostname="box",
            tty=True,
            stop_signal="SIGUSR1",
            read_only=True,
            init=True,
            cap_add=["NET_ADMIN"],
            cap_drop=["ALL"],
            extra_hosts=["db:10.1.1.1"],
        )
    )
    assert made["Env"] == ["A=1=1", "B=2"]
    assert (made["WorkingDir"], made["User"], made["Hostname"]) == ("/srv", "1:2", "box")
    assert (made["Tty"], made["StopSignal"]) == (True, "SIGUSR1")
    settings = made["HostConfig"]
    assert (settings["ReadonlyRootfs"], settings["Init"]) == (True, True)
    assert (settings["CapAdd"], settings["CapDrop"]) == (["NET_ADMIN"], ["ALL"])
    assert settings["ExtraHosts"] == ["db:10.1.1.1"]


def test_what_a_slot_adds_to_the_environment_gives_way_to_the_spec() -> None:
    wanted = task(environment={"A": "spec"})
    wanted.environment.update({"A": "slot", "JOB_COMPLETION_INDEX": "3"})
    assert body(wanted)["Env"] == ["A=spec", "JOB_COMPLETION_INDEX=3"]


def test_a_task_gets_its_own_address_and_names_in_each_network() -> None:
    wanted = task()
    wanted.addresses.extend(
        [
            NetworkAddress(network_id="net2", address="10.128.8.3/24"),
            NetworkAddress(network_id="net1", address="10.128.7.3/24", aliases=["www"]),
        ]
    )
    known = {one.id: one for one in (network(), network("net2", "shop_back"))}
    plan = plan_container(wanted, known, [], "n1", "10.0.0.5")
    assert plan.body["HostConfig"]["NetworkMode"] == "swarmpy-net2"
    assert plan.body["NetworkingConfig"] == {
        "EndpointsConfig": {
            "swarmpy-net2": {
                "IPAMConfig": {"IPv4Address": "10.128.8.3"},
                "Aliases": ["shop_web", "web"],
            }
        }
    }
    assert plan.further_networks == {
        "swarmpy-net1": {
            "IPAMConfig": {"IPv4Address": "10.128.7.3"},
            "Aliases": ["shop_web", "web", "www"],
        }
    }


def test_on_the_host_s_network_nothing_is_published_or_named() -> None:
    wanted = task(hostname="box")
    wanted.ports.add(target=80)
    made = body(wanted, network(driver="host"))
    assert made["HostConfig"]["NetworkMode"] == "host"
    assert "PortBindings" not in made["HostConfig"]
    assert "Hostname" not in made
    assert made["Labels"]["swarmpy.ports"] == "80/tcp"


@pytest.mark.parametrize(
    ("service", "networks", "expected"),
    [
        ("shop_web", ["shop_default"], "web"),
        ("my_shop_web", ["my_shop_default", "my_shop_back"], "web"),
        ("shop_web_api", ["shop_default"], "web_api"),
        ("web_api", [], "web_api"),
        ("shop_web", ["shop_web"], "web"),
        ("web", ["other_net"], "web"),
    ],
)
def test_short_names(service: str, networks: list[str], expected: str) -> None:
    assert short_name(service, networks) == expected


def test_a_network_is_a_bridge_whose_gateway_no_task_can_have() -> None:
    made = network_body(network(internal=True))
    assert made["Name"] == "swarmpy-net1"
    assert (made["Driver"], made["Internal"]) == ("bridge", True)
    assert made["IPAM"] == {"Config": [{"Subnet": "10.128.7.0/24", "Gateway": "10.128.7.254"}]}


@pytest.mark.parametrize("count", [0, 2])
def test_one_container_a_task(count: int) -> None:
    wanted = task()
    del wanted.spec.containers[:]
    wanted.spec.containers.extend([ContainerSpec(name="a", image="a")] * count)
    with pytest.raises(TaskRefused, match="one container a task"):
        body(wanted)
