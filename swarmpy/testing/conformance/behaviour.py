"""What containers do in the conformance suite of runtimes, said so that each runtime can do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import HealthCheck

UP = "up"
"""The first line that every container prints: whoever has read it may stop the container."""
CHECK_INTERVAL_S = 0.1


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Prints its lines, then ends at once with `exit_code`, or waits to be stopped."""

    exit_code: int | None = None
    out: tuple[str, ...] = ()
    err: tuple[str, ...] = ()
    stubborn: bool = False
    """Does not end by its stop signal."""
    check: Literal["none", "passes", "fails"] = "none"


def as_shell(behaviour: Behaviour, image: str) -> ContainerSpec:
    """Return a container that behaves so, by a shell."""
    lines = ["trap '' TERM" if behaviour.stubborn else "trap 'exit 143' TERM"]
    lines += [f"echo {line}" for line in (UP, *behaviour.out)]
    lines += [f"echo {line} >&2" for line in behaviour.err]
    if behaviour.exit_code is not None:
        lines.append(f"exit {behaviour.exit_code}")
    else:
        lines.append("while :; do sleep 60 & wait; done")
    spec = ContainerSpec(name="main", image=image, command=["sh", "-c", "; ".join(lines)])
    return _checked(spec, behaviour)


def as_labels(behaviour: Behaviour) -> ContainerSpec:
    """Return a container that behaves so, for the fake runtime."""
    labels = {"fake.log": "\n".join((UP, *behaviour.out)), "fake.log_err": "\n".join(behaviour.err)}
    if behaviour.exit_code is not None:
        labels |= {"fake.exit_after_s": "0.01", "fake.exit_code": str(behaviour.exit_code)}
    if behaviour.stubborn:
        labels["fake.stop_s"] = "3600"
    if behaviour.check == "passes":
        labels["fake.healthy_after_s"] = str(CHECK_INTERVAL_S)
    if behaviour.check == "fails":
        labels |= {"fake.healthy_after_s": "3600", "fake.unhealthy_after_s": str(CHECK_INTERVAL_S)}
    return _checked(ContainerSpec(name="main", image="fake", labels=labels), behaviour)


def _checked(spec: ContainerSpec, behaviour: Behaviour) -> ContainerSpec:
    if behaviour.check != "none":
        program = "true" if behaviour.check == "passes" else "false"
        check = HealthCheck(test=["CMD", program], interval_s=CHECK_INTERVAL_S, retries=1)
        spec.health_check.CopyFrom(check)
    return spec
