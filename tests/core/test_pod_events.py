from swarmpy.core.pod_events import pod_events
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.pb.types_pb2 import ContainerStatus


def told(before: ContainerStatus, now: ContainerStatus) -> list[tuple[str, str]]:
    task = Task(id="t1", service_name="web", slot=2, status=TaskStatus(containers=[before]))
    found = pod_events(task, TaskStatus(containers=[now]))
    return [(one.event.reason, one.event.message) for one in found]


def test_restarts_and_killings_are_told_once() -> None:
    runs = ContainerStatus(name="web", restarts=1)
    killed = ContainerStatus(name="web", restarts=1, killed_because="its liveness probe failed: x")
    again = ContainerStatus(name="web", restarts=2, message="its liveness probe failed: x")
    assert told(runs, runs) == []
    assert told(runs, killed) == [
        ("ContainerUnhealthy", "container web is ended: its liveness probe failed: x")
    ]
    assert told(killed, killed) == []
    assert told(killed, again) == [
        (
            "ContainerRestarted",
            "container web is restarted in place (2): its liveness probe failed: x",
        )
    ]
    assert told(ContainerStatus(name="other"), ContainerStatus(name="web")) == []
