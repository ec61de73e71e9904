"""The engine that the conformance tests run on."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from pathlib import Path

import docker
import pytest

IMAGE = "swarmpy/conformance:1"
APPLETS = ("sh", "sleep", "echo", "cat", "true", "false")


@pytest.fixture(scope="session")
def engine() -> str:
    """Return the URL of an engine that has IMAGE. Without one the tests are skipped, or fail
    where the environment says CI=1.
    """
    url = os.environ.get("SWARMPY_TEST_DOCKER_HOST")
    if not url:
        why = "SWARMPY_TEST_DOCKER_HOST names no Docker Engine; scripts/test starts one"
        if os.environ.get("CI") == "1":
            pytest.fail(why)
        pytest.skip(why)
    client = docker.APIClient(base_url=url, version="auto")
    try:
        changes = ["ENV PATH=/bin"]
        client.import_image_from_data(_busybox_tar(), *IMAGE.split(":"), changes=changes)
    finally:
        client.close()
    return url


def _busybox_tar() -> bytes:
    busybox = shutil.which("busybox", path="/bin:/usr/bin")
    assert busybox is not None, "apt-get install busybox-static"
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        program = tarfile.TarInfo("bin/busybox")
        program.mode, program.size = 0o755, Path(busybox).stat().st_size
        with Path(busybox).open("rb") as file:
            tar.addfile(program, file)
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return written.getvalue()
