"""Reads YAML text into a tree with places. Limits keep a hostile file from costing much.

Source: YAML 1.2.2 (https://yaml.org/spec/1.2.2/); parsing events are PyYAML's (libyaml).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from swarmpy.errors import InvalidManifest
from swarmpy.manifest.problems import REMEDY, Problems
from swarmpy.manifest.tree import Entry, Fields, Items, Place, Scalar, Value

BYTES_MAX = 1 << 20
DEPTH_MAX = 64
NODES_MAX = 100_000
"""Counted after aliases are followed."""

_STRING_TAGS = {None, "!", "tag:yaml.org,2002:str"}
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null")}


def read_yaml(text: str, file: str) -> Value:
    """Return the only document of `text`.

    Raises:
        InvalidManifest: no YAML, several documents, a duplicate key, or past a limit.
    """
    if len(text.encode()) > BYTES_MAX:
        raise InvalidManifest(f"{file}: larger than {BYTES_MAX >> 20} MiB", remedy="split it")
    try:
        return _Builder(text, file).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        what = error.problem or error.context
        raise InvalidManifest(f"{place}: {what}", remedy=REMEDY) from None
    except yaml.YAMLError as error:
        raise InvalidManifest(f"{file}: {error}", remedy=REMEDY) from None


class _Builder:
    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._anchors: dict[str, tuple[Value, int]] = {}
        self._nodes = 0
        self._problems = Problems()

    def document(self) -> Value:
        root: Value = Fields(Place(self._file, 1, 1), {})
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._fault(event, "a second document begins here, expected one")
                root = self._value(next(self._events), 0)
        self._problems.raise_if_any()
        return root

    def _value(self, event: Any, depth: int) -> Value:
        if depth > DEPTH_MAX:
            raise self._fault(event, f"nested deeper than {DEPTH_MAX}")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._nodes
        self._count(event, 1)
        value: Value
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(event, depth)
        else:
            value = self._mapping(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _alias(self, event: Any) -> Value:
        if event.anchor not in self._anchors:
            raise self._fault(event, f"alias *{event.anchor} names no anchor before it")
        value, nodes = self._anchors[event.anchor]
        self._count(event, nodes)
        return value

    def _scalar(self, event: Any) -> Scalar:
        if event.tag not in _STRING_TAGS | _PLAIN_TAGS:
            raise self._fault(event, f"tag {event.tag} is not supported, remove it")
        plain = event.tag in _PLAIN_TAGS or (event.tag is None and event.implicit[0])
        return Scalar(self._place(event), event.value, plain)

    def _sequence(self, event: Any, depth: int) -> Items:
        items = []
        while not isinstance(inner := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(inner, depth + 1))
        return Items(self._place(event), tuple(items))

    def _mapping(self, event: Any, depth: int) -> Fields:
        entries: dict[str, Entry] = {}
        merged: list[Value] = []
        while not isinstance(key_event := next(self._events), yaml.MappingEndEvent):
            key = self._value(key_event, depth + 1)
            if not isinstance(key, Scalar):
                raise self._fault(key_event, "a key must be text")
            value = self._value(next(self._events), depth + 1)
            if key.plain and key.text == "<<":
                merged.extend(value.items if isinstance(value, Items) else (value,))
            elif key.text in entries:
                first = entries[key.text].key_place
                self._problems.add(
                    key.place, key.text, "duplicate key", remedy=f"it stands at {first} already"
                )
            else:
                entries[key.text] = Entry(key.place, value)
        for source in merged:
            if not isinstance(source, Fields):
                raise self._fault(event, "<< needs a mapping, or a list of mappings")
            for name, entry in source.entries.items():
                entries.setdefault(name, entry)
        return Fields(self._place(event), entries)

    def _count(self, event: Any, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > NODES_MAX:
            raise self._fault(event, f"more than {NODES_MAX} values, counting through aliases")

    def _place(self, event: Any) -> Place:
        return Place(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _fault(self, event: Any, message: str) -> InvalidManifest:
        return InvalidManifest(f"{self._place(event)}: {message}", remedy=REMEDY)
