"""As much of a Disk as an identity needs, on real files."""

from pathlib import Path

from swarmpy.seams import AppendFile


class PlainDisk:
    def make_dir(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def list_dir(self, path: Path) -> list[str]:
        return sorted(entry.name for entry in path.iterdir())

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def append_to(self, path: Path, ahead_bytes: int = 0) -> AppendFile:
        raise AssertionError("an identity is replaced, never appended to")

    def replace(self, path: Path, data: bytes) -> None:
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_bytes(data)
        new.rename(path)

    def truncate(self, path: Path, size: int) -> None:
        raise AssertionError("an identity is replaced, never cut")

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
