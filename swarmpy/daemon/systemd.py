"""Lets systemd keep a node's daemon running, where systemd runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from swarmpy.daemon import credentials
from swarmpy.daemon.settings import Settings
from swarmpy.errors import WrongState

UNIT = Path("/etc/systemd/system/swarmpy.service")


def runs() -> bool:
    """Tell whether this is a machine whose services systemd keeps, and we may add one."""
    return Path("/run/systemd/system").is_dir() and os.geteuid() == 0


def unit(settings: Settings) -> str:
    """Return the unit file. A stopped daemon leaves containers running: KillMode=process."""
    credential = ""
    if credentials.was_made():
        credential = f"LoadCredentialEncrypted={credentials.NAME}:{credentials.STORE}\n"
    return f"""[Unit]
Description=SwarmPy node
After=network-online.target docker.service
Wants=network-online.target

[Service]
ExecStart={sys.executable} -m swarmpy.daemon {settings.state_dir}
Restart=on-failure
RestartPreventExitStatus=2
RestartSec=1
KillMode=process
LimitNOFILE=65536
RuntimeDirectory=swarmpy
RuntimeDirectoryPreserve=yes
{credential}
[Install]
WantedBy=multi-user.target
"""


def install(settings: Settings) -> None:
    """Write the unit, and start it now and at every boot."""
    UNIT.write_text(unit(settings))
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", UNIT.name)


def remove() -> None:
    """Stop the daemon for good."""
    if UNIT.exists():
        _systemctl("disable", "--now", UNIT.name)
        UNIT.unlink()
        _systemctl("daemon-reload")


def _systemctl(*argv: str) -> None:
    done = subprocess.run(["systemctl", *argv], capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongState(
            f"systemctl {' '.join(argv)}: {done.stderr.strip()}", remedy="journalctl -u swarmpy"
        )
