"""Adapters of the user's own, by the prefix of the models that they answer: `wfkit.adapter("acme", ...)` owns `acme/`.

A prefix has one owner: none may be a provider's, and none may be taken from another module. Nothing is asked here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, Protocol

from wfkit.core.capabilities import Capabilities
from wfkit.core.frozen import dataclass
from wfkit.errors import ModelUnavailable, UsageFault
from wfkit.llm import price_file

OWN = frozenset({"offline", "fake", "default"})  # prefixes that wfkit itself answers
_PREFIX = re.compile(r"[a-z0-9][a-z0-9_.-]*")


class Answers(Protocol):
    """What an adapter must have. It may also have `supports(name)`, `capabilities(name)` and `models`."""

    def ask(self, request: Any) -> Any:
        """The answer to a request: a text, a dict with `text`, or a `Reply`. May be async; a plain one has a thread."""
        ...


@dataclass(frozen=True, slots=True)
class Registered:
    """An adapter, the prefix that it owns, and where it comes from (module and name)."""

    prefix: str
    ask: Callable[[Any], Any]
    adapter: Any
    origin: tuple[str, str]

    @property
    def models(self) -> tuple[str, ...]:
        """The names that it says it has, if it says so."""
        return tuple(str(name) for name in getattr(self.adapter, "models", ()))

    def check(self, name: str) -> None:
        """Raise ModelUnavailable if it does not have a model of this name."""
        supports = getattr(self.adapter, "supports", None)
        known = (
            _told(self, "supports", supports, name) if callable(supports) else not self.models or name in self.models
        )
        if not known:
            near = get_close_matches(name, self.models, n=3)
            hint = f"; near to it: {', '.join(f'{self.prefix}/{one}' for one in near)}" if near else ""
            raise ModelUnavailable(f"the adapter {self.prefix!r} ({_place(self)}) has no model {name!r}{hint}")

    def capabilities(self, name: str) -> Capabilities | None:
        """What it says of a model. Raises ModelUnavailable when it says nonsense."""
        tell = getattr(self.adapter, "capabilities", None)
        said = _told(self, "capabilities", tell, name) if callable(tell) else None
        if said is None or isinstance(said, Capabilities):
            return said
        known = {item.name for item in fields(Capabilities)}
        if not isinstance(said, Mapping) or not set(said) <= known:
            raise ModelUnavailable(
                f"the adapter {self.prefix!r} ({_place(self)}) tells the capabilities of {name!r} as {said!r:.200}; "
                f"a dict has some of {', '.join(sorted(known))}"
            )
        from pydantic import TypeAdapter, ValidationError  # 100 ms: only for adapters that tell them as a dict

        try:
            return TypeAdapter(Capabilities).validate_python(dict(said))
        except ValidationError as error:
            first = error.errors()[0]
            raise ModelUnavailable(
                f"the adapter {self.prefix!r} ({_place(self)}) tells a wrong {'.'.join(map(str, first['loc']))} of "
                f"{name!r}: {first['msg']}, not {first['input']!r:.100}"
            ) from None


_known: dict[str, Registered] = {}
_changes = 0


def register(prefix: str, adapter: Answers | Callable[[Any], Any], module: str) -> None:
    """Make an adapter the one that answers `prefix/...`: an object with `ask`, or a function that asks. `module` is
    where an object was registered; a function knows where it is from.

    The same one, defined again, takes its own place. Raises UsageFault for a prefix of another, or what is no adapter.
    """
    ask = getattr(adapter, "ask", adapter)
    if isinstance(adapter, type) or not callable(ask):
        what = f"the class {adapter.__name__}: register an instance" if isinstance(adapter, type) else repr(adapter)
        raise UsageFault(f"an adapter is a function, or an object with a method `ask(request)`, not {what:.200}")
    if not _PREFIX.fullmatch(prefix):
        raise UsageFault(
            f"the prefix of an adapter is lower case, such as 'acme' for models 'acme/...', not {prefix!r}"
        )
    if prefix in OWN or prefix in price_file.providers():
        whose = "wfkit" if prefix in OWN else "a provider that litellm knows"
        raise UsageFault(f"the prefix {prefix!r} belongs to {whose}: choose another, for example 'my-{prefix}'")
    named = getattr(adapter, "__qualname__", None)
    origin = (str(adapter.__module__), str(named)) if named else (module, type(adapter).__qualname__)
    new = Registered(prefix, ask, adapter, origin)
    old = _known.get(prefix)
    if old is not None and old.origin[0] != new.origin[0]:
        raise UsageFault(
            f"the prefix {prefix!r} belongs to the adapter {_place(old)} already, and {_place(new)} cannot take it: "
            "give this one another prefix"
        )
    if old is not None and old.origin != new.origin:
        warnings.warn(f"the prefix {prefix!r} was {_place(old)} and is {_place(new)} now", stacklevel=3)
    _known[prefix] = new
    _changed()


def remove(prefix: str) -> None:
    """Make the prefix free again."""
    _known.pop(prefix, None)
    _changed()


def generation() -> int:
    """A number that changes when an adapter comes or goes."""
    return _changes


def _changed() -> None:
    global _changes  # noqa: PLW0603 tells who remembers an answer that it is out of date
    _changes += 1


def of(model: str) -> Registered | None:
    """The adapter that owns this model's prefix."""
    prefix, slash, _ = model.partition("/")
    return _known.get(prefix) if slash else None


def prefixes() -> Iterable[str]:
    """The prefixes that adapters own."""
    return tuple(_known)


def names(prefix: str) -> tuple[str, ...]:
    """The models that the adapter of a prefix says it has."""
    return _known[prefix].models


def _told(registered: Registered, what: str, tell: Callable[[str], Any], name: str) -> Any:
    try:
        return tell(name)
    except Exception as error:  # noqa: BLE001 code of the user's: whatever it raises is told
        place = f"the adapter {registered.prefix!r} ({_place(registered)})"
        raise ModelUnavailable(f"{place} failed in {what}({name!r}): {type(error).__name__}: {error}") from None


def _place(registered: Registered) -> str:
    return ".".join(registered.origin)
