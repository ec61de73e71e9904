"""Where a manager keeps the keys of its log and snapshots: a file that only root reads."""

from __future__ import annotations

import json
import random
from pathlib import Path

from swarmpy.errors import StorageCorrupt
from swarmpy.seams import Disk
from swarmpy.security.data_keys import DataKeys


def load_or_create(disk: Disk, state_dir: Path) -> DataKeys:
    """Return the keys in the state directory; the first time they are made.

    Raises:
        StorageCorrupt: the file cannot be read.
    """
    path = state_dir / "data-keys.json"
    try:
        data = disk.read(path)
    except FileNotFoundError:
        keys = DataKeys.create(random.SystemRandom())
        text = json.dumps({str(key_id): key.hex() for key_id, key in keys.keys.items()})
        disk.replace(path, text.encode())
        return keys
    try:
        return DataKeys(
            {int(key_id): bytes.fromhex(key) for key_id, key in json.loads(data).items()}
        )
    except (ValueError, AttributeError) as error:
        raise StorageCorrupt(
            f"{path} holds no data keys: {error}", remedy="restore it, or join anew"
        ) from error
