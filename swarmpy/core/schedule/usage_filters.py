"""Filters on what is left of a node. Their answer may change with every task that is placed."""

from __future__ import annotations

from swarmpy.core.schedule.filter import Filter, Need
from swarmpy.core.schedule.node_tally import NodeTally
from swarmpy.core.tell import port_name

NANO = 1_000_000_000


class Reservations(Filter):
    """The node has the cpus and the memory left that the task reserves."""

    name = "resources"

    def asked(self, need: Need) -> bool:
        return bool(need.nano_cpus or need.memory_bytes)

    def passes(self, need: Need, on: NodeTally) -> bool:
        return (on.nano_cpus + need.nano_cpus <= on.nano_cpus_in_all or not need.nano_cpus) and (
            on.memory_bytes + need.memory_bytes <= on.memory_bytes_in_all or not need.memory_bytes
        )

    def wish(self, need: Need) -> str:
        wishes = [cpus(need.nano_cpus)] if need.nano_cpus else []
        if need.memory_bytes:
            wishes.append(f"{memory(need.memory_bytes)} of memory")
        return " and ".join(wishes)

    def sentence(self, need: Need, on: NodeTally) -> str:
        parts = []
        if need.nano_cpus:
            in_all = on.nano_cpus_in_all / NANO
            free = in_all - on.nano_cpus / NANO
            parts.append(f"needs {cpus(need.nano_cpus)}; {free:.1f} of {in_all:.1f} are free")
        if need.memory_bytes:
            has_bytes = on.memory_bytes_in_all
            parts.append(
                f"needs {memory(need.memory_bytes)} of memory; "
                f"{memory(has_bytes - on.memory_bytes)} of {memory(has_bytes)} are free"
            )
        return "; ".join(parts)

    def help(self, need: Need, on: NodeTally) -> str:
        missing = []
        if on.nano_cpus + need.nano_cpus > on.nano_cpus_in_all:
            missing.append(cpus(on.nano_cpus + need.nano_cpus - on.nano_cpus_in_all))
        if on.memory_bytes + need.memory_bytes > on.memory_bytes_in_all:
            short_bytes = on.memory_bytes + need.memory_bytes - on.memory_bytes_in_all
            missing.append(f"{memory(short_bytes)} of memory")
        return f"free {' and '.join(missing)} on {on.name}, or reserve less"


class GenericResources(Filter):
    """The node has as many left of what it says it has as the task reserves."""

    name = "generic-resources"

    def asked(self, need: Need) -> bool:
        return bool(need.generic)

    def passes(self, need: Need, on: NodeTally) -> bool:
        return all(free_of(kind, on) >= count for kind, count in need.generic)

    def wish(self, need: Need) -> str:
        return " and ".join(f"{count} {kind}" for kind, count in need.generic)

    def sentence(self, need: Need, on: NodeTally) -> str:
        return "; ".join(
            f"needs {count} {kind}; {free_of(kind, on)} of {on.generic_in_all[kind]} are free"
            if kind in on.generic_in_all
            else f"needs {count} {kind}; the node has none"
            for kind, count in need.generic
        )

    def help(self, need: Need, on: NodeTally) -> str:
        missing = [
            f"{count - free_of(kind, on)} {kind}"
            for kind, count in need.generic
            if free_of(kind, on) < count <= on.generic_in_all.get(kind, 0)
        ]
        if missing:
            return f"free {' and '.join(missing)} on {on.name}, or reserve less"
        wanted = " ".join(f"--generic-resource {kind}={count}" for kind, count in need.generic)
        return f"add a node with swarmpy join {wanted}, or reserve less"


class MaxReplicas(Filter):
    """The node has fewer tasks of the service than the service allows on one node."""

    name = "max-replicas"

    def asked(self, need: Need) -> bool:
        return need.max_replicas_per_node > 0

    def passes(self, need: Need, on: NodeTally) -> bool:
        return on.by_service.get(need.service_id, 0) < need.max_replicas_per_node

    def wish(self, need: Need) -> str:
        return f"fewer than {need.max_replicas_per_node} tasks of its service on the node"

    def sentence(self, need: Need, on: NodeTally) -> str:
        return (
            f"allows {need.max_replicas_per_node} tasks of the service on one node; "
            f"{on.by_service.get(need.service_id, 0)} are here"
        )

    def help(self, need: Need, on: NodeTally) -> str:
        return "add a node, or raise max_replicas_per_node"


class HostPorts(Filter):
    """Nobody else on the node has the ports that the task opens there."""

    name = "host-ports"

    def asked(self, need: Need) -> bool:
        return bool(need.ports)

    def passes(self, need: Need, on: NodeTally) -> bool:
        return not any(port in on.host_ports for port in need.ports)

    def wish(self, need: Need) -> str:
        return f"host port {', '.join(port_name(*port) for port in sorted(need.ports))} free"

    def sentence(self, need: Need, on: NodeTally) -> str:
        found = [
            f"{port_name(*port)} is used by {on.host_ports[port] or 'another task'}"
            for port in sorted(need.ports)
            if port in on.host_ports
        ]
        return f"needs {self.wish(need)}; {'; '.join(found) or 'nobody uses it here'}"

    def help(self, need: Need, on: NodeTally) -> str:
        owners = {on.host_ports[port] for port in need.ports if port in on.host_ports}
        return f"move {' and '.join(sorted(owners))} off {on.name}, or publish in mesh mode"


def free_of(kind: str, on: NodeTally) -> int:
    """Return how many of a kind of generic resource are not reserved on a node."""
    return on.generic_in_all.get(kind, 0) - on.generic.get(kind, 0)


def cpus(nano_cpus: int) -> str:
    """Return cpus as people count them: "2.0 cpus"; thousandths where tenths say nothing."""
    count = nano_cpus / NANO
    return f"{count:.1f} cpus" if nano_cpus % (NANO // 10) == 0 else f"{count:.3g} cpus"


def memory(size_bytes: int) -> str:
    """Return a size as people write it: "1.5 GiB"."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB"):
        if abs(size) < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} GiB"
