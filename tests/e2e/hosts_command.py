"""What scripts/hosts does with its arguments."""

from __future__ import annotations

import os
import sys

from tests.e2e.hosts import Host, down, up


def main(argv: list[str]) -> None:
    match argv:
        case ["up", count]:
            for host in up(int(count)):
                print(f"{host.name}  {host.address}  {host.docker_host}")
        case ["down"]:
            down()
        case ["exec", name, *command] if command:
            host = Host(int(name.removeprefix("h")))
            environment = {**os.environ, "DOCKER_HOST": host.docker_host}
            argv = host.inside(*command)
            os.execvpe(argv[0], argv, environment)
        case [verb, name] if verb in {"power-off", "power-on", "unplug", "plug"}:
            getattr(Host(int(name.removeprefix("h"))), verb.replace("-", "_"))()
        case _:
            sys.exit(
                "usage: hosts up N | down | exec hN CMD... | power-off|power-on|unplug|plug hN"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
