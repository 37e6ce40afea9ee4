"""Filling a schema: walks it and asks `words` and `scalars` what stands at a place, `containers` for what holds more.

What comes out is valid against the schema, or `Unfillable` is raised with the path. Nothing here reads a text itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wfkit.llm.offline import scalars
from wfkit.llm.offline.containers import Place, fill_array, fill_object
from wfkit.llm.offline.schemas import Schema, Unfillable, asserts_more, fits, merge, resolved, types
from wfkit.llm.offline.text import Evidence
from wfkit.llm.offline.words import Choice, choose, mentions

__all__ = ["Filler", "Unfillable"]

_MINIMAL_BELOW = 6  # levels of nesting
_MINIMAL_AFTER = 2_000  # places filled
_DEEPEST = 40
_SCALARS = ("string", "integer", "number", "boolean")


class Filler:
    """Makes the one value for a schema and a text; equal arguments give equal values."""

    def __init__(self, schema: Any, read: Evidence) -> None:
        self.root = schema
        self.read = read
        self.chosen: dict[str, Choice] = {}  # by path
        self._places = 0

    def value(self) -> Any:
        """A value that is valid against the schema. Raises Unfillable."""
        value = self.fill(self.root, Place())
        if asserts_more(self.root):
            _check(value, self.root)
        return value

    def fill(self, schema: Any, place: Place) -> Any:
        """The value at a place. Raises Unfillable."""
        if place.depth > _DEEPEST:
            raise Unfillable(f"{place.path[:80]}: it requires itself without end")
        self._places += 1
        schema = resolved(schema, self.root)
        if "const" in schema:
            return self.ready([schema["const"]], schema, place)[0]
        if "enum" in schema:
            options = self.ready(schema["enum"], schema, place)
            return options[self._pick(options, schema, place).index]
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._branch(schema, key, place)
        return self._typed(schema, place)

    def is_minimal(self, place: Place) -> bool:
        """Whether only what is required is filled here, so that schemas that contain themselves end."""
        return place.depth > _MINIMAL_BELOW or self._places > _MINIMAL_AFTER

    def ready(self, options: Sequence[Any], schema: Schema, place: Place) -> list[Any]:
        """The listed values that fit the schema beside them; a variant turns their order. Raises Unfillable."""
        found = [option for option in options if fits(option, schema)]
        if not found:
            raise Unfillable(f"{place.path}: none of the values it lists is of its own type and bounds")
        return found[place.variant % len(found) :] + found[: place.variant % len(found)] if place.variant else found

    def _pick(self, options: Sequence[Any], schema: Schema, place: Place) -> Choice:
        if place.variant or len(options) == 1:
            return Choice(0, (), 1.0)
        choice = choose(self.read, [str(option) for option in options], schema.get("description", ""))
        self.chosen[place.path] = choice
        return choice

    def _branch(self, schema: Schema, key: str, place: Place) -> Any:
        """The first branch that can be filled; null only where the others would be made up or go too deep."""
        rest = {name: part for name, part in schema.items() if name != key}
        branches = [merge(rest, resolved(part, self.root)) for part in schema[key]]
        null = [branch for branch in branches if branch.get("type") == "null" or branch.get("const", 0) is None]
        others = self._by_likeness([branch for branch in branches if branch not in null])
        made_up = self.is_minimal(place) or (len(others) == 1 and not self._known(others[0], place))
        problems: list[str] = []
        for branch in null + others if made_up else others + null:
            try:
                value = self.fill(branch, place)
            except Unfillable as error:
                problems.append(str(error))
                continue
            if key == "anyOf" or _valid_once(value, branches, self.root):
                return value
        raise Unfillable(problems[0] if problems else f"{place.path}: no branch of {key} can be told from the others")

    def _by_likeness(self, branches: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Branches that are objects, the one first whose constants and titles the text speaks for."""
        if len(branches) < 2 or any("properties" not in branch for branch in branches):
            return branches
        best = choose(self.read, [_branch_label(branch) for branch in branches]).index
        return [branches[best], *branches[:best], *branches[best + 1 :]]

    def _known(self, branch: Schema, place: Place) -> bool:
        """Whether the text says something for a scalar; other things are always worth filling."""
        kind = types(branch)[0]
        if kind not in _SCALARS or kind == "boolean" or "enum" in branch or "const" in branch or "anyOf" in branch:
            return True
        return scalars.found(kind, branch, place.name, self.read) is not None

    def _typed(self, schema: Schema, place: Place) -> Any:
        kinds = [kind for kind in types(schema) if kind != "null"]
        nullable = "null" in types(schema)
        if not kinds or (nullable and not self._known({**schema, "type": kinds}, place)):
            return None
        match kinds[0]:
            case "object":
                return fill_object(self, schema, place)
            case "array":
                return fill_array(self, schema, place)
            case "boolean":
                return self._boolean(schema, place)
            case "string" | "integer" | "number" as kind:
                asked = scalars.Asked(kind, schema, place.name, place.variant, place.chosen)
                value = scalars.fill(asked, self.read)
                if value is None:
                    raise Unfillable(f"{place.path}: no {kind} is known that keeps all of its limits")
                return value
            case kind:
                raise Unfillable(f"{place.path}: {kind!r} is no JSON type")

    def _boolean(self, schema: Schema, place: Place) -> bool:
        labelled = self.read.labels.get(place.name.replace("_", " ").lower(), "").lower()
        if place.variant or labelled in {"yes", "true", "no", "false"}:
            return bool(place.variant % 2) if place.variant else labelled in {"yes", "true"}
        return bool(mentions(self.read, place.name, schema.get("description", "")))


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
