"""Checks how a stateful service keeps its tasks."""

from __future__ import annotations

import re

from swarmpy.core.validate_faults import REPLICAS_MAX, Faults
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import UPDATE_ORDER_START_FIRST

HOSTNAME_MAX = 56
"""Of what hostnames begin with: a system takes 64, and the ordinal comes after it."""
_HOSTNAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?")


def check_stateful(spec: ServiceSpec, faults: Faults) -> None:
    """Note what is wrong with `spec.stateful`, and with updates that would run two of a name."""
    mode, at = spec.stateful, faults.under("stateful")
    at.check_number("replicas", mode.replicas, 0, REPLICAS_MAX)
    at.check_number("first_ordinal", mode.first_ordinal, 0, REPLICAS_MAX)
    at.check_number("partition", mode.partition, 0, 2 * REPLICAS_MAX)
    if mode.hostname and not _HOSTNAME.fullmatch(mode.hostname):
        at.add("hostname", f"is {mode.hostname!r}", "what a host's name begins with", "correct it")
    if len(mode.hostname or spec.name) > HOSTNAME_MAX:
        expected = f"at most {HOSTNAME_MAX}: an ordinal follows"
        length = len(mode.hostname or spec.name)
        at.add("hostname", f"has {length} characters", expected, "give a shorter one")
    for field in ("update", "rollback"):
        config = getattr(spec, field)
        if config.order == UPDATE_ORDER_START_FIRST:
            faults.add(
                f"{field}.order",
                "is start-first, which would run two tasks of one name",
                "stop-first for a stateful service",
                "change it",
            )
        if config.max_surge.count or config.max_surge.ratio:
            faults.add(
                f"{field}.max_surge",
                "is more than 0, which would run two tasks of one name",
                "none for a stateful service",
                "use max_unavailable",
            )
