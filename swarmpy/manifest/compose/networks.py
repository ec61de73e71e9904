"""Networks: what the file declares, and which a service joins."""

from __future__ import annotations

from collections.abc import Mapping

from swarmpy.manifest.compose.context import Context
from swarmpy.manifest.reader import Reader
from swarmpy.manifest.tree import Items
from swarmpy.pb.specs_pb2 import NetworkAttachment, NetworkSpec

DEFAULT = "default"
DRIVERS = {"bridge": "bridge", "overlay": "bridge", "host": "host"}
"""Compose's names -> ours; every network of a swarm spans its nodes."""


def read_networks(file: Reader, context: Context) -> tuple[dict[str, str], list[NetworkSpec]]:
    """Return the file's network names -> the swarm's, and the networks to make."""
    names = {DEFAULT: context.stored_name(DEFAULT)}
    specs: list[NetworkSpec] = []
    for name, network in file.sections("networks"):
        external = network.boolean("external")
        given = network.text("name")
        names[name] = given or (name if external else context.stored_name(name))
        spec = NetworkSpec(
            name=names[name],
            labels={key: value or "" for key, value in network.pairs("labels").items()},
            driver=network.choice("driver", DRIVERS, "bridge"),
            internal=network.boolean("internal"),
            attachable=network.boolean("attachable"),
            subnet=_subnet(network),
        )
        network.done()
        if not external:
            specs.append(spec)
    if all(spec.name != names[DEFAULT] for spec in specs):
        specs.append(NetworkSpec(name=names[DEFAULT], driver="bridge"))
    return names, specs


def _subnet(network: Reader) -> str:
    ipam = network.section("ipam")
    if ipam is None:
        return ""
    subnet = ""
    for number, (path, item) in enumerate(ipam.items("config")):
        pool = Reader(item, path, network.problems)
        if number:
            pool.problems.add(pool.place, path, "a second subnet", "one subnet a network")
        subnet = pool.text("subnet")
        pool.done()
    ipam.done()
    return subnet


def read_attachments(service: Reader, names: Mapping[str, str]) -> list[NetworkAttachment]:
    """Return the networks of a service, the default one when it names none."""
    value = service.value("networks")
    if value is None:
        return [NetworkAttachment(network=names[DEFAULT])]
    wanted: dict[str, list[str]] = {}
    if isinstance(value, Items):
        wanted = {name: [] for name in service.texts("networks")}
    else:
        for name, section in service.sections("networks"):
            wanted[name] = section.texts("aliases")
            section.done()
    attachments = []
    for name, aliases in wanted.items():
        if name in names:
            attachments.append(NetworkAttachment(network=names[name], aliases=aliases))
        else:
            remedy = f"add it under the file's networks: {name}: {{}}"
            service.fault("networks", f"network {name!r} is not declared", remedy=remedy)
    return attachments
