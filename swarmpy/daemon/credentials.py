"""The node's key as a systemd credential: systemd opens it for the service, and for nobody else."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Final

from swarmpy.errors import InvalidInput, WrongState
from swarmpy.security.operator_keys import NODE_KEY

NAME: Final = "swarmpy-key"
STORE: Final = Path("/etc/credstore.encrypted") / NAME
"""Where one that we made is, encrypted for this machine: its TPM, or root's own key."""
BYTES_MIN: Final = 32
TIMEOUT_S: Final = 30.0


def passed() -> bytes | None:
    """Return the key in the credential that systemd passed to this process, if any.

    Raises:
        InvalidInput: it is too short to be a key.
    """
    directory = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not directory:
        return None
    try:
        data = (Path(directory) / NAME).read_bytes()
    except OSError:
        return None
    if len(data) < BYTES_MIN:
        raise InvalidInput(
            f"the credential {NAME} has {len(data)} bytes: expected {BYTES_MIN} or more",
            remedy="make it of random bytes: systemd-creds encrypt --name=swarmpy-key",
        )
    return _key(data)


def make(rng: random.Random) -> bytes:
    """Make a credential that only this machine can open, for the unit to load.

    Raises:
        WrongState: systemd-creds is not here, or refuses.
    """
    program = shutil.which("systemd-creds")
    if program is None or not Path("/run/systemd/system").is_dir() or os.geteuid() != 0:
        raise WrongState(
            "no systemd credential can be made here: it takes systemd 250 and root",
            remedy="choose another source: --key-source file, keyring or passphrase",
        )
    if was_made():
        raise WrongState(
            f"{STORE} exists: it may open another node's files",
            remedy="swarmpy leave removes it with its node; or choose another source",
        )
    data = NODE_KEY.shown(NODE_KEY.create(rng)).encode()
    STORE.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    done = subprocess.run(
        [program, "encrypt", f"--name={NAME}", "-", str(STORE)],
        input=data,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise WrongState(
            f"systemd-creds encrypt: {done.stderr.decode(errors='replace').strip()}",
            remedy="choose another source: --key-source file, keyring or passphrase",
        )
    return _key(data)


def was_made() -> bool:
    """Tell whether a credential of ours waits to be loaded by the unit."""
    return STORE.exists()


def forget() -> None:
    STORE.unlink(missing_ok=True)


def _key(data: bytes) -> bytes:
    return hashlib.sha256(b"swarmpy credential\0" + data.strip()).digest()
