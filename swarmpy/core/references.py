"""Finds what a service's spec names: configs, secrets and networks, from name to id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from swarmpy.core.file_versions import (
    File,
    config_references,
    family_of,
    is_live,
    number_of,
    secret_references,
)
from swarmpy.errors import InvalidInput, NotFound
from swarmpy.pb.objects_pb2 import Config, CronJob, Network, Secret, Service
from swarmpy.pb.specs_pb2 import ServiceSpec, TaskSpec
from swarmpy.pb.types_pb2 import FileReference


@dataclass(frozen=True, slots=True)
class Names:
    """What a spec can refer to: name -> id. Networks are known by their id as well."""

    networks: Mapping[str, str]
    configs: Mapping[str, str]
    secrets: Mapping[str, str]
    rows: Mapping[str, File] = field(default_factory=dict)
    """Id -> row, for whoever asks for a version or a key."""

    @classmethod
    def of(
        cls, networks: Iterable[Network], configs: Iterable[Config], secrets: Iterable[Secret]
    ) -> Names:
        """Return the names of these rows."""
        known = {row.spec.name: row.id for row in networks}
        rows: list[File] = [*(configs := list(configs)), *(secrets := list(secrets))]
        return cls(
            {**{i: i for i in known.values()}, **known},
            _files(configs),
            _files(secrets),
            {row.id: row for row in rows},
        )

    def with_files(
        self,
        configs: Mapping[str, str],
        secrets: Mapping[str, str],
        rows: Iterable[File] = (),
    ) -> Names:
        """Return these names, and others before them."""
        return Names(
            self.networks,
            {**self.configs, **configs},
            {**self.secrets, **secrets},
            {**self.rows, **{row.id: row for row in rows}},
        )


def _files(rows: Iterable[Config] | Iterable[Secret]) -> dict[str, str]:
    """Name each row as it is stored; the newest of a family also by the family's name."""
    exact: dict[str, str] = {}
    newest: dict[str, tuple[int, str]] = {}
    for row in rows:
        exact[row.spec.name] = row.id
        name = family_of(row)
        newest[name] = max(newest.get(name, (0, "")), (number_of(row), row.id))
    return {**exact, **{name: row_id for name, (_, row_id) in newest.items()}}


def resolve_references(spec: ServiceSpec, names: Names) -> ServiceSpec:
    """Return a copy of `spec` in which every reference to a file that does not change in place
    carries the id of its row.

    A reference that carries a known id already keeps it: a spec that was read and is
    written back means the same version as before.

    Raises:
        NotFound: one line for each name that nothing has.
        InvalidInput: one line for each key that what is named does not have.
    """
    resolved = ServiceSpec()
    resolved.CopyFrom(spec)
    missing = [
        f"task.networks[{i}].network: no network is named {attachment.network!r}"
        for i, attachment in enumerate(resolved.task.networks)
        if attachment.network not in names.networks
    ]
    keyless: list[str] = []
    for where, kind, reference, is_optional in _placed(resolved.task):
        row_id = _resolve(kind, reference, names)
        if not row_id and not is_optional:
            missing.append(f"{where}.name: {_what_is_missing(kind, reference)}")
        elif row_id in names.rows and not is_optional:
            keyless.extend(_keyless(where, kind, reference, names.rows[row_id]))
    lines = [f"{spec.name}: {line}" for line in (*missing, *keyless)]
    if missing:
        raise NotFound("\n".join(lines), remedy="create what is missing first, or correct the name")
    if keyless:
        raise InvalidInput("\n".join(lines), remedy="correct the key, or add it to what is named")
    return resolved


def _placed(task: TaskSpec) -> Iterator[tuple[str, str, FileReference, bool]]:
    """Yield (path, kind, reference, whether it is optional) for every reference of a task."""
    named = [(f"task.containers[{i}]", one) for i, one in enumerate(task.containers)]
    named += [(f"task.init_containers[{i}]", one) for i, one in enumerate(task.init_containers)]
    for path, container in named:
        for n, reference in enumerate(container.configs):
            yield f"{path}.configs[{n}]", "config", reference, False
        for n, reference in enumerate(container.secrets):
            yield f"{path}.secrets[{n}]", "secret", reference, False
        for n, source in enumerate(container.environment_from):
            kind = source.WhichOneof("source")
            if kind is not None:
                reference = source.config if kind == "config" else source.secret
                yield f"{path}.environment_from[{n}].{kind}", kind, reference, source.optional


def _resolve(kind: str, reference: FileReference, names: Names) -> str:
    """Fill in the id of a reference; return that of the row that it means now, or ""."""
    ids = names.configs if kind == "config" else names.secrets
    if is_live(reference):
        reference.id = ""
        return ids.get(reference.name, "")
    of_kind = Config if kind == "config" else Secret
    is_known = isinstance(names.rows.get(reference.id), of_kind) or reference.id in ids.values()
    if not is_known:
        reference.id = ids.get(reference.name, "")
    if reference.version:
        reference.id = _pinned(of_kind, reference, names)
    return reference.id


def _pinned(of_kind: type[File], reference: FileReference, names: Names) -> str:
    for row in names.rows.values():
        is_of_family = isinstance(row, of_kind) and family_of(row) == reference.name
        if is_of_family and number_of(row) == reference.version:
            return row.id
    return ""


def _what_is_missing(kind: str, reference: FileReference) -> str:
    if reference.version:
        return f"{kind} {reference.name!r} has no version {reference.version}"
    return f"no {kind} is named {reference.name!r}"


def _keyless(where: str, kind: str, reference: FileReference, row: File) -> Iterator[str]:
    """Yield what is wrong when `row` does not have the key that a reference names."""
    if reference.key and reference.key not in row.spec.entries:
        there = ", ".join(sorted(row.spec.entries)) or "none: it is one file"
        what = f"{kind} {reference.name!r} has no key {reference.key!r}"
        yield f"{where}.key: {what}; its keys: {there}"


def task_spec(row: Service | CronJob) -> TaskSpec:
    """Return what the tasks of a service, or of a cron job's runs, are made from."""
    return row.spec.task if isinstance(row, Service) else row.spec.job.task


def files_of(specs: Iterable[ServiceSpec]) -> frozenset[str]:
    """Return the ids of the configs and secrets that resolved specs refer to; the name of what
    they follow in place.
    """
    return frozenset(file.id or file.name for spec in specs for file in file_references(spec.task))


def networks_of(specs: Iterable[ServiceSpec]) -> frozenset[str]:
    """Return the names or ids of the networks that specs refer to."""
    return frozenset(one.network for spec in specs for one in spec.task.networks)


def file_references(task: TaskSpec) -> Iterator[FileReference]:
    """Yield every reference of a task to a config or a secret."""
    yield from config_references(task)
    yield from secret_references(task)
