"""A small real registry on this machine: serves images that are made here, over HTTP.

Source: https://github.com/distribution/distribution/blob/main/docs/content/spec/api.md
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CHUNK_BYTES = 64 * 1024


class Registry:
    """Images by "name:tag"; with `login`, for whoever knows "user:password" only."""

    def __init__(self, login: str = "", chunk_pause_s: float = 0.0) -> None:
        self.login = login
        self.chunk_pause_s = chunk_pause_s
        """How long each 64 KiB of a layer takes."""
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        """By "name:tag" and by "name@digest"."""
        self.asked: list[str] = []
        """Paths of all requests that were let in, in their order."""
        self.refused = 0
        self.pause = threading.Event()
        """Never set: it is waited for."""

    def put(self, name: str, tag: str, saved: bytes, *, layer: bytes = b"") -> str:
        """Serve an image as `docker save` wrote it, under a name and a tag; return its digest.

        `layer` makes it another image: a file /layer of this content is added.
        """
        files = _files(saved)
        (described,) = json.loads(files["manifest.json"])
        config = json.loads(files[described["Config"]])
        layers = [files[path] for path in described["Layers"]]
        if layer:
            layers.append(_tar("layer", layer))
            digest = f"sha256:{hashlib.sha256(layers[-1]).hexdigest()}"
            config["rootfs"]["diff_ids"].append(digest)
            config["history"] = []
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._blob(
                "application/vnd.docker.container.image.v1+json", json.dumps(config).encode()
            ),
            "layers": [
                self._blob(
                    "application/vnd.docker.image.rootfs.diff.tar.gzip",
                    gzip.compress(one, 1, mtime=0),
                )
                for one in layers
            ],
        }
        data = json.dumps(manifest).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.manifests[f"{name}:{tag}"] = self.manifests[f"{name}@{digest}"] = data
        return digest

    def _blob(self, kind: str, data: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[digest] = data
        return {"mediaType": kind, "size": len(data), "digest": digest}

    def pulls(self, path: str) -> int:
        """Return how often a path that ends so was asked for."""
        return sum(one.endswith(path) for one in self.asked)


@contextlib.contextmanager
def serving(registry: Registry) -> Iterator[str]:
    """Serve a registry; give its "host:port"."""
    handler = type("Handler", (_Handler,), {"registry": registry})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    registry: Registry
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self, *, with_body: bool) -> None:
        if not self._is_let_in():
            self.registry.refused += 1
            self._send(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', "application/json")
            return
        self.registry.asked.append(f"{self.command} {self.path}")
        name, _, rest = self.path.removeprefix("/v2/").rpartition("/")
        name, _, kind = name.rpartition("/")
        if not rest:
            self._send(200, b"{}", "application/json")
            return
        separator = "@" if rest.startswith("sha256:") else ":"
        data = (
            self.registry.manifests.get(f"{name}{separator}{rest}")
            if kind == "manifests"
            else self.registry.blobs.get(rest)
        )
        if data is None:
            self._send(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}', "application/json")
            return
        media = MANIFEST if kind == "manifests" else "application/octet-stream"
        self._send(200, data, media, with_body=with_body)

    def _is_let_in(self) -> bool:
        wanted = "Basic " + base64.b64encode(self.registry.login.encode()).decode()
        return not self.registry.login or self.headers.get("Authorization") == wanted

    def _send(self, status: int, data: bytes, media: str, *, with_body: bool = True) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(data).hexdigest()}")
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
        self.end_headers()
        if not with_body:
            return
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(data), CHUNK_BYTES):
                self.wfile.write(data[start : start + CHUNK_BYTES])
                if len(data) > CHUNK_BYTES and self.registry.chunk_pause_s:
                    self.registry.pause.wait(self.registry.chunk_pause_s)


def _files(saved: bytes) -> dict[str, bytes]:
    """Return path -> content of an archive; links to a file are that file."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        for member in archive:
            content = archive.extractfile(member) if not member.isdir() else None
            if content is not None:
                files[member.name] = content.read()
    return files


def _tar(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()
