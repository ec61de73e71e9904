import pytest
import typer

from swarmpy.cli.probe_arguments import hook, probe
from swarmpy.pb.types_pb2 import ExecAction, GrpcAction, Hook, HttpAction, Probe, TcpAction


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http:8080", Probe(http_get=HttpAction(port=8080))),
        (
            "period=2s,failures=5,https:8443/a,b?c=d:e",
            Probe(
                http_get=HttpAction(port=8443, path="/a,b?c=d:e", tls=True),
                period_s=2,
                failure_threshold=5,
            ),
        ),
        (
            "delay=1s,timeout=500ms,successes=2,grace=3s,tcp:5432",
            Probe(
                tcp_socket=TcpAction(port=5432),
                initial_delay_s=1, timeout_s=0.5, success_threshold=2, grace_s=3,
            ),
        ),
        ("grpc:9000/shop.Cart", Probe(grpc=GrpcAction(port=9000, service="shop.Cart"))),
        (
            "exec:sh -c 'test -f /a,b'",
            Probe(exec=ExecAction(command=["sh", "-c", "test -f /a,b"])),
        ),
    ],
)  # fmt: skip
def test_a_probe_is_read(text: str, expected: Probe) -> None:
    assert probe(text) == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("8080", "is no probe"),
        ("udp:53", "is no probe"),
        ("http:web", "'web' in 'http:web' is no port"),
        ("tcp:70000", "is no port"),
        ("often=1s,tcp:80", "is none of delay, period"),
        ("failures=x,tcp:80", "is no number"),
        ("exec:", "names no command"),
        ("exec:sh '", "No closing quotation"),
    ],
)
def test_what_is_no_probe_is_said_so(text: str, fault: str) -> None:
    with pytest.raises(typer.BadParameter, match=fault):
        probe(text)


def test_a_hook_is_read_or_refused() -> None:
    assert hook("exec:drain now") == Hook(exec=ExecAction(command=["drain", "now"]))
    assert hook("http:80/x") == Hook(http_get=HttpAction(port=80, path="/x"))
    for text in ("tcp:80", "period=1s,exec:x", "drain"):
        with pytest.raises(typer.BadParameter, match="is no hook"):
            hook(text)
