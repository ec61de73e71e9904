"""Filters on what runs near to a node: other services, and the service's own tasks."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.schedule.affinity import Term
from swarmpy.core.schedule.attribute import NODE_LABEL, find_value
from swarmpy.core.schedule.filter import Filter, Need
from swarmpy.core.schedule.neighbours import Skew
from swarmpy.core.schedule.node_tally import NodeTally


class Affinity(Filter):
    """Tasks of the services that this one must be near to run there."""

    name = "affinity"

    def asked(self, need: Need) -> bool:
        return any(_near(need))

    def passes(self, need: Need, on: NodeTally) -> bool:
        return all(need.around.may_run(term, on) for term in _near(need))

    def wish(self, need: Need) -> str:
        return " and ".join(f"a task of {term.whom} on its {term.key}" for term in _near(need))

    def sentence(self, need: Need, on: NodeTally) -> str:
        parts = []
        for term in _near(need):
            if need.around.has(term, on):
                there = "one is there"
            elif need.around.may_run(term, on):
                there = "there is none anywhere, so the first may be here"
            else:
                there = f"none is on {_place(term.key, on)}"
            parts.append(f"needs a task of {term.whom} on its {term.key}; {there}")
        return "; ".join(parts)

    def help(self, need: Need, on: NodeTally) -> str:
        whom = [term.whom for term in _near(need) if not need.around.may_run(term, on)]
        return f"run {' and '.join(whom)} there, or give the affinity a weight"


class AntiAffinity(Filter):
    """No task runs there that this service keeps away from, or that keeps away from it."""

    name = "anti-affinity"

    def asked(self, need: Need) -> bool:
        return any(_away(need)) or bool(need.around.repellers)

    def passes(self, need: Need, on: NodeTally) -> bool:
        around = need.around
        return not any(around.has(term, on) for term in _away(need)) and not around.repels(on)

    def wish(self, need: Need) -> str:
        wishes = [f"no task of {term.whom} on its {term.key}" for term in _away(need)]
        if need.around.repellers:
            wishes.append("nobody near who keeps away from it")
        return " and ".join(wishes)

    def sentence(self, need: Need, on: NodeTally) -> str:
        parts = []
        for term in _away(need):
            there = f"one is on {_place(term.key, on)}" if need.around.has(term, on) else "none is"
            parts.append(f"needs no task of {term.whom} on its {term.key}; {there}")
        for term, owners in need.around.repelling(on).items():
            parts.append(
                f"{' and '.join(sorted(owners))} on {_place(term.key, on)} keeps {term.whom} away"
            )
        return "; ".join(parts) or "nobody near keeps away from it"

    def help(self, need: Need, on: NodeTally) -> str:
        whom = {term.whom for term in _away(need) if need.around.has(term, on)}
        for owners in need.around.repelling(on).values():
            whom |= owners
        return f"move {' and '.join(sorted(whom))} elsewhere, or give the anti-affinity a weight"


class TopologySpread(Filter):
    """One more task here would not make the service's tasks too uneven.

    Its answer goes back and forth while tasks are placed: leaf.py sees to that.
    """

    name = "topology-spread"

    def asked(self, need: Need) -> bool:
        return any(_required(need))

    def passes(self, need: Need, on: NodeTally) -> bool:
        return all(skew.allows(on) for skew in _required(need))

    def wish(self, need: Need) -> str:
        return " and ".join(
            f"a skew of at most {skew.rule.most} over {skew.key}" for skew in _required(need)
        )

    def sentence(self, need: Need, on: NodeTally) -> str:
        return "; ".join(
            f"allows a skew of {skew.rule.most} over {skew.key}; {_skewed(skew, on)}"
            for skew in _required(need)
        )

    def help(self, need: Need, on: NodeTally) -> str:
        for skew in _required(need):
            label = skew.key.removeprefix(NODE_LABEL)
            if find_value(skew.key, on.node) is None and label != skew.key:
                return f"swarmpy node update --label {label}=VALUE {on.name}"
        return "make room where there are fewer, raise max_skew, or set schedule_anyway"


def _near(need: Need) -> Iterable[Term]:
    return (term for term in need.terms if not term.weight and not term.is_anti)


def _away(need: Need) -> Iterable[Term]:
    return (term for term in need.terms if not term.weight and term.is_anti)


def _required(need: Need) -> Iterable[Skew]:
    return (skew for skew in need.around.skews if skew.rule.is_required)


def _place(key: str, on: NodeTally) -> str:
    """Return where a node is: "host-1", or "zone north"."""
    value = find_value(key, on.node)
    if value is None:
        return f"{on.name}, which has no {key}"
    return f"{key.rpartition('.')[2]} {value}"


def _skewed(skew: Skew, on: NodeTally) -> str:
    value = find_value(skew.key, on.node)
    if value is None:
        return f"{on.name} has none"
    return f"{value} has {skew.counts[value]} tasks and the lowest {skew.least}"
