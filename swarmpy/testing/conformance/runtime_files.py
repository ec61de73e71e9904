"""What a `seams.Runtime` promises of files that change in place."""

from __future__ import annotations

from swarmpy.pb.objects_pb2 import Config
from swarmpy.pb.specs_pb2 import ConfigSpec
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, FileReference
from swarmpy.seams import Dependencies
from swarmpy.testing.conformance.behaviour import Behaviour
from swarmpy.testing.conformance.runtime import Bench, Promise


async def files_change_in_place_while_the_container_runs(bench: Bench) -> None:
    task = bench.task(Behaviour())
    live = FileReference(name="motd", target="/etc/app", on_change=FILE_CHANGE_LIVE)
    task.spec.containers[0].configs.append(live)
    await bench.runtime.refresh(task, _version(1))  # nothing happens: it is not there yet
    await bench.runtime.prepare(task, _version(1))
    started = await bench.runtime.start(task.id)
    for number in (2, 2, 3):
        await bench.runtime.refresh(task, _version(number))
    assert await bench.seen(task.id) == started


def _version(number: int) -> Dependencies:
    spec = ConfigSpec(name="motd", entries={"text": str(number).encode()})
    return Dependencies({"c": Config(id="c", spec=spec)}, {}, {}, newest={"configs/motd": "c"})


FILE_PROMISES: tuple[Promise, ...] = (files_change_in_place_while_the_container_runs,)
