"""Finds what a service's spec names: configs, secrets and networks, from name to id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from swarmpy.core.pod import all_containers
from swarmpy.core.stack_files import revision_of
from swarmpy.errors import NotFound
from swarmpy.pb.objects_pb2 import Config, CronJob, Network, Secret, Service
from swarmpy.pb.specs_pb2 import ContainerSpec, ServiceSpec, TaskSpec
from swarmpy.pb.types_pb2 import FileReference


@dataclass(frozen=True, slots=True)
class Names:
    """What a spec can refer to: name -> id. Networks are known by their id as well."""

    networks: Mapping[str, str]
    configs: Mapping[str, str]
    secrets: Mapping[str, str]

    @classmethod
    def of(
        cls, networks: Iterable[Network], configs: Iterable[Config], secrets: Iterable[Secret]
    ) -> Names:
        """Return the names of these rows."""
        known = {row.spec.name: row.id for row in networks}
        return cls({**{i: i for i in known.values()}, **known}, _files(configs), _files(secrets))

    def with_files(self, configs: Mapping[str, str], secrets: Mapping[str, str]) -> Names:
        """Return these names, and others before them."""
        return Names(self.networks, {**self.configs, **configs}, {**self.secrets, **secrets})


def _files(rows: Iterable[Config] | Iterable[Secret]) -> dict[str, str]:
    """Name each row as it is stored; a stack's newest also without its revision."""
    exact: dict[str, str] = {}
    newest: dict[str, tuple[int, str]] = {}
    for row in rows:
        exact[row.spec.name] = row.id
        if row.stack_id:
            name, revision = revision_of(row.spec.name)
            newest[name] = max(newest.get(name, (0, "")), (revision, row.id))
    return {**{name: row_id for name, (_, row_id) in newest.items()}, **exact}


def resolve_references(spec: ServiceSpec, names: Names) -> ServiceSpec:
    """Return a copy of `spec` in which every file reference carries the id of its row.

    A reference that carries a known id already keeps it: a spec that was read and is
    written back means the same revision as before.

    Raises:
        NotFound: one line for each name that nothing has.
    """
    resolved = ServiceSpec()
    resolved.CopyFrom(spec)
    missing: list[str] = []
    for field in ("containers", "init_containers"):
        for i, container in enumerate(getattr(resolved.task, field)):
            missing.extend(_resolve_files(f"task.{field}[{i}]", container, names))
    missing.extend(
        f"task.networks[{i}].network: no network is named {attachment.network!r}"
        for i, attachment in enumerate(resolved.task.networks)
        if attachment.network not in names.networks
    )
    if missing:
        raise NotFound(
            "\n".join(f"{spec.name}: {line}" for line in missing),
            remedy="create what is missing first, or correct the name",
        )
    return resolved


def _resolve_files(path: str, container: ContainerSpec, names: Names) -> list[str]:
    """Fill in the ids; return a line for each reference to nothing."""
    missing: list[str] = []
    for kind, files, ids in (
        ("config", container.configs, names.configs),
        ("secret", container.secrets, names.secrets),
    ):
        known = set(ids.values())
        for i, file in enumerate(files):
            if file.id not in known:
                file.id = ids.get(file.name, "")
            if not file.id:
                missing.append(f"{path}.{kind}s[{i}].name: no {kind} is named {file.name!r}")
    return missing


def task_spec(row: Service | CronJob) -> TaskSpec:
    """Return what the tasks of a service, or of a cron job's runs, are made from."""
    return row.spec.task if isinstance(row, Service) else row.spec.job.task


def files_of(specs: Iterable[ServiceSpec]) -> frozenset[str]:
    """Return the ids of the configs and secrets that resolved specs refer to."""
    return frozenset(file.id for spec in specs for file in file_references(spec.task))


def networks_of(specs: Iterable[ServiceSpec]) -> frozenset[str]:
    """Return the names or ids of the networks that specs refer to."""
    return frozenset(one.network for spec in specs for one in spec.task.networks)


def file_references(task: TaskSpec) -> Iterator[FileReference]:
    """Yield every reference of a task to a config or a secret."""
    for container in all_containers(task):
        yield from container.configs
        yield from container.secrets
