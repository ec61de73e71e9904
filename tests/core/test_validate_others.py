from __future__ import annotations

from collections.abc import Callable

import pytest

from swarmpy.core.validate import (
    validate_config,
    validate_network,
    validate_node_update,
    validate_stack,
)
from swarmpy.core.validate_files import DATA_MAX_BYTES
from swarmpy.errors import InvalidInput
from swarmpy.pb.control_pb2 import UpdateNodeRequest
from swarmpy.pb.specs_pb2 import (
    ConfigSpec,
    Dependency,
    NetworkSpec,
    SecretSpec,
    ServiceSpec,
    StackSpec,
)
from swarmpy.pb.types_pb2 import TAINT_EFFECT_NO_SCHEDULE, PortConfig, Taint
from tests.core.placement_rows import host, mesh, service_spec


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        (NetworkSpec(name="a"), ""),
        (NetworkSpec(name="a", driver="bridge", subnet="10.0.0.0/24"), ""),
        (NetworkSpec(name="a", driver="host"), ""),
        (NetworkSpec(name="a b"), "name: 'a b' is not a name"),
        (NetworkSpec(name="a", driver="overlay"), "driver: is 'overlay', expected bridge or host"),
        (NetworkSpec(name="a", subnet="10.0.0.1/24"), "subnet: is '10.0.0.1/24' (10.0.0.1/24 has"),
        (NetworkSpec(name="a", subnet="fe80::/64"), "expected an IPv4 network"),
        (NetworkSpec(name="a", subnet="10.0.0.0/27"), "subnet: is a /27, expected /8 to /26"),
        (NetworkSpec(name="a", subnet="0.0.0.0/0"), "subnet: is a /0"),
        (NetworkSpec(name="a", driver="host", subnet="10.0.0.0/24"), "expected none for driver"),
    ],
)
def test_networks(spec: NetworkSpec, fault: str) -> None:
    assert_refused(lambda: validate_network(spec), fault)


@pytest.mark.parametrize("make", [ConfigSpec, SecretSpec])
def test_data_has_a_limit(make: type[ConfigSpec | SecretSpec]) -> None:
    validate_config(make(name="a", data=b"x" * DATA_MAX_BYTES))
    with pytest.raises(InvalidInput, match="data: has 512001 bytes, expected at most 512000"):
        validate_config(make(name="a", data=b"x" * (DATA_MAX_BYTES + 1)))


GPU = Taint(key="gpu", effect=TAINT_EFFECT_NO_SCHEDULE)


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        (UpdateNodeRequest(labels_add={"zone": "1"}, labels_remove=["disk"]), ""),
        (UpdateNodeRequest(availability=9), "availability: is unknown"),  # type: ignore[arg-type]
        (UpdateNodeRequest(role=9), "role: is unknown"),  # type: ignore[arg-type]
        (UpdateNodeRequest(labels_add={"a b": "1"}), "labels_add: 'a b' is not a name"),
        (UpdateNodeRequest(labels_add={"a": ""}, labels_remove=["a"]), "labels_remove: has 'a'"),
        (UpdateNodeRequest(taints_add=[GPU], taints_remove=["disk"]), ""),
        (UpdateNodeRequest(taints_add=[Taint(key="example.com/x", effect=1)]), ""),  # type: ignore[arg-type]
        (
            UpdateNodeRequest(taints_add=[GPU], taints_remove=["gpu"]),
            "taints_remove: has 'gpu' too",
        ),
        (UpdateNodeRequest(taints_add=[Taint(key="gpu")]), "taints_add[0].effect: is 0, expected"),
        (
            UpdateNodeRequest(taints_add=[Taint(key="a b", value="/", effect=9)]),  # type: ignore[arg-type]
            "taints_add[0].key: is 'a b', expected letters and digits",
        ),
    ],
)
def test_node_updates(request_: UpdateNodeRequest, fault: str) -> None:
    assert_refused(lambda: validate_node_update(request_), fault)


def depending(name: str, *on: str) -> ServiceSpec:
    spec = service_spec(name)
    spec.depends_on.extend(Dependency(service=name) for name in on)
    return spec


def working_in(directory: str) -> ServiceSpec:
    spec = service_spec()
    spec.task.containers[0].working_dir = directory
    return spec


def publishing(name: str, *ports: PortConfig) -> ServiceSpec:
    spec = service_spec(name)
    spec.endpoint.ports.extend(ports)
    return spec


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        (StackSpec(name="shop", services=[service_spec("a"), service_spec("b")]), ""),
        (StackSpec(name="shop", services=[depending("a", "b"), depending("b", "x")]), ""),
        (
            StackSpec(name="shop", services=[publishing("a", host(80)), publishing("b", host(80))]),
            "",
        ),
        (StackSpec(name="/"), "name: '/' is not a name"),
        (
            StackSpec(name="shop", services=[service_spec("a"), service_spec("a")]),
            "services: 'a' is there twice",
        ),
        (
            StackSpec(name="shop", services=[working_in("x")]),
            "services[web].task.containers[0].working_dir: is 'x'",
        ),
        (
            StackSpec(name="shop", networks=[NetworkSpec(name="a", driver="x")]),
            "networks[a].driver",
        ),
        (
            StackSpec(name="shop", configs=[ConfigSpec(name="c", data=b"x" * 600_000)]),
            "configs[c].data: has 600000 bytes",
        ),
        (StackSpec(name="shop", secrets=[SecretSpec(name="")]), "secrets[].name: '' is not a name"),
        (
            StackSpec(name="shop", services=[publishing("a", mesh(80)), publishing("b", host(80))]),
            "services[b].endpoint.ports: publishes 80/tcp as a does",
        ),
        (
            StackSpec(name="shop", services=[depending("a", "b"), depending("b", "a")]),
            "goes round in a circle",
        ),
        (StackSpec(name="shop", source="x" * 6_000_001), "expected at most 6000000"),
    ],
)
def test_stacks(spec: StackSpec, fault: str) -> None:
    assert_refused(lambda: validate_stack(spec), fault)


def assert_refused(call: Callable[[], None], fault: str) -> None:
    """Assert that a call raises this fault, or (for "") that it does not raise."""
    if not fault:
        call()
        return
    with pytest.raises(InvalidInput) as refused:
        call()
    assert fault in refused.value.message
