"""A swarm to which stacks are deployed, without managers: rows, and what a plan makes of them."""

from __future__ import annotations

from itertools import count

from swarmpy.core.stack import Present, StackPlan, plan
from swarmpy.pb.objects_pb2 import Config, Network, Secret, Service, Task
from swarmpy.pb.specs_pb2 import StackSpec
from tests.core.placement_rows import service_spec

SHOP = "id-shop"


class World:
    """The rows of a swarm, and what a plan makes of them."""

    def __init__(self) -> None:
        self.services: dict[str, Service] = {}
        self.networks: dict[str, Network] = {}
        self.configs: dict[str, Config] = {}
        self.secrets: dict[str, Secret] = {}
        self.tasks: list[Task] = []
        self._numbers = count(1)

    def present(self) -> Present:
        return Present(
            services=list(self.services.values()),
            networks=list(self.networks.values()),
            configs=list(self.configs.values()),
            secrets=list(self.secrets.values()),
            tasks=self.tasks,
        )

    def plan(self, spec: StackSpec) -> StackPlan:
        return plan(spec, SHOP, self.present(), lambda: f"i{next(self._numbers)}")

    def deploy(self, spec: StackSpec) -> dict[str, str]:
        """Apply a plan as the control API does, and return {"service web": "created", ...}."""
        planned = self.plan(spec)
        self.networks.update((row.id, row) for row in planned.create_networks)
        self.configs.update((row.id, row) for row in planned.create_configs)
        self.secrets.update((row.id, row) for row in planned.create_secrets)
        self.services.update((row.id, row) for row in planned.create_services)
        for row_id, network in planned.update_networks:
            self.networks[row_id].spec.CopyFrom(network)
        for row_id, spec_ in planned.update_services:
            self.services[row_id].previous_spec.CopyFrom(self.services[row_id].spec)
            self.services[row_id].spec.CopyFrom(spec_)
        for row_id in planned.remove_services:
            self.services[row_id].removing = True
        for gone in planned.delete:
            del getattr(self, gone.table)[gone.row_id]
        return {f"{change.kind} {change.name}": change.action for change in planned.changes}

    def ids(self) -> dict[str, str]:
        """Return the id of the config that service web refers to, by the name it uses."""
        [web] = [row for row in self.services.values() if row.spec.name == "web"]
        return {file.name: file.id for file in web.spec.task.containers[0].configs}


def shop(
    *, image: str = "nginx", conf: bytes | None = None, key: bytes | None = None, net: bool = True
) -> StackSpec:
    """Return a stack with service web, network back, and perhaps a config and a secret."""
    web = service_spec("web", image=image)
    spec = StackSpec(name="shop")
    if net:
        spec.networks.add(name="back")
        web.task.networks.add(network="back")
    if conf is not None:
        spec.configs.add(name="conf", data=conf)
        web.task.containers[0].configs.add(name="conf", target="/conf")
    if key is not None:
        spec.secrets.add(name="key", data=key)
        web.task.containers[0].secrets.add(name="key", target="/key")
    spec.services.append(web)
    return spec


EMPTY = StackSpec(name="shop")


def external(name: str, *, config: str = "") -> StackSpec:
    spec = StackSpec(name="shop", services=[service_spec("web")])
    if name:
        spec.services[0].task.networks.add(network=name)
    if config:
        spec.services[0].task.containers[0].configs.add(name=config, target="/c")
    return spec
