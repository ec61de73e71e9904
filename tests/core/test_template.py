"""Templates are filled in, and nothing in them is ever run."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.template import FIELDS, FUNCTIONS, check_template, is_template, render, values_of
from swarmpy.errors import InvalidInput
from swarmpy.pb.objects_pb2 import NodeDescription, Task
from swarmpy.pb.types_pb2 import Platform

TASK = Task(id="t9", service_id="s1", service_name="shop_web", slot=3, node_id="n1")
NODE = NodeDescription(hostname="alpha", platform=Platform(os="linux", architecture="arm64"))
VALUES = values_of(TASK, NODE)
CALLS = {name: lambda arg, name=name: f"<{name} {arg}>" for name in FUNCTIONS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain } text {", "plain } text {"),
        ("{{.Service.Name}}-{{.Task.Slot}}", "shop_web-3"),
        ("{{ .Node.Hostname }}", "alpha"),
        ("{{.Node.Platform.OS}}/{{.Node.Platform.Architecture}}", "linux/arm64"),
        ("{{.Task.Name}}", "shop_web.3.t9"),
        ("{{.Service.ID}} {{.Node.ID}} {{.Task.ID}}", "s1 n1 t9"),
        ('{{env "X"}} {{secret "key"}} {{config "a.b"}}', "<env X> <secret key> <config a.b>"),
        ('{{"{{"}}.Names}}', "{{.Names}}"),
        ("a \n {{- .Task.Slot -}} \n b", "a3b"),
        ("{{.Task.Slot}}\n", "3\n"),
    ],
)
def test_templates(text: str, expected: str) -> None:
    assert render(text, VALUES, CALLS) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{.Task.Nope}}", r"has \{\{.Task.Nope\}\}, expected one of .Service.ID"),
        ("{{.Service.Labels}}", "has {{.Service.Labels}}"),
        ("{{exec `id`}}", "has {{exec"),
        ('{{env "A" | printf}}', "has {{env"),
        ("{{range .X}}", "has {{range"),
        ("{{}}", r"has \{\{\}\}"),
        ("a {{ b", "{{ without }}"),
    ],
)
def test_what_is_none_of_these_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        check_template(text, FUNCTIONS)


def test_functions_are_for_files_only() -> None:
    with pytest.raises(InvalidInput, match="expected one of"):
        check_template('{{secret "key"}}')
    check_template('{{secret "key"}}', FUNCTIONS)


def test_a_task_on_every_node_has_its_node_for_a_slot() -> None:
    assert values_of(Task(node_id="n1"), NODE)[".Task.Slot"] == "n1"


@given(st.text(alphabet='{}.-" abTask', max_size=40))
def test_whatever_is_typed_is_filled_in_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        rendered = render(text, dict.fromkeys(FIELDS, ""), CALLS)
        assert is_template(text) or rendered == text
