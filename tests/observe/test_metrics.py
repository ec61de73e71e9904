from prometheus_client import REGISTRY

from swarmpy.observe.metrics import RPCS_SERVED, exposition


def test_what_is_counted_is_exposed_in_prometheus_text() -> None:
    RPCS_SERVED.labels("/test.Metrics/Counted", "OK").inc()
    line = b'swarmpy_rpcs_served_total{method="/test.Metrics/Counted",status="OK"} 1.0'
    assert line in exposition()


def test_the_default_registry_is_left_to_whoever_embeds_us() -> None:
    assert not [metric for metric in REGISTRY.collect() if metric.name.startswith("swarmpy")]
