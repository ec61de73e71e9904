"""What a `seams.Runtime` promises about volumes."""

from __future__ import annotations

from swarmpy.errors import WrongState
from swarmpy.pb.objects_pb2 import Volume
from swarmpy.pb.specs_pb2 import VOLUME_SCOPE_SLOT, VolumeSpec
from swarmpy.seams import Dependencies
from swarmpy.testing.conformance.behaviour import Behaviour
from swarmpy.testing.conformance.runtime import GRACE_S, Bench, Promise, refuses


async def a_volume_outlives_its_task_and_goes_only_when_asked(bench: Bench) -> None:
    volume = Volume(id=f"{bench.node_id}v", spec=VolumeSpec(name="data-db-0"))
    volume.spec.scope = VOLUME_SCOPE_SLOT
    needs = Dependencies({}, {}, {}, {"data": volume})
    tasks = [bench.task(Behaviour()) for _ in range(2)]
    for task in tasks:
        task.spec.containers[0].mounts.add(source="data", target="/data")
        task.volumes["data"] = volume.id
        await bench.runtime.prepare(task, needs)
        await bench.runtime.start(task.id)
    await bench.runtime.stop(tasks[0].id, GRACE_S)
    await bench.runtime.remove(tasks[0].id)
    await refuses(WrongState, bench.runtime.remove_volume(volume))
    await bench.runtime.stop(tasks[1].id, GRACE_S)
    for _ in range(2):
        await bench.runtime.remove_volume(volume)
    assert await bench.runtime.inspect(tasks[1].id) is None, "it kept the volume"


VOLUME_PROMISES: tuple[Promise, ...] = (a_volume_outlives_its_task_and_goes_only_when_asked,)
