"""The flags that say what a service shall be, or each run of a cron job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from swarmpy.cli.file_flags import FROM, SHOWN
from swarmpy.cli.options import WaitFlags

Texts = list[str]


def _many(metavar: str, about: str, *names: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=f"{about} May be given often.")


def _none() -> Texts:
    return []


@dataclass(frozen=True)  # without slots: of two classes with slots none can be made
class SpecFlags:
    """What is left out stays as it is; what is listed is added, or replaces its namesake."""

    env: Annotated[Texts, _many("KEY=VALUE", "Environment.", "--env", "-e")] = field(
        default_factory=_none
    )
    label: Annotated[Texts, _many("KEY=VALUE", "Label of the service.", "--label", "-l")] = field(
        default_factory=_none
    )
    publish: Annotated[
        Texts, _many("[PUBLISHED:]TARGET[/udp][@host]", "Port.", "--publish", "-p")
    ] = field(default_factory=_none)
    mount: Annotated[Texts, _many("SOURCE:TARGET[:ro]", "Volume or path.")] = field(
        default_factory=_none
    )
    network: Annotated[Texts, _many("NAME[:ALIAS]", "Network.")] = field(default_factory=_none)
    env_from: Annotated[Texts, _many(FROM, "Environment out of a config or secret.")] = field(
        default_factory=_none
    )
    config: Annotated[Texts, _many(SHOWN, "Config as a file, or as a directory of keys.")] = field(
        default_factory=_none
    )
    secret: Annotated[Texts, _many(SHOWN, "Secret, likewise.")] = field(default_factory=_none)
    constraint: Annotated[Texts, _many("EXPR", "node.labels.disk==ssd or alike.")] = field(
        default_factory=_none
    )
    spread: Annotated[Texts, _many("LABEL", "Spread over the values of node.labels.X.")] = field(
        default_factory=_none
    )
    max_per_node: Annotated[int | None, typer.Option(help="Replicas on one node.")] = None
    replicas: Annotated[
        int | None, typer.Option(min=0, help="How many; of a job, how many completions.")
    ] = None
    parallel: Annotated[
        bool | None,
        typer.Option("--parallel/--ordered", help="Stateful: start and stop slots all at once."),
    ] = None
    partition: Annotated[
        int | None, typer.Option(min=0, help="Stateful: updates reach ordinals from here on.")
    ] = None
    first_ordinal: Annotated[
        int | None, typer.Option(min=0, help="Stateful: the number of the first task.")
    ] = None
    max_concurrent: Annotated[
        int | None, typer.Option(min=0, help="Tasks of a job at a time; 0: all.")
    ] = None
    backoff_limit: Annotated[
        int | None, typer.Option(min=0, help="Failed tasks that a job may have. Default: 6.")
    ] = None
    active_deadline: Annotated[
        str, typer.Option(metavar="DURATION", help="A job that runs longer has failed.")
    ] = ""
    ttl_after_finish: Annotated[
        str, typer.Option(metavar="DURATION", help="A job is removed so long after its end.")
    ] = ""
    reserve_cpu: Annotated[str, typer.Option(metavar="CORES")] = ""
    reserve_memory: Annotated[str, typer.Option(metavar="SIZE")] = ""
    generic_resource: Annotated[
        Texts, _many("KIND=NUMBER", "Reserved of what nodes have: gpu=1.")
    ] = field(default_factory=_none)
    limit_cpu: Annotated[str, typer.Option(metavar="CORES")] = ""
    limit_memory: Annotated[str, typer.Option(metavar="SIZE")] = ""
    health_cmd: Annotated[str, typer.Option(metavar="COMMAND", help="Run by the shell.")] = ""
    health_interval: Annotated[str, typer.Option(metavar="DURATION")] = ""
    health_timeout: Annotated[str, typer.Option(metavar="DURATION")] = ""
    health_retries: Annotated[int | None, typer.Option(min=1)] = None
    startup_probe: Annotated[
        str, typer.Option(metavar="PROBE", help="http:8080/up, tcp:80, grpc:90 or exec:COMMAND.")
    ] = ""
    readiness_probe: Annotated[
        str, typer.Option(metavar="PROBE", help="Likewise; period=2s,timeout=1s,... before it.")
    ] = ""
    liveness_probe: Annotated[str, typer.Option(metavar="PROBE", help="Likewise.")] = ""
    post_start: Annotated[
        str, typer.Option(metavar="HOOK", help="Run after the start: exec:COMMAND or http:80/x.")
    ] = ""
    pre_stop: Annotated[
        str, typer.Option(metavar="HOOK", help="Run before the stop signal, within the grace.")
    ] = ""
    container_restart: Annotated[
        str, typer.Option(metavar="always|on-failure|never", help="In place, not by a new task.")
    ] = ""
    restart: Annotated[str, typer.Option(metavar="any|on-failure|none")] = ""
    restart_delay: Annotated[str, typer.Option(metavar="DURATION")] = ""
    restart_attempts: Annotated[int | None, typer.Option(min=0, help="0: without end.")] = None
    update_parallelism: Annotated[int | None, typer.Option(min=0, help="0: all at once.")] = None
    update_delay: Annotated[str, typer.Option(metavar="DURATION")] = ""
    update_monitor: Annotated[
        str, typer.Option(metavar="DURATION", help="So long a new task must stay up.")
    ] = ""
    update_on_failure: Annotated[str, typer.Option(metavar="pause|continue|rollback")] = ""
    update_order: Annotated[str, typer.Option(metavar="stop-first|start-first")] = ""
    update_max_surge: Annotated[
        str, typer.Option(metavar="N|N%", help="Tasks beyond the size while an update goes on.")
    ] = ""
    update_max_unavailable: Annotated[
        str, typer.Option(metavar="N|N%", help="Tasks that may be missing meanwhile.")
    ] = ""
    update_progress_deadline: Annotated[
        str, typer.Option(metavar="DURATION", help="By then a new task must run.")
    ] = ""
    autoscale_min: Annotated[
        int | None, typer.Option(min=1, help="Least replicas of a service that scales itself.")
    ] = None
    autoscale_max: Annotated[int | None, typer.Option(min=1, help="Most of them.")] = None
    autoscale_cpu: Annotated[
        str, typer.Option(metavar="N%", help="Use of what is reserved that it aims at.")
    ] = ""
    autoscale_memory: Annotated[str, typer.Option(metavar="N%", help="Likewise.")] = ""
    priority: Annotated[
        int | None, typer.Option(help="Tasks of a higher one are placed first, and find room.")
    ] = None
    disruption_max_unavailable: Annotated[
        str, typer.Option(metavar="N|N%", help="Tasks that a drain may take away at once.")
    ] = ""
    disruption_min_available: Annotated[
        str, typer.Option(metavar="N|N%", help="Tasks that it must leave.")
    ] = ""
    pull: Annotated[
        str, typer.Option(metavar="missing|always|never", help="When to ask an image's registry.")
    ] = ""
    resolve_image: Annotated[
        str,
        typer.Option(metavar="once|never", help="never: a tag means what it does at each start."),
    ] = ""
    stop_grace: Annotated[str, typer.Option(metavar="DURATION")] = ""
    user: Annotated[str, typer.Option()] = ""
    workdir: Annotated[str, typer.Option()] = ""
    hostname: Annotated[str, typer.Option()] = ""


@dataclass(frozen=True, slots=True)
class ServiceFlags(SpecFlags, WaitFlags):
    """What a service shall be, and whether to wait until it is."""


@dataclass(frozen=True, slots=True)
class UpdateFlags(ServiceFlags):
    """What becomes of a service that is there, beside what it shall be."""

    image: Annotated[str, typer.Option(help="The new image.", show_default=False)] = ""
    env_rm: Annotated[Texts, _many("KEY", "Environment to take away.")] = field(
        default_factory=_none
    )
    label_rm: Annotated[Texts, _many("KEY", "Label to take away.")] = field(default_factory=_none)
    force: Annotated[
        bool, typer.Option("--force", help="Replace every task, even if nothing changed.")
    ] = False
    reason: Annotated[str, typer.Option(help="Remembered in its history.")] = ""
