from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.routing import Endpoint, Listener, RoutingTable
from swarmpy.dataplane.sync import difference

endpoints = st.builds(
    Endpoint, st.sampled_from(["a", "b"]), st.integers(1, 3), st.sampled_from(["t1", "t2"])
)
tables = st.builds(
    RoutingTable,
    st.dictionaries(
        st.builds(Listener, st.sampled_from(["tcp", "udp"]), st.integers(1, 4)),
        st.lists(endpoints, unique=True, max_size=3).map(tuple),
    ),
)


@given(tables, tables)
def test_the_steps_lead_from_the_old_table_to_the_new(old: RoutingTable, new: RoutingTable) -> None:
    steps = difference(old, new)
    result = {**old.endpoints, **steps.changed, **steps.opened}
    for listener in steps.closed:
        del result[listener]
    assert result.keys() == new.endpoints.keys()
    for listener, offered in new.endpoints.items():
        assert set(result[listener]) == set(offered)


@given(tables, tables)
def test_no_step_is_without_a_reason(old: RoutingTable, new: RoutingTable) -> None:
    steps = difference(old, new)
    assert steps.opened.keys() == new.endpoints.keys() - old.endpoints.keys()
    assert steps.closed == old.endpoints.keys() - new.endpoints.keys()
    for listener in steps.changed:
        assert set(old.endpoints[listener]) != set(new.endpoints[listener])


@given(tables)
def test_the_order_of_endpoints_means_nothing(table: RoutingTable) -> None:
    turned = RoutingTable({k: tuple(reversed(v)) for k, v in table.endpoints.items()})
    assert difference(table, turned) == difference(table, table)
