"""What one node is told when it is made, and where it keeps it."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from swarmpy.client.address import API_PORT, default_socket
from swarmpy.core.validate_faults import NAME
from swarmpy.core.validate_task import GENERIC_MAX
from swarmpy.errors import InvalidInput, StorageCorrupt, WrongState
from swarmpy.rpc.address import SOCKET_PATH_MAX_BYTES, join_address
from swarmpy.seams import Disk

CLUSTER_PORT = 2377
"""Raft and joining, over TLS."""
GOSSIP_PORT = 7947
"""Between all nodes, UDP and TCP. Docker Swarm's own is one less."""
RUNTIMES = ("auto", "docker", "process")


def default_state_dir() -> Path:
    """Return /var/lib/swarmpy for root, else a directory of the user's."""
    if os.geteuid() == 0:
        return Path("/var/lib/swarmpy")
    return default_socket(os.environ, root=False).parent


def socket_path_of(state_dir: Path) -> Path:
    """Return where the CLI speaks with the node that lives in `state_dir`."""
    if state_dir == default_state_dir():
        return default_socket(os.environ, root=os.geteuid() == 0)
    return state_dir / "swarmpy.sock"


def default_address() -> str:
    """Return the address of the interface that the default route uses; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 (RFC 5737)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


@dataclass(frozen=True, slots=True)
class Settings:
    """One node's own settings. The swarm's settings are in its Cluster object."""

    state_dir: Path
    advertise_address: str
    """Host that the other nodes reach this one by."""
    listen_address: str = "0.0.0.0"  # noqa: S104  every listener asks for a certificate
    cluster_port: int = CLUSTER_PORT
    api_port: int = API_PORT
    gossip_port: int = GOSSIP_PORT
    runtime: str = "auto"
    """auto takes the Docker Engine and refuses to start without one."""
    docker_host: str | None = None
    published_address: str = ""
    """Where published ports answer; empty is every address of the machine."""
    hostname: str = ""
    """What the node calls itself; empty is what the machine does."""
    generic_resources: dict[str, int] = field(default_factory=dict)
    """What the node has that no engine counts: {"gpu": 2}. Tasks reserve them."""
    socket_path: Path = Path("/run/swarmpy/swarmpy.sock")
    """`socket_path_of(state_dir)`, unless somebody wants it elsewhere."""

    @property
    def raft_address(self) -> str:
        return f"{self.advertise_address}:{self.cluster_port}"

    @property
    def api_address(self) -> str:
        return f"{self.advertise_address}:{self.api_port}"

    @property
    def gossip_address(self) -> str:
        return join_address(self.advertise_address, self.gossip_port)

    @property
    def tcp_ports(self) -> tuple[int, ...]:
        """Every port that the node listens on."""
        return self.cluster_port, self.api_port, self.gossip_port

    def checked(self) -> Settings:
        """Return these settings with paths made absolute.

        Raises:
            InvalidInput: naming the setting, what was expected and what to do.
        """
        for name in ("advertise_address", "listen_address"):
            _check_address(name, getattr(self, name))
        used: dict[int, str] = {}
        for name in ("cluster_port", "api_port", "gossip_port"):
            port = getattr(self, name)
            if not 1 <= port <= 65535:
                raise InvalidInput(f"{name} {port}: expected a number from 1 to 65535")
            if port in used:
                raise InvalidInput(
                    f"{used[port]} and {name} are both {port}",
                    remedy="give them different numbers",
                )
            used[port] = name
        if self.runtime not in RUNTIMES:
            raise InvalidInput(f"runtime {self.runtime!r}: expected one of {', '.join(RUNTIMES)}")
        _check_generic(self.generic_resources)
        socket_path = self.socket_path.absolute()
        if len(os.fsencode(socket_path)) > SOCKET_PATH_MAX_BYTES:
            raise InvalidInput(
                f"socket_path {socket_path}: expected at most {SOCKET_PATH_MAX_BYTES} bytes, "
                "which is all that a Unix socket takes",
                remedy="give a shorter --state-dir, or another --socket",
            )
        return replace(self, state_dir=self.state_dir.absolute(), socket_path=socket_path)


def _check_address(name: str, text: str) -> None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise InvalidInput(
            f"{name} {text!r}: expected an IP address", remedy="for example 192.168.1.10"
        ) from None
    if name == "advertise_address" and address.is_unspecified:
        raise InvalidInput(
            f"advertise_address {text}: other nodes cannot reach this address",
            remedy="give the address that they see",
        )


def _check_generic(resources: dict[str, int]) -> None:
    for kind, count in resources.items():
        if not NAME.fullmatch(kind) or not 1 <= count <= GENERIC_MAX:
            raise InvalidInput(
                f"generic resource {kind!r}={count}: expected a name and 1 to {GENERIC_MAX}",
                remedy="for example gpu=2",
            )


def settings_file(state_dir: Path) -> Path:
    return state_dir / "node.json"


def is_member(state_dir: Path) -> bool:
    """Tell whether a node lives in this directory already."""
    return settings_file(state_dir).exists()


def save(settings: Settings, disk: Disk) -> None:
    text = json.dumps(asdict(settings), default=str, indent=2, sort_keys=True)
    disk.replace(settings_file(settings.state_dir), text.encode() + b"\n")


def load(state_dir: Path, disk: Disk) -> Settings:
    """Return what `save` wrote.

    Raises:
        WrongState: no node lives here.
        StorageCorrupt: the file is not what `save` writes.
    """
    path = settings_file(state_dir)
    try:
        raw = json.loads(disk.read(path))
        known = {field.name for field in fields(Settings)}
        values = {name: value for name, value in raw.items() if name in known}
        for name in ("state_dir", "socket_path"):
            values[name] = Path(values[name])
        return Settings(**values).checked()
    except FileNotFoundError:
        raise WrongState(
            f"no node lives in {state_dir}", remedy="swarmpy init, or swarmpy join"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StorageCorrupt(f"{path}: {error}", remedy="restore it from a backup") from error
