"""`swarmpy service`: what shall run, how often, and how it is replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.arguments import pair
from swarmpy.cli.flags import with_flags
from swarmpy.cli.log_lines import LogFlags, print_logs
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption, QuietOption, WaitFlags
from swarmpy.cli.plain import plain
from swarmpy.cli.ports import port_text
from swarmpy.cli.rollouts import ServiceArgument
from swarmpy.cli.rollouts import app as rollouts
from swarmpy.cli.service_flags import ServiceFlags, UpdateFlags
from swarmpy.cli.service_spec import apply_flags, one_of
from swarmpy.cli.task_table import show_tasks
from swarmpy.cli.waiting import wait
from swarmpy.core.job_run import recorded
from swarmpy.core.mode import is_job, size_of
from swarmpy.pb.control_pb2 import ListServicesResponse, ServiceTally
from swarmpy.pb.objects_pb2 import JOB_STATE_FAILED, Service
from swarmpy.pb.specs_pb2 import (
    ContainerSpec,
    GlobalJobMode,
    GlobalMode,
    ReplicatedJobMode,
    ReplicatedMode,
    ServiceSpec,
    StatefulMode,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import UpdateConfig

app = noun("Services. SERVICE is an id, a unique prefix of one, or a name.")
app.registered_commands.extend(rollouts.registered_commands)

MONITOR_S = 5.0
"""Default of --update-monitor."""


@app.command("create")
@with_flags
def create(
    image: Annotated[str, typer.Argument(metavar="IMAGE")],
    argv: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND...]", show_default=False)
    ] = None,
    name: Annotated[str, typer.Option(help="Default: the image's.", show_default=False)] = "",
    mode: Annotated[
        str, typer.Option(metavar="replicated|global|stateful|replicated-job|global-job")
    ] = "replicated",
    *,
    flags: ServiceFlags,
) -> None:
    """Run a new service, and wait until it runs."""
    spec = ServiceSpec(
        name=name or name_of(image),
        task=TaskSpec(containers=[ContainerSpec(name="main", image=image, args=argv or [])]),
        update=UpdateConfig(parallelism=1, monitor_s=MONITOR_S),
        rollback=UpdateConfig(parallelism=1, monitor_s=MONITOR_S),
    )
    _set_mode(spec, mode)
    apply_flags(spec, flags)
    with SyncClient.connect() as client:
        service = client.create_service(spec)
        render.say(f"{service.id} {service.spec.name}")
        wait(client, service, flags)


@app.command("update")
@with_flags
def update(
    service: ServiceArgument,
    flags: UpdateFlags,
) -> None:
    """Change a service as given, replace its tasks as it says, and wait for that."""
    with SyncClient.connect() as client:
        found = client.service(service)
        spec = ServiceSpec()
        spec.CopyFrom(found.spec)
        apply_flags(spec, flags)
        container = spec.task.containers[0]
        container.image = flags.image or container.image
        for key in flags.env_rm:
            container.environment.pop(key, None)
        for key in flags.label_rm:
            spec.labels.pop(key, None)
        spec.task.force_update += flags.force
        if spec == found.spec:
            raise typer.BadParameter("nothing to change; --force replaces every task")
        updated = client.update_service(found.id, spec, version=found.version, reason=flags.reason)
        render.say(f"{updated.id} {updated.spec.name}")
        wait(client, updated, flags)


@app.command("scale")
@with_flags
def scale(
    scales: Annotated[list[str], typer.Argument(metavar="SERVICE=REPLICAS...")], flags: WaitFlags
) -> None:
    """Run more or fewer replicas, and wait for that."""
    wanted = [_scale(text) for text in scales]
    with SyncClient.connect() as client:
        for scaled in [client.scale(service, replicas) for service, replicas in wanted]:
            render.say(f"{scaled.spec.name} scaled to {size_of(scaled)}")
            wait(client, scaled, flags)


@app.command("ls")
def ls(output: FormatOption = Format.TABLE, quiet: QuietOption = False) -> None:
    """List the services."""
    with SyncClient.connect() as client:
        answer = client.services()
    if quiet:
        render.show_ids(service.id for service in answer.services)
    else:
        show_services(answer, output)


@app.command("ps")
def ps(
    service: ServiceArgument,
    output: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> None:
    """List a service's tasks by slot, with what they replaced."""
    with SyncClient.connect() as client:
        tasks = client.tasks(service=service, ended=True)
        if quiet:
            render.show_ids(task.id for task in tasks)
        else:
            show_tasks(client, tasks, output)


@app.command("inspect")
def inspect(service: ServiceArgument, output: FormatOption = Format.YAML) -> None:
    """Print one service, whole."""
    with SyncClient.connect() as client:
        render.inspect(client.service(service), output)


@app.command("logs")
@with_flags
def logs(service: ServiceArgument, flags: LogFlags) -> None:
    """Print what a service's tasks said, in the order of time."""
    with SyncClient.connect() as client:
        print_logs(client, service, client.tasks(service=service, ended=True), flags)


@app.command("rm")
def rm(
    services: Annotated[list[str], typer.Argument(metavar="SERVICE...")],
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Lose the data of their slots, too.")
    ] = False,
) -> None:
    """Stop and forget services."""
    with SyncClient.connect() as client:
        for service in services:
            client.remove_service(service, volumes=volumes)
            render.say(service)


@dataclass(frozen=True, slots=True)
class _Row:
    service: Service
    tally: ServiceTally


def _running(row: _Row) -> str:
    tally = row.tally
    if not is_job(row.service):
        return f"{tally.running}/{tally.wanted}"
    is_failed = recorded(row.service).state == JOB_STATE_FAILED
    state = "failed" if is_failed else f"{tally.running} running"
    return f"{tally.completed}/{tally.wanted} completed, {state}"


_COLUMNS: render.Columns[_Row] = {
    "ID": lambda row: row.service.id,
    "NAME": lambda row: row.service.spec.name,
    "MODE": lambda row: str(row.service.spec.WhichOneof("mode")).replace("_", "-"),
    "RUNNING": _running,
    "IMAGE": lambda row: ", ".join(one.image for one in row.service.spec.task.containers),
    "PORTS": lambda row: port_text(row.service.ports),
    "AGE": lambda row: when.age(row.service.created_at_ms),
}


def show_services(answer: ListServicesResponse, output: Format) -> None:
    """Print services with how many of their tasks run."""
    tallies = {tally.service_id: tally for tally in answer.tallies}
    rows = [
        _Row(service, tallies[service.id])
        for service in sorted(answer.services, key=lambda service: service.spec.name)
    ]
    render.show(
        rows,
        _COLUMNS,
        output,
        lambda row: {
            **plain(row.service),
            "running": row.tally.running,
            "wanted": row.tally.wanted,
        },
    )


def name_of(image: str) -> str:
    """Return what a service of this image is called: `registry/team/web:1` is `web`."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def _set_mode(spec: ServiceSpec, mode: str) -> None:
    modes = {
        "replicated": ServiceSpec(replicated=ReplicatedMode(replicas=1)),
        "global": ServiceSpec(**{"global": GlobalMode()}),  # type: ignore[arg-type]  # a keyword
        "stateful": ServiceSpec(stateful=StatefulMode(replicas=1)),
        "replicated-job": ServiceSpec(replicated_job=ReplicatedJobMode(completions=1)),
        "global-job": ServiceSpec(global_job=GlobalJobMode()),
    }
    spec.MergeFrom(one_of(modes, mode, "--mode"))


def _scale(text: str) -> tuple[str, int]:
    service, replicas = pair(text)
    if not replicas.isdecimal():
        raise typer.BadParameter(f"{text!r}: the number of replicas is a number")
    return service, int(replicas)
