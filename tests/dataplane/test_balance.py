import random

from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.routing import Endpoint
from swarmpy.dataplane.mesh.balance import AVOIDED_S, Balancer


def balancer_of(names: str, seed: int = 1) -> Balancer:
    balancer = Balancer(random.Random(seed))
    offer(balancer, names)
    return balancer


def offer(balancer: Balancer, names: str) -> None:
    balancer.set_endpoints({Endpoint(name, 80, name): (name, 80) for name in names})


@given(st.integers(0, 1000), st.sampled_from(["a", "abc", "abcdefgh"]))
def test_open_connections_are_spread_evenly(seed: int, names: str) -> None:
    balancer, opened = balancer_of(names, seed), dict.fromkeys(names, 0)
    for _ in range(50 * len(names)):
        target = balancer.pick(0)
        assert target is not None
        target.open += 1
        opened[target.endpoint.task_id] += 1
    assert max(opened.values()) - min(opened.values()) <= 12


def test_a_target_that_refused_is_avoided_for_a_while_only() -> None:
    balancer = balancer_of("ab")
    bad = balancer.pick(0)
    assert bad is not None
    balancer.refused(bad, now_s=0)
    assert all(balancer.pick(AVOIDED_S - 0.1) is not bad for _ in range(50))
    bad.open = -1  # now it would win every time
    assert any(balancer.pick(AVOIDED_S) is bad for _ in range(50))


def test_when_all_refused_one_of_them_is_better_than_none() -> None:
    balancer = balancer_of("a")
    only = balancer.pick(0)
    assert only is not None
    balancer.refused(only, now_s=0)
    assert balancer.pick(0) is only
    assert balancer.pick(0, tried=[only]) is None


def test_no_endpoint_is_no_target() -> None:
    assert balancer_of("").pick(0) is None


def test_targets_that_stay_keep_their_counts() -> None:
    balancer = balancer_of("ab")
    counted = balancer.pick(0)
    assert counted is not None
    counted.open = 7
    offer(balancer, "abc")
    assert counted in balancer
    offer(balancer, "c")
    assert counted not in balancer
    assert {balancer.pick(0)} != {counted}
