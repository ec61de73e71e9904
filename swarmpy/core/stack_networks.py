"""Which networks of a stack to make, to relabel and to remove."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from swarmpy.core.allocate.subnets import clashing_network
from swarmpy.core.references import task_spec
from swarmpy.errors import AlreadyExists, Clash, InUse
from swarmpy.pb.objects_pb2 import CronJob, Network, Service
from swarmpy.pb.specs_pb2 import NetworkSpec

FIXED = ("driver", "internal", "subnet")
"""Fields that containers rely on: they cannot change while the network lives."""


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    create: tuple[Network, ...]
    update: tuple[tuple[str, NetworkSpec], ...]
    leaving: tuple[Network, ...]
    actions: dict[str, str]
    """Name -> "created", "updated" or "unchanged"."""


def plan_networks(
    wanted: Sequence[NetworkSpec],
    present: Sequence[Network],
    stack_id: str,
    new_id: Callable[[], str],
) -> NetworkPlan:
    """Return what becomes of a stack's networks.

    Raises:
        AlreadyExists: something outside the stack has one of the names.
        Clash: a network would have to change in place, or subnets overlap.
    """
    by_name = {row.spec.name: row for row in present}
    create: list[Network] = []
    update: list[tuple[str, NetworkSpec]] = []
    actions: dict[str, str] = {}
    for spec in wanted:
        row = by_name.get(spec.name)
        if row is None:
            _refuse_overlap(spec, (*present, *create))
            create.append(Network(id=new_id(), stack_id=stack_id, spec=spec))
            actions[spec.name] = "created"
        elif row.stack_id != stack_id:
            raise AlreadyExists(
                f"a network named {spec.name!r} exists already, and not in this stack",
                remedy="name it otherwise in the stack, or declare it external",
            )
        elif row.spec == spec:
            actions[spec.name] = "unchanged"
        else:
            _refuse_change(row.spec, spec)
            update.append((row.id, spec))
            actions[spec.name] = "updated"
    leaving = [row for row in present if row.stack_id == stack_id and row.spec.name not in actions]
    return NetworkPlan(tuple(create), tuple(update), tuple(leaving), actions)


def refuse_if_used(leaving: Iterable[Network], staying: Iterable[Service | CronJob]) -> None:
    """Raise InUse when a service or cron job that stays uses a network that goes."""
    names = {reference: row.spec.name for row in leaving for reference in (row.id, row.spec.name)}
    for user in staying:
        is_service = isinstance(user, Service)
        kind, noun = ("service", "service") if is_service else ("cron job", "cronjob")
        for attachment in task_spec(user).networks:
            if attachment.network in names:
                raise InUse(
                    f"network {names[attachment.network]!r} is used by {kind} "
                    f"{user.spec.name!r}, which is not in this stack",
                    remedy=f"remove it first: swarmpy {noun} rm {user.spec.name}",
                )


def _refuse_overlap(spec: NetworkSpec, others: Iterable[Network]) -> None:
    other = clashing_network(spec, others)
    if other is not None:
        raise Clash(
            f"network {spec.name!r} asks for {spec.subnet}, which overlaps with "
            f"{other.subnet or other.spec.subnet} of network {other.spec.name!r}",
            remedy="choose another subnet, or none to get a free one",
        )


def _refuse_change(old: NetworkSpec, new: NetworkSpec) -> None:
    changed = [field for field in FIXED if getattr(old, field) != getattr(new, field)]
    if changed:
        field = changed[0]
        raise Clash(
            f"network {new.name!r} cannot change its {field} from {getattr(old, field)!r} to "
            f"{getattr(new, field)!r} while it exists",
            remedy="give it another name in the manifest, or remove the stack first",
        )
