from __future__ import annotations

from collections.abc import Callable

import pytest

from swarmpy.errors import AlreadyExists, Clash, InUse, InvalidInput, NotFound, SwarmPyError
from swarmpy.pb.objects_pb2 import Config, Network, Secret, Service
from swarmpy.pb.specs_pb2 import ConfigSpec, NetworkSpec, SecretSpec, StackSpec
from tests.core.placement_rows import service_spec
from tests.core.stack_world import EMPTY, World, external, shop


def with_foreign_network(world: World) -> StackSpec:
    world.networks["n"] = Network(id="n", spec=NetworkSpec(name="back"))
    return shop()


def with_foreign_service(world: World) -> StackSpec:
    world.services["s"] = Service(id="s", spec=service_spec("web"), stack_id="other")
    return shop()


def with_foreign_config(world: World) -> StackSpec:
    world.configs["c"] = Config(id="c", spec=ConfigSpec(name="conf"))
    return shop(conf=b"1")


def with_foreign_secret(world: World) -> StackSpec:
    world.secrets["c"] = Secret(id="c", spec=SecretSpec(name="key"))
    return shop(key=b"1")


def with_another_subnet(world: World) -> StackSpec:
    world.deploy(shop())
    spec = shop()
    spec.networks[0].subnet = "10.1.0.0/24"
    return spec


def with_a_taken_subnet(world: World) -> StackSpec:
    world.networks["n"] = Network(id="n", spec=NetworkSpec(name="wan"), subnet="10.1.0.0/16")
    spec = shop()
    spec.networks[0].subnet = "10.1.2.0/24"
    return spec


def with_another_mode(world: World) -> StackSpec:
    world.deploy(shop())
    spec = shop()
    spec.services[0].replicated_job.SetInParent()
    return spec


def with_a_service_still_going(world: World) -> StackSpec:
    world.deploy(shop())
    world.deploy(EMPTY)
    return shop()


def with_a_network_in_use(world: World) -> StackSpec:
    world.deploy(shop())
    guest = external("back").services[0]
    guest.name = "guest"
    world.services["g"] = Service(id="g", spec=guest)
    return EMPTY


def with_an_unknown_dependency(world: World) -> StackSpec:
    spec = shop()
    spec.services[0].depends_on.add(service="db")
    return spec


@pytest.mark.parametrize(
    ("prepare", "error", "message"),
    [
        (with_foreign_network, AlreadyExists, "a network named 'back' exists already"),
        (with_foreign_service, AlreadyExists, "a service named 'web' exists already"),
        (with_foreign_config, AlreadyExists, "a config named 'conf' exists already"),
        (with_foreign_secret, AlreadyExists, "a secret named 'key' exists already"),
        (with_another_subnet, Clash, "network 'back' cannot change its subnet from ''"),
        (with_a_taken_subnet, Clash, "overlaps with 10.1.0.0/16 of network 'wan'"),
        (with_another_mode, InvalidInput, "mode: is replicated_job"),
        (with_a_service_still_going, InUse, "service 'web' is still being removed"),
        (with_a_network_in_use, InUse, "network 'back' is used by service 'guest'"),
        (with_an_unknown_dependency, NotFound, "'web' depends on 'db'"),
        (lambda _: external("wan"), NotFound, "no network is named 'wan'"),
        (lambda _: external("", config="ca"), NotFound, "no config is named 'ca'"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_stands_in_the_way_is_named(
    prepare: Callable[[World], StackSpec], error: type[SwarmPyError], message: str
) -> None:
    world = World()
    spec = prepare(world)
    with pytest.raises(error) as refused:
        world.plan(spec)
    assert type(refused.value) is error
    assert message in refused.value.message
    assert refused.value.remedy
