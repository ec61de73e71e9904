"""Fills in templates: a small, safe part of what Go's text/template does for Docker Swarm.

    {{.Service.Name}}  {{.Task.Slot}}  {{.Node.Hostname}}      one of FIELDS
    {{env "X"}}  {{secret "name"}}  {{config "name"}}          in files only
    {{"{{"}}                                                   a text as it is

`{{-` and `-}}` take the white space beside them away. Nothing is evaluated.
Source: https://docs.docker.com/reference/cli/docker/service/create/#create-services-using-templates
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from swarmpy.errors import InvalidInput
from swarmpy.pb.objects_pb2 import NodeDescription, Task

FIELDS = (
    ".Service.ID",
    ".Service.Name",
    ".Node.ID",
    ".Node.Hostname",
    ".Node.Platform.OS",
    ".Node.Platform.Architecture",
    ".Task.ID",
    ".Task.Name",
    ".Task.Slot",
)
FUNCTIONS = ("config", "env", "secret")
ESCAPE = 'write {{"{{"}} for two braces that mean nothing'

_ACTION = re.compile(r"(\s*\{\{-(?=\s)|\{\{)(.*?)((?<=\s)-\}\}\s*|\}\})", re.DOTALL)
_CALL = re.compile(r'([a-z]+)\s+"([^"\\]*)"')
_TEXT = re.compile(r'"([^"\\]*)"')

Function = Callable[[str], str]


def is_template(text: str) -> bool:
    return "{{" in text


def render(text: str, values: Mapping[str, str], functions: Mapping[str, Function]) -> str:
    """Return the text with every action filled in. `values` are by FIELDS.

    Raises:
        InvalidInput: an action is none of those above; what a function raises goes through.
    """
    rendered: list[str] = []
    end = 0
    for action in _ACTION.finditer(text):
        rendered.append(_plain(text[end : action.start()]))
        rendered.append(_value(action[2].strip(), values, functions))
        end = action.end()
    rendered.append(_plain(text[end:]))
    return "".join(rendered)


def check_template(text: str, functions: tuple[str, ...] = ()) -> None:
    """Raise InvalidInput unless `render` can fill the text in with these functions."""
    render(text, dict.fromkeys(FIELDS, ""), dict.fromkeys(functions, lambda _: ""))


def values_of(task: Task, node: NodeDescription) -> dict[str, str]:
    """Return what the fields are for a task on a node. A task of a service that runs on every
    node has the node's id for a slot, as in Swarm.
    """
    slot = str(task.slot or task.node_id)
    values = (
        task.service_id,
        task.service_name,
        task.node_id,
        node.hostname,
        node.platform.os,
        node.platform.architecture,
        task.id,
        f"{task.service_name}.{slot}.{task.id}",
        slot,
    )
    return dict(zip(FIELDS, values, strict=True))


def _plain(text: str) -> str:
    if is_template(text):
        raise InvalidInput("has {{ without }}, expected both", remedy=ESCAPE)
    return text


def _value(action: str, values: Mapping[str, str], functions: Mapping[str, Function]) -> str:
    if action in values:
        return values[action]
    if text := _TEXT.fullmatch(action):
        return text[1]
    call = _CALL.fullmatch(action)
    if call and call[1] in functions:
        return functions[call[1]](call[2])
    known = [*values, *(f'{name} "NAME"' for name in functions)]
    raise InvalidInput(
        f"has {{{{{action}}}}}, expected one of {', '.join(known)}",
        remedy=f"correct it, or {ESCAPE}",
    )
