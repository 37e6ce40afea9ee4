"""Filling objects and arrays: which properties, how many items, and what neighbours tell each other.

The value of each part comes from the walk that calls these; no text is read here but for words to quote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

from wfkit.core.frozen import dataclass
from wfkit.llm.offline import scalars
from wfkit.llm.offline.schemas import Schema, Unfillable, fits, resolved, same, types
from wfkit.llm.offline.text import Evidence
from wfkit.llm.offline.words import Choice, matching


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the answer we are. `variant` counts neighbours that must differ; `chosen`: the label beside it."""

    name: str = "answer"
    path: str = "$"
    depth: int = 0
    variant: int = 0
    chosen: Choice | None = None

    def inner(self, name: str, step: str) -> Place:
        """The place one level deeper."""
        return replace(self, name=name, path=self.path + step, depth=self.depth + 1, variant=0)


class Walk(Protocol):
    """What fills a part: the root schema, the text, the labels chosen so far by path."""

    root: Any
    read: Evidence
    chosen: dict[str, Choice]

    def fill(self, schema: Any, place: Place) -> Any:
        """The value of a part. Raises Unfillable."""
        ...

    def is_minimal(self, place: Place) -> bool:
        """Whether only what is required is filled here, so that schemas that contain themselves end."""
        ...

    def ready(self, options: Sequence[Any], schema: Schema, place: Place) -> list[Any]:
        """The listed values that fit."""
        ...


def fill_object(walk: Walk, schema: Schema, place: Place) -> dict[str, Any]:
    """An object with all its properties, in their order. Those that choose a label are filled first: others tell of it.

    Raises Unfillable when a required property, or enough of them, cannot be filled.
    """
    parts, required = schema.get("properties", {}), schema.get("required", [])
    names = [name for name in parts if name in required or not walk.is_minimal(place)]
    names += [name for name in required if name not in parts]
    names += _more_names(schema, names)
    room = schema.get("maxProperties", len(names)) - len(set(required))
    optional = [name for name in names if name not in required][: max(room, 0)]
    values: dict[str, Any] = {}
    kept = [name for name in names if name in required or name in optional]
    for name in sorted(kept, key=lambda name: not _decides(walk, parts.get(name))):
        part = parts.get(name, schema.get("additionalProperties", True))
        try:
            values[name], place = _property(walk, part, place, name)
        except Unfillable:
            if name in required:
                raise
    if len(values) < schema.get("minProperties", 0):
        raise Unfillable(
            f"{place.path}: it wants {schema['minProperties']} properties, only {len(values)} can be filled"
        )
    return {name: values[name] for name in kept if name in values}


def _property(walk: Walk, part: Any, place: Place, name: str) -> tuple[Any, Place]:
    """The value of a property, and the place again: it knows the label if one was chosen here."""
    inner = replace(place.inner(name, f".{name}"), variant=place.variant)
    value = walk.fill(part, inner)
    if place.chosen is None and inner.path in walk.chosen:
        place = replace(place, chosen=walk.chosen[inner.path])
    return value, place


def _decides(walk: Walk, part: Any) -> bool:
    return part is not None and part is not False and "enum" in resolved(part, walk.root)


def _more_names(schema: Schema, names: list[str]) -> list[str]:
    missing = schema.get("minProperties", 0) - len(names)
    return [f"key_{number + 1}" for number in range(max(missing, 0))]


def fill_array(walk: Walk, schema: Schema, place: Place) -> list[Any]:
    """A list: words or labels of the text for strings and enums, else as few items as it must have, at least one."""
    values = list(_items(walk, schema, place))
    low, high = schema.get("minItems", 0), schema.get("maxItems", 10**6)
    if len(values) < low:
        raise Unfillable(f"{place.path}: it wants {low} items, no more than {len(values)} different ones are known")
    return values[:high]


def _items(walk: Walk, schema: Schema, place: Place) -> Iterator[Any]:
    first, rest = schema.get("prefixItems", []), schema.get("items", True)
    values: list[Any] = []
    for number, part in enumerate(first):
        values += _distinct(walk, part, place.inner(place.name, f"[{number}]"), values, schema)
    if rest is not False:
        inner = place.inner(place.name, f"[{len(first)}]")
        wanted = max(schema.get("minItems", 0) - len(first), 0)
        found = [] if walk.is_minimal(place) else _quoted(walk, resolved(rest, walk.root), place)
        values += [value for value in found or [] if not _among(value, values)]
        if found is None and not walk.is_minimal(place):
            wanted = max(wanted, min(1, schema.get("maxItems", 1)))
        while len(values) - len(first) < wanted and (more := _distinct(walk, rest, inner, values, schema)):
            values += more
    yield from values


def _quoted(walk: Walk, item: Schema, place: Place) -> list[Any] | None:
    """Words of the text for a list of plain strings, labels that the text speaks for; None for other lists."""
    if "enum" in item:
        options = walk.ready(item["enum"], item, place)
        return [options[index] for index in matching(walk.read, [str(option) for option in options])]
    if types(item) != ["string"] or "anyOf" in item or "oneOf" in item or "const" in item:
        return None
    words = place.chosen.words if place.chosen else scalars.salient(walk.read)
    return [word for word in words if fits(word, item)]


def _distinct(walk: Walk, part: Any, place: Place, values: list[Any], schema: Schema) -> list[Any]:
    """One more item, unlike the others where they must differ; an empty list if there is none."""
    for variant in range(len(values) + 3 if schema.get("uniqueItems") else 1):
        try:
            value = walk.fill(part, replace(place, variant=place.variant + variant))
        except Unfillable:
            if variant == 0:
                raise
            return []
        if not schema.get("uniqueItems") or not _among(value, values):
            return [value]
    return []


def _among(value: Any, values: Sequence[Any]) -> bool:
    return any(same(value, other) for other in values)
