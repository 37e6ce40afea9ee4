"""The Jinja2 environment of prompts: sandboxed, strict about undefined names, the same for everybody.

Changed from Jinja's defaults: no globals but `range`, no `random` filter (a key could not tell its results apart),
`tojson` as plain JSON, keys of data before methods of dict, blocks leave no blank lines. No files are read.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wfkit.core.graph import near
from wfkit.define.plain import PlainDict

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

SHOWN_FIELDS = 12


@lru_cache(maxsize=1)
def environment() -> ImmutableSandboxedEnvironment:
    """The one environment, made on first use."""
    from jinja2 import StrictUndefined  # loads on first use: 26 ms
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # the same
    from jinja2.utils import missing  # the same

    class Missing(StrictUndefined):
        """Says which field of what is missing."""

        __slots__ = ()

        @property
        def _undefined_message(self) -> str:
            name, owner = self._undefined_name, self._undefined_obj
            if name is None:
                return self._undefined_hint or "an undefined value"
            return f"{name!r} is undefined" if owner is missing else _missing(owner, name)

    class Prompts(ImmutableSandboxedEnvironment):
        """A key of data wins over a method of dict: `row.items` is the column."""

        def getattr(self, obj: Any, attribute: str) -> Any:
            if isinstance(obj, PlainDict) and attribute in obj:
                return obj[attribute]
            return super().getattr(obj, attribute)

    made = Prompts(undefined=Missing, trim_blocks=True, lstrip_blocks=True, autoescape=False, loader=None)
    made.globals = {"range": made.globals["range"]}
    del made.filters["random"]
    made.filters["tojson"] = _to_json
    return made


def _missing(owner: Any, name: str) -> str:
    if isinstance(owner, PlainDict):
        fields = [str(key) for key in owner]
        listed = ", ".join(fields[:SHOWN_FIELDS]) + (", ..." if len(fields) > SHOWN_FIELDS else "")
        return f"there is no {name!r}{near(str(name), fields)}; there are: {listed or 'no fields'}"
    if isinstance(owner, list):
        return f"a list has no {name!r}: loop over it, or take one item like [0]"
    return f"{type(owner).__name__} has no {name!r}"


def _to_json(value: Any, indent: int | None = None) -> str:
    """JSON for a model to read: no HTML escapes, letters as they are, dates as text."""
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)
