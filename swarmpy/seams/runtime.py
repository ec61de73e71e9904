"""What runs containers: an engine, processes of the machine, or a make-believe."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from swarmpy.core.container import Container, Exit
from swarmpy.core.file_versions import is_live, newest_id
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput, LogLine, LogOptions
from swarmpy.pb.objects_pb2 import (
    Config,
    Network,
    NodeDescription,
    RegistryCredential,
    Secret,
    Task,
    Volume,
)
from swarmpy.pb.specs_pb2 import ConfigSpec, SecretSpec
from swarmpy.pb.types_pb2 import FileReference


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a task's spec refers to, by id."""

    configs: Mapping[str, Config]
    secrets: Mapping[str, Secret]
    networks: Mapping[str, Network]
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    """By what the task's mounts call them; a mount of no such volume is the node's own."""
    newest: Mapping[str, str] = field(default_factory=dict)
    """`file_versions.newest_id` -> id, for what the task follows in place."""
    values: Mapping[str, str] = field(default_factory=dict)
    """For the templates of its files."""
    registries: Mapping[str, RegistryCredential] = field(default_factory=dict)
    """Registry -> how to log in there."""

    def find(self, kind: str, reference: FileReference) -> ConfigSpec | SecretSpec | None:
        """Return what a reference to a "config" or "secret" means now."""
        rows: Mapping[str, Config | Secret] = self.configs if kind == "config" else self.secrets
        row_id = reference.id
        if is_live(reference):
            row_id = self.newest.get(newest_id(f"{kind}s", reference), "")
        row = rows.get(row_id)
        return None if row is None else row.spec


@dataclass(frozen=True, slots=True)
class Usage:
    """What containers use now."""

    cpu_seconds: float
    memory_bytes: int
    pids: int

    def __add__(self, other: Usage) -> Usage:
        """Return what both use together."""
        return Usage(
            self.cpu_seconds + other.cpu_seconds,
            self.memory_bytes + other.memory_bytes,
            self.pids + other.pids,
        )


class Runtime(Protocol):
    """Runs one task's containers. Every call is idempotent: after a crash the agent calls
    again without knowing how far the last call got. Containers belong to one node: two
    runtimes with different node ids may share an engine and never see each other's.

    `container` names one of a pod's (core.pod); "" is the only one of a plain task, the first one
    of a pod's, or, where something ends, all of the task.
    """

    async def describe(self) -> NodeDescription:
        """Return what the engine and its machine are.

        Raises:
            EngineUnavailable: it does not answer.
        """

    async def containers(self) -> list[Container]:
        """Return every container of this node, also those that have ended."""

    async def prepare(self, task: Task, needs: Dependencies) -> None:
        """Fetch the images unless they are present, and create the containers.

        Raises:
            ImageMissing: no registry has the image.
            TaskRefused: the engine refuses the spec; trying again will not help.
            EngineUnavailable: it did not answer in time; trying again may help.
        """

    async def refresh(self, task: Task, needs: Dependencies) -> None:
        """Let the files of a prepared task that change in place be what they now are: all those
        of one directory at once, while its container runs on. Nothing happens without one.

        Raises: as `prepare`.
        """

    def progress(self, task_id: str) -> str:
        """Return what `prepare` waits for now, for people; "" when that takes no time."""

    async def start(self, task_id: str, container: str = "") -> Container:
        """Start what was never started, and return what runs now, with the ports it answers on."""

    async def restart(self, task_id: str, container: str) -> Container:
        """Start a container of a pod that has ended again; one that runs is left alone."""

    async def inspect(self, task_id: str) -> Container | None:
        """Return the container of a plain task."""

    async def inspect_pod(self, task_id: str) -> Mapping[str, Container]:
        """Return the containers of a pod by name; the sandbox is one where there is any."""

    async def wait(self, task_id: str, container: str = "") -> Exit:
        """Return once the container has ended or is gone."""

    def health(self, task_id: str, container: str = "") -> AsyncGenerator[Container, None]:
        """Yield the container whenever its health changes, beginning with now, until it ends."""

    async def stop(self, task_id: str, grace_s: float, container: str = "") -> None:
        """Send its stop signal; kill after the grace. Return when it has ended."""

    async def remove(self, task_id: str) -> None:
        """Kill if needed and forget, with its anonymous and ephemeral volumes."""

    async def remove_volume(self, volume: Volume) -> None:
        """Remove a volume of this node and what is in it; containers that have ended and would
        keep it are removed with it. Nothing happens where there is none.

        Raises:
            WrongState: a container runs with it.
            EngineUnavailable: the engine does not answer, or cannot do it now.
        """

    def logs(self, task_id: str, options: LogOptions) -> AsyncGenerator[LogLine, None]:
        """Yield lines, those of each container in order; `options.container` names one.

        Those that are followed end when the container does.
        """

    async def usage(self, task_id: str) -> Usage:
        """Return what all containers of the task use together."""

    def exec(
        self,
        task_id: str,
        argv: Sequence[str],
        stdin: AsyncIterator[ExecInput] | None,
        tty: bool,
        container: str = "",
    ) -> AsyncGenerator[ExecOutput, None]:
        """Run argv in the container; the last item carries the exit code.

        Raises:
            WrongState: the container does not run.
            TaskRefused: it could not be run, e.g. there is no such program.
        """

    async def close(self) -> None: ...
