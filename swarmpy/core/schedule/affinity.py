"""What tasks say of other services: whom they run near to, and whom they keep away from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from swarmpy.pb.objects_pb2 import Service
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import TaskAffinity


class Term(NamedTuple):
    """One wish. Near is: on a node with the same value of the key."""

    service: str
    """A name; or, when it is empty, the labels tell."""
    labels: tuple[tuple[str, str], ...]
    key: str
    is_anti: bool
    weight: int
    """0: required."""

    def selects(self, service: Service) -> bool:
        """Say whether it is about the tasks of this service."""
        spec = service.spec
        if self.service:
            return spec.name == self.service
        return all(spec.labels.get(name) == value for name, value in self.labels)

    @property
    def whom(self) -> str:
        """Whose tasks it is about, for people."""
        if self.service:
            return self.service
        return "services with " + " and ".join(f"{name}={value}" for name, value in self.labels)


class SkewRule(NamedTuple):
    """How much the numbers of tasks may differ between the values of a key."""

    key: str
    most: int
    is_required: bool


def terms_of(placement: Placement) -> tuple[Term, ...]:
    return (
        *(_term(one, is_anti=False) for one in placement.affinity),
        *(_term(one, is_anti=True) for one in placement.anti_affinity),
    )


def required_anti_terms(placement: Placement) -> Iterator[Term]:
    """Yield what others must keep away for, too: two that are apart are apart from each other."""
    return (_term(one, is_anti=True) for one in placement.anti_affinity if not one.weight)


def skew_rules(placement: Placement) -> tuple[SkewRule, ...]:
    return tuple(
        SkewRule(one.topology_key, one.max_skew, not one.schedule_anyway)
        for one in placement.topology_spread
    )


def _term(one: TaskAffinity, *, is_anti: bool) -> Term:
    labels = tuple(sorted(one.labels.items()))
    return Term(one.service, labels, one.topology_key, is_anti, one.weight)
