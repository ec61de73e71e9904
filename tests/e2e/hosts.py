"""Test hosts on one machine: network namespaces on a bridge, each with a Docker Engine of its own.

Every host hN is the namespace PREFIX-hN with eth0 = NET.(10+N)/24; the bridge is in PREFIX-fab.
Facts that shaped it:
- `nsenter --net`, not `ip netns exec`: the latter mounts a new /sys, which hides cgroup v1.
- One lasting mount namespace per host: `docker exec` into a container that outlived its dockerd
  (--live-restore) fails when dockerd comes back in another mount namespace.
- After kill -9 the pid files must go: dockerd takes a zombie containerd for a living one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PREFIX = os.environ.get("SWARMPY_HOSTS_PREFIX", "sph")
NET = os.environ.get("SWARMPY_HOSTS_NET", "10.99.0")
ROOT = Path(os.environ.get("SWARMPY_HOSTS_ROOT", "/tmp/swarmpy-hosts"))
FABRIC = f"{PREFIX}-fab"
IMAGES = ROOT / "images.tar"


def run(*argv: str, check: bool = True, timeout_s: float = 60) -> str:
    """Run a command and return what it printed; a failure shows its stderr."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def run_detached(argv: Sequence[str], log: Path, **environment: str) -> None:
    """Start a program that outlives us; its output is added to `log`."""
    with log.open("ab") as out:
        subprocess.run(
            ["setsid", "--fork", *argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            check=True,
            env={**os.environ, **environment},
        )


@dataclass(frozen=True, slots=True)
class Host:
    """One test host; `number` counts from 1."""

    number: int

    @property
    def name(self) -> str:
        return f"h{self.number}"

    @property
    def namespace(self) -> str:
        return f"{PREFIX}-{self.name}"

    @property
    def address(self) -> str:
        return f"{NET}.{10 + self.number}"

    @property
    def cable(self) -> str:
        return f"v{PREFIX}{self.number}"

    @property
    def root(self) -> Path:
        return ROOT / self.name

    @property
    def docker_host(self) -> str:
        return f"unix://{self.root}/docker.sock"

    @property
    def _mounts(self) -> Path:
        return ROOT / "mnt" / self.name

    def inside(self, *argv: str) -> list[str]:
        """Return the command that runs `argv` in this host."""
        enter = ["nsenter", f"--net=/run/netns/{self.namespace}"]
        if self._mounts.exists():
            enter.append(f"--mount={self._mounts}")
        return [*enter, *argv]

    def exec(self, *argv: str, check: bool = True, timeout_s: float = 60) -> str:
        return run(*self.inside(*argv), check=check, timeout_s=timeout_s)

    def docker(self, *argv: str, check: bool = True) -> str:
        return run("docker", "-H", self.docker_host, *argv, check=check)

    # Ways to make it

    def wire(self) -> None:
        """Make the namespace and plug it into the bridge."""
        run("ip", "netns", "add", self.namespace)
        run("ip", "link", "add", self.cable, "netns", FABRIC, "type", "veth",
            "peer", "name", "eth0", "netns", self.namespace)  # fmt: skip
        run("ip", "-n", FABRIC, "link", "set", self.cable, "master", "br0", "up")
        run("ip", "-n", self.namespace, "link", "set", "lo", "up")
        run("ip", "-n", self.namespace, "link", "set", "eth0", "up")
        run("ip", "-n", self.namespace, "addr", "add", f"{self.address}/24", "dev", "eth0")
        run("ip", "-n", self.namespace, "route", "add", "default", "via", f"{NET}.1")
        run("ip", "netns", "exec", self.namespace, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        (self.root / "run-docker").mkdir(parents=True)
        self._mounts.touch()
        run("unshare", f"--mount={self._mounts}", "--propagation", "private", "sh", "-c",
            f"mkdir -p /run/docker && mount --bind {self.root}/run-docker /run/docker")  # fmt: skip

    def start_engine(self, timeout_s: float = 30) -> None:
        """Start this host's dockerd and wait until it answers."""
        for stale in (self.root / "docker.pid", self.root / "exec/containerd/containerd.pid"):
            stale.unlink(missing_ok=True)
        (self.root / "daemon.json").write_text("{}")
        run_detached(
            self.inside(
                "dockerd",
                f"--config-file={self.root}/daemon.json",
                f"--data-root={self.root}/data",
                f"--exec-root={self.root}/exec",
                f"--pidfile={self.root}/docker.pid",
                f"--host=unix://{self.root}/docker.sock",
                f"--bip=10.98.{self.number}.1/24",
                f"--cgroup-parent=/{self.namespace}",
                "--storage-driver=overlay2",
                "--userland-proxy=false",
                "--ip6tables=false",
                "--log-level=warn",
                "--live-restore=true",
            ),
            self.root / "dockerd.log",
        )
        deadline = time.monotonic() + timeout_s
        while run("docker", "-H", self.docker_host, "version", "-f", "{{.Server.Version}}",
                  check=False).strip() == "":  # fmt: skip
            if time.monotonic() > deadline:
                raise TimeoutError(f"dockerd of {self.name} is not up: {self.root}/dockerd.log")
            time.sleep(0.1)

    # Ways to break it

    def pids(self) -> list[int]:
        """Return every process of this host: engine, shims, containers, and our own nodes."""
        found: set[int] = set()
        for file in (self.root / "docker.pid", self.root / "exec/containerd/containerd.pid"):
            with contextlib.suppress(FileNotFoundError, ValueError):
                found.add(int(file.read_text()))
        shims = run("pgrep", "-f", f"containerd-shim.* -address {self.root}/exec/", check=False)
        found.update(int(pid) for pid in shims.split())
        for procs in Path("/sys/fs/cgroup").glob(f"*/{self.namespace}/**/cgroup.procs"):
            with contextlib.suppress(OSError):
                found.update(int(pid) for pid in procs.read_text().split())
        inside = run("ip", "netns", "pids", self.namespace, check=False)
        found.update(int(pid) for pid in inside.split())
        return sorted(pid for pid in found if pid > 1 and Path(f"/proc/{pid}").exists())

    def power_off(self) -> None:
        """Kill everything that runs in this host at once, its cable first."""
        self.unplug()
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def power_on(self) -> None:
        self.plug()
        self.start_engine()

    def unplug(self) -> None:
        """Pull the cable at the other end: packets get lost, and this host is not told."""
        run("ip", "-n", FABRIC, "link", "set", self.cable, "nomaster")

    def plug(self) -> None:
        run("ip", "-n", FABRIC, "link", "set", self.cable, "master", "br0")

    def remove(self) -> None:
        ids = self.docker("ps", "-aq", check=False).split()
        if ids:
            self.docker("rm", "-f", *ids, check=False)
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + 5
            while self.pids() and time.monotonic() < deadline:
                time.sleep(0.1)
        run("umount", str(self._mounts), check=False)
        run("ip", "netns", "del", self.namespace, check=False)
        for directory in sorted(
            Path("/sys/fs/cgroup").glob(f"*/{self.namespace}/**/"), reverse=True
        ):
            with contextlib.suppress(OSError):
                directory.rmdir()


def up(count: int, images: Sequence[str] = ()) -> list[Host]:
    """Make hosts h1..hN, their engines running and `images` (tar files) loaded."""
    down()
    mounts = ROOT / "mnt"
    mounts.mkdir(parents=True)
    run("mount", "--bind", str(mounts), str(mounts))
    run("mount", "--make-private", str(mounts))
    run("ip", "netns", "add", FABRIC)
    run("ip", "-n", FABRIC, "link", "set", "lo", "up")
    run("ip", "-n", FABRIC, "link", "add", "br0", "type", "bridge")
    run("ip", "-n", FABRIC, "link", "set", "br0", "up")
    run("ip", "-n", FABRIC, "addr", "add", f"{NET}.1/24", "dev", "br0")
    hosts = [Host(number) for number in range(1, count + 1)]
    for host in hosts:
        host.wire()
    for host in hosts:
        host.start_engine()
        for image in images:
            host.docker("load", "-q", "-i", image)
    return hosts


def down() -> None:
    """Stop and remove every host, and whatever an earlier run left."""
    numbers = sorted(int(path.name[1:]) for path in ROOT.glob("h[0-9]*"))
    for number in numbers:
        Host(number).remove()
    run("ip", "netns", "del", FABRIC, check=False)
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for path in sorted((path for path in mounted if path.startswith(f"{ROOT}/")), reverse=True):
        run("umount", "-l", path, check=False)
    shutil.rmtree(ROOT, ignore_errors=True)
