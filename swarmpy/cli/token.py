"""`swarmpy token`: the right to join, with an end."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.arguments import duration_s
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption, QuietOption
from swarmpy.cli.plain import plain, word
from swarmpy.pb.objects_pb2 import JoinToken
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER, NodeRole

app = noun("Tokens: who has one may add machines, for an hour and once unless you say otherwise.")

ROLES = {"worker": NODE_ROLE_WORKER, "manager": NODE_ROLE_MANAGER}
_COLUMNS: render.Columns[JoinToken] = {
    "ID": lambda token: token.id,
    "ROLE": lambda token: word(NodeRole.DESCRIPTOR, token.role),
    "USES LEFT": lambda token: str(token.uses_left),
    "EXPIRES IN": lambda token: when.remaining(token.expires_at_ms),
    "AGE": lambda token: when.age(token.created_at_ms),
}


@app.command("create")
def create(
    role: Annotated[str, typer.Option(metavar="worker|manager")] = "worker",
    ttl: Annotated[
        float, typer.Option(parser=duration_s, metavar="DURATION", help="How long it is good.")
    ] = "1h",  # type: ignore[assignment]  # typer parses defaults as well
    uses: Annotated[int, typer.Option(min=1, help="How many machines it may add.")] = 1,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only the token, for scripts.")
    ] = False,
) -> None:
    """Make a token and print, this once, the command that uses it."""
    if role not in ROLES:
        raise typer.BadParameter(f"{role!r} is none of {', '.join(ROLES)}")
    with SyncClient.connect() as client:
        answer = client.create_token(ROLES[role], ttl_s=ttl, uses=uses)
    if quiet:
        render.say(answer.secret)
    else:
        address = next(iter(answer.join_addresses), "HOST:2377")
        machines = "one machine" if uses == 1 else f"{uses} machines"
        render.say(
            f"Adds {machines} as {role} within {when.remaining(answer.token.expires_at_ms)}:\n"
        )
        render.say(f"    swarmpy join {address} --token {answer.secret}\n")
        render.say(f"It is not shown again. swarmpy token revoke {answer.token.id} takes it back.")


@app.command("ls")
def ls(output: FormatOption = Format.TABLE, quiet: QuietOption = False) -> None:
    """List the tokens; one that has ended is shown for another day."""
    with SyncClient.connect() as client:
        tokens = client.tokens()
    if quiet:
        render.show_ids(token.id for token in tokens)
    else:
        render.show(tokens, _COLUMNS, output, plain)


@app.command("revoke")
def revoke(tokens: Annotated[list[str], typer.Argument(metavar="TOKEN_ID...")]) -> None:
    """Make tokens worthless."""
    with SyncClient.connect() as client:
        for token in tokens:
            client.revoke_token(token)
            render.say(token)
