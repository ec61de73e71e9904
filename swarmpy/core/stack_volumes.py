"""Which volumes of a stack to declare. None is ever removed by a deployment: they hold data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from swarmpy.core.volumes import Find, misused
from swarmpy.errors import AlreadyExists, Clash, InvalidInput
from swarmpy.pb.objects_pb2 import Volume
from swarmpy.pb.specs_pb2 import ServiceSpec, VolumeSpec

FIXED = ("driver", "options", "scope")
"""Fields that say what the data is in: they cannot change while it is there."""


@dataclass(frozen=True, slots=True)
class VolumePlan:
    create: tuple[Volume, ...]
    update: tuple[tuple[str, VolumeSpec], ...]
    """Also those that a removed stack of the same name has left behind."""
    actions: dict[str, str]
    """Name -> "created", "updated" or "unchanged"."""
    find: Find
    """Finds a volume as it is after the deployment."""


def plan_volumes(
    wanted: Sequence[VolumeSpec],
    present: Sequence[Volume],
    stacks: Collection[str],
    stack_id: str,
    new_id: Callable[[], str],
) -> VolumePlan:
    """Return what becomes of a stack's volumes. `stacks` are the ids of all that there are.

    Raises:
        AlreadyExists: a volume outside the stack has one of the names.
        Clash: a volume would have to change in place.
    """
    by_name = {row.spec.name: row for row in present}
    create: list[Volume] = []
    update: list[tuple[str, VolumeSpec]] = []
    actions: dict[str, str] = {}
    for spec in wanted:
        row = by_name.get(spec.name)
        if row is None:
            by_name[spec.name] = Volume(id=new_id(), stack_id=stack_id, spec=spec)
            create.append(by_name[spec.name])
            actions[spec.name] = "created"
            continue
        is_left_behind = bool(row.stack_id) and row.stack_id not in stacks
        if row.stack_id != stack_id and not is_left_behind:
            raise AlreadyExists(
                f"a volume named {spec.name!r} exists already, and not in this stack",
                remedy="name it otherwise in the stack, or declare it external",
            )
        _refuse_change(row.spec, spec)
        if row.spec == spec and not is_left_behind:
            actions[spec.name] = "unchanged"
        else:
            update.append((row.id, spec))
            actions[spec.name] = "updated"
    return VolumePlan(tuple(create), tuple(update), actions, by_name.get)


def refuse_misused(specs: Iterable[tuple[str, ServiceSpec]], find: Find) -> None:
    """Raise InvalidInput when a service, or a cron job, without lasting names mounts a volume for
    slots. `specs` are names and what they run.
    """
    for owner, spec in specs:
        for name in misused(spec, find):
            raise InvalidInput(
                f"{owner}: task.containers.mounts: volume {name!r} has scope slot, "
                f"expected a stateful service, and {owner!r} is none",
                remedy="make the service stateful, or give the volume scope node or pinned",
            )


def _refuse_change(old: VolumeSpec, new: VolumeSpec) -> None:
    for field in FIXED:
        if getattr(old, field) != getattr(new, field):
            raise Clash(
                f"volume {new.name!r} cannot change its {field} while it is there",
                remedy="give it another name in the manifest, or remove it first: "
                f"swarmpy volume rm {new.name}",
            )
