"""Says of a spec, before anything is stored, whether it can be done; all faults at once."""

from __future__ import annotations

import graphlib
import ipaddress

from swarmpy.core.allocate.addresses import PREFIX_MAX
from swarmpy.core.tell import port_name
from swarmpy.core.validate_cron import check_cron_job
from swarmpy.core.validate_disruption import check_maintenance, check_rebalance
from swarmpy.core.validate_faults import Faults
from swarmpy.core.validate_files import check_data
from swarmpy.core.validate_placement import check_strategy, check_taint
from swarmpy.core.validate_service import SPEC_MAX_BYTES, check_service
from swarmpy.core.validate_volume import check_volume
from swarmpy.pb.control_pb2 import UpdateClusterRequest, UpdateNodeRequest
from swarmpy.pb.specs_pb2 import (
    ConfigSpec,
    CronJobSpec,
    NetworkSpec,
    SecretSpec,
    ServiceSpec,
    StackSpec,
)
from swarmpy.pb.types_pb2 import PUBLISH_MODE_HOST, Availability, NodeRole, PortConfig

DRIVERS = ("", "bridge", "host")


def validate_service(spec: ServiceSpec) -> None:
    """Raise InvalidInput, one line per fault, unless the spec can be stored."""
    faults = Faults()
    check_service(spec, faults)
    faults.raise_any()


def validate_service_update(old: ServiceSpec, new: ServiceSpec) -> None:
    """Raise InvalidInput when `new` is faulty or not a successor of `old`."""
    faults = Faults()
    check_service(new, faults)
    _check_same_name(old.name, new.name, "service", faults)
    was, will_be = old.WhichOneof("mode"), new.WhichOneof("mode")
    if will_be is not None and will_be != was:
        faults.add("mode", f"is {will_be}", f"{was} as before", "remove the service first")
    faults.raise_any()


def validate_cron_job(spec: CronJobSpec) -> None:
    """Raise InvalidInput, one line per fault, unless the spec can be stored."""
    faults = Faults()
    check_cron_job(spec, faults)
    faults.raise_any()


def validate_cron_job_update(old: CronJobSpec, new: CronJobSpec) -> None:
    """Raise InvalidInput when `new` is faulty or not a successor of `old`."""
    faults = Faults()
    check_cron_job(new, faults)
    _check_same_name(old.name, new.name, "cron job", faults)
    faults.raise_any()


def validate_network(spec: NetworkSpec) -> None:
    """Raise InvalidInput, one line per fault, unless the network can be made."""
    faults = Faults()
    _check_network(spec, faults)
    faults.raise_any()


def validate_config(spec: ConfigSpec | SecretSpec) -> None:
    """Raise InvalidInput, one line per fault, unless a config or secret can be stored."""
    faults = Faults()
    check_data(spec, faults)
    faults.raise_any()


def validate_node_update(request: UpdateNodeRequest) -> None:
    """Raise InvalidInput, one line per fault, unless a node can become what is asked for."""
    faults = Faults()
    if request.availability not in Availability.values():
        faults.add("availability", "is unknown", "active, pause or drain", "correct it")
    if request.role not in NodeRole.values():
        faults.add("role", "is unknown", "worker or manager", "correct it")
    for name in request.labels_add:
        faults.check_name("labels_add", name)
        if name in request.labels_remove:
            faults.add("labels_remove", f"has {name!r} too", "to add or to remove", "choose one")
    for i, taint in enumerate(request.taints_add):
        check_taint(taint, faults.under(f"taints_add[{i}]"))
        if taint.key in request.taints_remove:
            faults.add("taints_remove", f"has {taint.key!r} too", "to add or remove", "choose one")
    check_maintenance(request.maintenance, faults.under("maintenance"))
    faults.raise_any()


def validate_cluster_update(request: UpdateClusterRequest) -> None:
    """Raise InvalidInput unless the swarm can become what is asked for."""
    faults = Faults()
    check_strategy(request.strategy, faults)
    check_rebalance(request.rebalance, faults.under("rebalance"))
    faults.raise_any()


def validate_stack(spec: StackSpec) -> None:
    """Raise InvalidInput, one line per fault in the whole stack."""
    faults = Faults()
    faults.check_name("name", spec.name)
    for kind, rows in (
        ("services", spec.services),
        ("cron_jobs", spec.cron_jobs),
        ("networks", spec.networks),
        ("volumes", spec.volumes),
        ("configs", spec.configs),
        ("secrets", spec.secrets),
    ):
        faults.check_unique(kind, (row.name for row in rows))
    for service in spec.services:
        check_service(service, faults.under(f"services[{service.name}]"))
    for cron_job in spec.cron_jobs:
        check_cron_job(cron_job, faults.under(f"cron_jobs[{cron_job.name}]"))
    for network in spec.networks:
        _check_network(network, faults.under(f"networks[{network.name}]"))
    for config in spec.configs:
        check_data(config, faults.under(f"configs[{config.name}]"))
    for secret in spec.secrets:
        check_data(secret, faults.under(f"secrets[{secret.name}]"))
    for volume in spec.volumes:
        check_volume(volume, faults.under(f"volumes[{volume.name}]"))
    _check_ports_across(spec, faults)
    _check_circles(spec, faults)
    if spec.ByteSize() > 4 * SPEC_MAX_BYTES:
        faults.add("", f"has {spec.ByteSize()} bytes", "at most 6000000", "split the stack")
    faults.raise_any()


def _check_same_name(old: str, new: str, kind: str, faults: Faults) -> None:
    if new != old:
        faults.add("name", f"is {new!r}", f"{old!r} as before", f"make a new {kind}")


def _check_network(spec: NetworkSpec, faults: Faults) -> None:
    faults.check_name("name", spec.name)
    if spec.driver not in DRIVERS:
        faults.add("driver", f"is {spec.driver!r}", "bridge or host", "correct it")
    if not spec.subnet:
        return
    if spec.driver == "host":
        faults.add("subnet", f"is {spec.subnet!r}", "none for driver host", "remove it")
    try:
        size = ipaddress.IPv4Network(spec.subnet).prefixlen
    except ValueError as wrong:
        faults.add("subnet", f"is {spec.subnet!r} ({wrong})", "an IPv4 network", "correct it")
        return
    if not 8 <= size <= PREFIX_MAX:
        faults.add("subnet", f"is a /{size}", f"/8 to /{PREFIX_MAX}", "change its size")


def _check_ports_across(spec: StackSpec, faults: Faults) -> None:
    """Two services cannot answer on one port, unless each only does so where it runs."""
    owners: dict[str, tuple[str, PortConfig]] = {}
    for service in spec.services:
        for port in service.endpoint.ports:
            if not port.published:
                continue
            name = port_name(port.protocol, port.published)
            owner, first = owners.setdefault(name, (service.name, port))
            both_host = port.mode == first.mode == PUBLISH_MODE_HOST
            if owner != service.name and not both_host:
                faults.add(
                    f"services[{service.name}].endpoint.ports",
                    f"publishes {name} as {owner} does",
                    "a port of its own",
                    "publish another port",
                )


def _check_circles(spec: StackSpec, faults: Faults) -> None:
    order = graphlib.TopologicalSorter(
        {s.name: [wait.service for wait in s.depends_on] for s in spec.services}
    )
    try:
        order.prepare()
    except graphlib.CycleError as cycle:
        circle: list[str] = cycle.args[1]
        faults.add(
            f"services[{circle[-1]}].depends_on",
            "goes round in a circle: " + " -> ".join(reversed(circle)),
            "an order to start in",
            "remove one of these",
        )
