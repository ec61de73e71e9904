"""A web page that says who answers: the demo service where there is no container engine.

PORT, VERSION, GREETING and HOSTNAME come from the environment. Run: python -m swarmpy.testing.hello
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        greeting = os.environ.get("GREETING", "hello")
        name = f"{os.environ.get('HOSTNAME', socket.gethostname())}/{os.getpid()}"
        body = f"{greeting} from {name}, version {os.environ.get('VERSION', '1')}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing for each request."""


def stop(_: int, __: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    signal.signal(signal.SIGTERM, stop)
    address = (os.environ.get("SWARMPY_ADDRESS", ""), int(os.environ.get("PORT", "8000")))
    with ThreadingHTTPServer(address, Page) as server:
        sys.stdout.write(f"serving on port {address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
