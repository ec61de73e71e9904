import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.errors import InvalidManifest
from swarmpy.manifest.tree import Fields, Items, Scalar
from swarmpy.manifest.yaml_tree import read_yaml


def test_every_value_knows_its_line_and_column() -> None:
    tree = read_yaml("a:\n  b: [one, two]\n", "f.yaml")
    assert isinstance(tree, Fields)
    inner = tree.entries["a"].value
    assert isinstance(inner, Fields)
    assert str(inner.entries["b"].key_place) == "f.yaml:2:3"
    items = inner.entries["b"].value
    assert isinstance(items, Items)
    assert [str(item.place) for item in items] == ["f.yaml:2:7", "f.yaml:2:12"]


def test_quotes_make_text() -> None:
    tree = read_yaml('plain: 1\nquoted: "1"\ntagged: !!str 1\n', "f")
    assert isinstance(tree, Fields)
    plain = {
        key: entry.value.plain
        for key, entry in tree.entries.items()
        if isinstance(entry.value, Scalar)
    }
    assert plain == {"plain": True, "quoted": False, "tagged": False}


def test_merge_keys_fill_in_what_is_missing() -> None:
    tree = read_yaml("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n", "f")
    assert isinstance(tree, Fields)
    merged = tree.entries["y"].value
    assert isinstance(merged, Fields)
    found = {k: e.value.text for k, e in merged.entries.items() if isinstance(e.value, Scalar)}
    assert found == {"a": "1", "b": "3"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "f:2:1 a: duplicate key, it stands at f:1:1 already"),
        ("a: [1\n", "f:2:1: "),
        ("a: *b\n", "f:1:4: alias *b names no anchor before it"),
        ("a: 1\n---\nb: 2\n", "f:2:1: a second document begins here"),
        ("a: !!python/object:os.system x\n", "f:1:4: tag tag:yaml.org,2002:python/object"),
        ("? [a]\n: 1\n", "f:1:3: a key must be text"),
        ("a:\n\t- b\n", "f:2:1: "),
        ("[" * 100 + "]" * 100, "nested deeper than 64"),
        ("a: &a [" + "x, " * 400 + "]\nb: [" + "*a, " * 400 + "]", "more than 100000 values"),
        ("x" * (1 << 20) + "y", "larger than 1 MiB"),
        ("a: \x00", "f"),
    ],
    ids=[
        "duplicate", "no end", "alias", "documents", "tag", "key", "tab", "depth", "bomb", "size",
        "control character",
    ],
)  # fmt: skip
def test_faults_are_located(text: str, message: str) -> None:
    with pytest.raises(InvalidManifest) as caught:
        read_yaml(text, "f")
    assert message in str(caught.value)


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, 12)]
    with pytest.raises(InvalidManifest, match="more than 100000"):
        read_yaml("\n".join(lines), "f")


@given(st.text(max_size=200))
def test_any_text_is_a_tree_or_a_named_fault(text: str) -> None:
    with contextlib.suppress(InvalidManifest):
        read_yaml(text, "f")
