"""Makes one attempt of a probe or a hook: runs a program, or asks a port of a container.

What attempts amount to is counted in `core.probe`.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import aclosing, closing
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from swarmpy.core.container import Container
from swarmpy.errors import SwarmPyError
from swarmpy.pb.types_pb2 import ExecAction, GrpcAction, Hook, HttpAction, PortBinding, Probe
from swarmpy.rpc.address import join_address
from swarmpy.seams import Runtime

ANSWER_MAX_BYTES = 8192
"""Of a status line and what comes with it."""
WORDS_MAX = 200
"""Characters of a program's output that are told."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask."""

    task_id: str
    container: Container
    ports: tuple[PortBinding, ...]
    """Where the task's ports are bound on `host`."""
    host: str
    """The node's own address."""

    def at(self, port: int) -> tuple[str, int]:
        """Return the host and port where a container's port answers."""
        if self.container.address:
            return self.container.address, port
        bound = next((one.host_port for one in self.ports if one.target == port), port)
        return self.host, bound


async def attempt(runtime: Runtime, target: Target, action: Probe | Hook, timeout_s: float) -> str:
    """Return "" when it went well, else why not."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _attempt(runtime, target, action)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except (SwarmPyError, OSError, ValueError, asyncio.IncompleteReadError) as error:
        return _words(error)


async def _attempt(runtime: Runtime, target: Target, action: Probe | Hook) -> str:
    match action.WhichOneof("action"):
        case "exec":
            return await _exec(runtime, target, action.exec)
        case "http_get":
            return await _http(target, action.http_get)
        case "tcp_socket":
            assert isinstance(action, Probe), "hooks have no such action"
            return await _tcp(target, action.tcp_socket.port)
        case "grpc":
            assert isinstance(action, Probe), "hooks have no such action"
            return await _grpc(target, action.grpc)
        case None:
            return "this version of swarmpy does not know its action"


async def _exec(runtime: Runtime, target: Target, action: ExecAction) -> str:
    said = b""
    running = runtime.exec(
        target.task_id, list(action.command), None, tty=False, container=target.container.name
    )
    async with aclosing(running) as outputs:
        async for output in outputs:
            said = (said + output.stdout + output.stderr)[:ANSWER_MAX_BYTES]
            if output.exited:
                words = " ".join(said.decode(errors="replace").split())[:WORDS_MAX]
                code = output.exit_code
                return "" if code == 0 else f"exit code {code}" + (f": {words}" if words else "")
    return "the command did not say how it ended"


async def _http(target: Target, action: HttpAction) -> str:
    host, port = (action.host, action.port) if action.host else target.at(action.port)
    headers = {"host": join_address(host, port), "user-agent": "swarmpy-probe", "accept": "*/*"}
    headers |= {name.lower(): value for name, value in action.headers.items()}
    lines = [f"GET {action.path or '/'} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    request = "\r\n".join([*lines, "connection: close", "", ""]).encode()
    reader, writer = await asyncio.open_connection(
        host, port, ssl=_unverified() if action.tls else None, limit=ANSWER_MAX_BYTES
    )
    with closing(writer):
        writer.write(request)
        await writer.drain()
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            return "its answer is no HTTP"
    version, _, rest = line.partition(b" ")
    status = rest[:3].decode(errors="replace")
    if not version.startswith(b"HTTP/") or not status.isdecimal():
        return "its answer is no HTTP"
    return "" if 200 <= int(status) < 400 else f"HTTP status {status}"


async def _tcp(target: Target, port: int) -> str:
    _, writer = await asyncio.open_connection(*target.at(port))
    writer.close()
    return ""


async def _grpc(target: Target, action: GrpcAction) -> str:
    channel = grpc.aio.insecure_channel(join_address(*target.at(action.port)))
    try:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service=action.service)
        )
    except grpc.aio.AioRpcError as error:
        return f"gRPC {error.code().name}: {error.details()}"[:WORDS_MAX]
    finally:
        await channel.close(None)
    status: int = answer.status
    if status == health_pb2.HealthCheckResponse.SERVING:
        return ""
    return f"it says {health_pb2.HealthCheckResponse.ServingStatus.Name(status)}"


def _unverified() -> ssl.SSLContext:
    """A probe asks whether something answers, not who it is."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _words(error: BaseException) -> str:
    if isinstance(error, SwarmPyError):
        return error.message
    if isinstance(error, asyncio.IncompleteReadError):
        return "the connection broke off"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
