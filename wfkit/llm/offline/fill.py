"""Filling a schema: walks it and asks `words`, `text` and `scalars` for what stands at each place.

What comes out is valid against the schema, or `Unfillable` is raised with the path. Nothing here reads a text itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wfkit.llm.offline import scalars
from wfkit.llm.offline.schemas import Schema, Unfillable, asserts_more, fits, merge, resolved, same, types
from wfkit.llm.offline.text import Evidence
from wfkit.llm.offline.words import Choice, choose, matching, mentions

__all__ = ["Filler", "Unfillable"]

_MINIMAL_BELOW = 6  # levels; deeper, only what is required is filled, so that recursive schemas end
_DEEPEST = 40
_SCALARS = ("string", "integer", "number", "boolean")


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


class Filler:
    """Makes the one value for a schema and a text; equal arguments give equal values."""

    def __init__(self, schema: Any, read: Evidence) -> None:
        self._root = schema
        self._read = read
        self._chosen: dict[str, Choice] = {}  # by path

    def value(self) -> Any:
        """A value that is valid against the schema. Raises Unfillable."""
        value = self._fill(self._root, Place())
        if asserts_more(self._root):
            _check(value, self._root)
        return value

    def _fill(self, schema: Any, place: Place) -> Any:
        if place.depth > _DEEPEST:
            raise Unfillable(f"{place.path[:80]}: it requires itself without end")
        schema = resolved(schema, self._root)
        if "const" in schema:
            return self._ready([schema["const"]], schema, place)[0]
        if "enum" in schema:
            options = self._ready(schema["enum"], schema, place)
            return options[self._pick(options, schema, place).index]
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._branch(schema, key, place)
        return self._typed(schema, place)

    def _ready(self, options: Sequence[Any], schema: Schema, place: Place) -> list[Any]:
        found = [option for option in options if fits(option, schema)]
        if not found:
            raise Unfillable(f"{place.path}: none of the values it lists is of its own type and bounds")
        return found[place.variant % len(found) :] + found[: place.variant % len(found)] if place.variant else found

    def _pick(self, options: Sequence[Any], schema: Schema, place: Place) -> Choice:
        if place.variant or len(options) == 1:
            return Choice(0, (), 1.0)
        choice = choose(self._read, [str(option) for option in options], schema.get("description", ""))
        self._chosen[place.path] = choice
        return choice

    def _branch(self, schema: Schema, key: str, place: Place) -> Any:
        """The first branch that can be filled; null only where the others would be made up or go too deep."""
        rest = {name: part for name, part in schema.items() if name != key}
        branches = [merge(rest, resolved(part, self._root)) for part in schema[key]]
        null = [branch for branch in branches if branch.get("type") == "null" or branch.get("const", 0) is None]
        others = self._by_likeness([branch for branch in branches if branch not in null])
        made_up = place.depth > _MINIMAL_BELOW or (len(others) == 1 and not self._known(others[0], place))
        problems: list[str] = []
        for branch in null + others if made_up else others + null:
            try:
                value = self._fill(branch, place)
            except Unfillable as error:
                problems.append(str(error))
                continue
            if key == "anyOf" or _valid_once(value, branches, self._root):
                return value
        raise Unfillable(problems[0] if problems else f"{place.path}: no branch of {key} can be told from the others")

    def _by_likeness(self, branches: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Branches that are objects, the one first whose constants and titles the text speaks for."""
        if len(branches) < 2 or any("properties" not in branch for branch in branches):
            return branches
        best = choose(self._read, [_branch_label(branch) for branch in branches]).index
        return [branches[best], *branches[:best], *branches[best + 1 :]]

    def _known(self, branch: Schema, place: Place) -> bool:
        """Whether the text says something for a scalar; other things are always worth filling."""
        kind = types(branch)[0]
        if kind not in _SCALARS or kind == "boolean" or "enum" in branch or "const" in branch or "anyOf" in branch:
            return True
        return scalars.found(kind, branch, place.name, self._read) is not None

    def _typed(self, schema: Schema, place: Place) -> Any:
        kinds = [kind for kind in types(schema) if kind != "null"]
        nullable = "null" in types(schema)
        if not kinds or (nullable and not self._known({**schema, "type": kinds}, place)):
            return None
        match kinds[0]:
            case "object":
                return self._object(schema, place)
            case "array":
                return self._array(schema, place)
            case "boolean":
                return self._boolean(schema, place)
            case "string" | "integer" | "number" as kind:
                asked = scalars.Asked(kind, schema, place.name, place.variant, place.chosen)
                value = scalars.fill(asked, self._read)
                if value is None:
                    raise Unfillable(f"{place.path}: no {kind} is known that keeps all of its limits")
                return value
            case kind:
                raise Unfillable(f"{place.path}: {kind!r} is no JSON type")

    def _boolean(self, schema: Schema, place: Place) -> bool:
        labelled = self._read.labels.get(place.name.replace("_", " ").lower(), "").lower()
        if place.variant or labelled in {"yes", "true", "no", "false"}:
            return bool(place.variant % 2) if place.variant else labelled in {"yes", "true"}
        return bool(mentions(self._read, place.name, schema.get("description", "")))

    def _object(self, schema: Schema, place: Place) -> dict[str, Any]:
        parts, required = schema.get("properties", {}), schema.get("required", [])
        names = [name for name in parts if name in required or place.depth <= _MINIMAL_BELOW]
        names += [name for name in required if name not in parts]
        names += self._more_names(schema, names)
        room = schema.get("maxProperties", len(names)) - len(set(required))
        optional = [name for name in names if name not in required][: max(room, 0)]
        values: dict[str, Any] = {}
        kept = [name for name in names if name in required or name in optional]
        for name in sorted(kept, key=lambda name: not self._decides(parts.get(name))):
            part = parts.get(name, schema.get("additionalProperties", True))
            try:
                values[name], place = self._property(part, place, name)
            except Unfillable:
                if name in required:
                    raise
        return {name: values[name] for name in kept if name in values}

    def _property(self, part: Any, place: Place, name: str) -> tuple[Any, Place]:
        """The value of a property, and the place again: it knows the label if one was chosen here."""
        inner = replace(place.inner(name, f".{name}"), variant=place.variant)
        value = self._fill(part, inner)
        if place.chosen is None and inner.path in self._chosen:
            place = replace(place, chosen=self._chosen[inner.path])
        return value, place

    def _decides(self, part: Any) -> bool:
        return part is not None and part is not False and "enum" in resolved(part, self._root)

    def _more_names(self, schema: Schema, names: list[str]) -> list[str]:
        missing = schema.get("minProperties", 0) - len(names)
        return [f"key_{number + 1}" for number in range(max(missing, 0))]

    def _array(self, schema: Schema, place: Place) -> list[Any]:
        values = list(self._items(schema, place))
        low, high = schema.get("minItems", 0), schema.get("maxItems", 10**6)
        if len(values) < low:
            raise Unfillable(f"{place.path}: it wants {low} items, no more than {len(values)} different ones are known")
        return values[:high]

    def _items(self, schema: Schema, place: Place) -> Iterator[Any]:
        first, rest = schema.get("prefixItems", []), schema.get("items", True)
        values: list[Any] = []
        for number, part in enumerate(first):
            values += self._distinct(part, place.inner(place.name, f"[{number}]"), values, schema)
        if rest is not False:
            inner = place.inner(place.name, f"[{len(first)}]")
            wanted = max(schema.get("minItems", 0) - len(first), 0)
            found = [] if place.depth > _MINIMAL_BELOW else self._quoted(resolved(rest, self._root), place)
            values += [value for value in found or [] if not _among(value, values)]
            if found is None and place.depth <= _MINIMAL_BELOW:
                wanted = max(wanted, min(1, schema.get("maxItems", 1)))
            while len(values) - len(first) < wanted and (more := self._distinct(rest, inner, values, schema)):
                values += more
        yield from values

    def _quoted(self, item: Schema, place: Place) -> list[Any] | None:
        """Words of the text for a list of plain strings, labels that the text speaks for; None for other lists."""
        if "enum" in item:
            options = self._ready(item["enum"], item, place)
            return [options[index] for index in matching(self._read, [str(option) for option in options])]
        if types(item) != ["string"] or "anyOf" in item or "oneOf" in item or "const" in item:
            return None
        words = place.chosen.words if place.chosen else scalars.salient(self._read)
        return [word for word in words if fits(word, item)]

    def _distinct(self, part: Any, place: Place, values: list[Any], schema: Schema) -> list[Any]:
        """One more item, unlike the others where they must differ; an empty list if there is none."""
        for variant in range(len(values) + 3 if schema.get("uniqueItems") else 1):
            value = self._fill(part, replace(place, variant=place.variant + variant))
            if not schema.get("uniqueItems") or not _among(value, values):
                return [value]
        return []


def _among(value: Any, values: Sequence[Any]) -> bool:
    return any(same(value, other) for other in values)


def _branch_label(branch: Schema) -> str:
    constants = [part["const"] for part in branch["properties"].values() if isinstance(part, dict) and "const" in part]
    return " ".join(map(str, constants)) or branch.get("title", "") or " ".join(branch["properties"])


def _valid_once(value: Any, branches: Sequence[Schema], root: Any) -> bool:
    from jsonschema import Draft202012Validator  # loads on first use: 60 ms

    shared = {key: root[key] for key in ("$defs", "definitions") if key in root}
    return sum(Draft202012Validator({**shared, **branch}).is_valid(value) for branch in branches) == 1


def _check(value: Any, schema: Any) -> None:
    from jsonschema import Draft202012Validator  # loads on first use: 60 ms
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema).iter_errors(value))
    if error is not None:
        raise Unfillable(f"{error.json_path}: {error.message[:200]}")
