"""Secrets: what must not be written. Known by the environment (variables named like keys) and by the shape of tokens.

Values and replies are never altered: one that holds a secret is not stored, and that is said. Texts about what
happened (errors, previews, outputs, sources, prompts) are redacted. Where they are written is not known here.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from wfkit.core.call import CallRecord, Reply
from wfkit.core.columns import Items
from wfkit.core.events import (
    Adopted,
    CallEnded,
    CallStarted,
    Dispatched,
    Entry,
    Event,
    Forgotten,
    Resolved,
    RunEnded,
    Skipped,
    SliceSucceeded,
    Succeeded,
    ToolEnded,
)
from wfkit.core.result import Stored
from wfkit.core.secrets import LEAST, SHAPES, is_named, replaced, spellings
from wfkit.core.terms import Verdict
from wfkit.errors import ValueFault

_log = logging.getLogger(__name__)
_WITHOUT_TEXT = frozenset({Adopted, CallStarted, Dispatched, Forgotten, Resolved, RunEnded, Skipped})
WITHHELD = "[withheld: it holds a secret]"


def tell(what: str) -> None:
    """Warn the user. Where warnings are errors it is logged instead: what was appended needs its receipt."""
    try:
        warnings.warn(what, RuntimeWarning, stacklevel=3)
    except RuntimeWarning:
        _log.error("%s", what)


class Secrets:
    """The secrets in the environment of this process, as it is when asked, and the shapes of tokens."""

    def __init__(self) -> None:
        self._seen: dict[Any, Any] = {}
        self._named: dict[bytes, str] = {}
        self._needles: tuple[bytes, ...] = tuple(hint for hint, _, _ in SHAPES)

    def maybe(self, data: bytes) -> bool:
        """Whether there may be a secret in these bytes: about 1 µs a kilobyte; wrong only by saying yes."""
        if len(data) < LEAST:  # no value that counts as one, and no token of a known shape, is so short
            return False
        environment = getattr(os.environ, "_data", os.environ)  # 1 µs to compare; the public mapping decodes: 50 µs
        if environment != self._seen:
            self._look(dict(environment))
        for needle in self._needles:  # noqa: SIM110 (any() costs as much again)
            if needle in data:
                return True
        return False

    def may_be_in(self, texts: Iterable[str]) -> bool:
        """`maybe` for many texts at once: the search costs 4 µs, however little there is to search."""
        return self.maybe("\n".join(texts).encode("utf-8", "surrogatepass"))

    def may_tell(self, entry: Entry, line: bytes) -> bool:
        """Whether there may be a secret in the line of an entry. Its values were searched when they were encoded, and
        what holds no text of anybody's is not searched: this is asked for every entry."""
        event = entry.event
        if type(event) in _WITHOUT_TEXT and not (type(event) is Resolved and event.labels):
            return False
        if type(event) is Succeeded and not (event.result.outputs or event.result.reads or event.failure):
            return self.maybe(event.result.preview.encode("utf-8", "surrogatepass"))
        if type(event) is SliceSucceeded and not (event.items.outputs or event.items.reads or event.items.previews):
            return False
        return self.maybe(line)

    def found(self, data: bytes) -> str | None:
        """What kind of secret is in these bytes, or None."""
        if not self.maybe(data):
            return None
        named = next((name for secret, name in self._named.items() if secret in data), None)
        return named or next((name for _, name, shape in SHAPES if shape.search(data)), None)

    def refuse(self, payload: bytes, what: str) -> None:
        """Raises ValueFault when a payload holds a secret."""
        name = self.found(payload)
        if name is not None:
            raise ValueFault(f"{what} holds {name}: it is not stored; leave the secret out of what the node returns")

    def redact(self, text: str) -> str:
        """The text with `[secret: …]` in place of each secret."""
        data = text.encode("utf-8", "surrogatepass")
        if self.found(data) is None:
            return text
        data = replaced(data, self._named, lambda name, _length: f"[secret: {name}]".encode())
        return data.decode("utf-8", "surrogatepass")

    def clean(self, entry: Entry, line: bytes) -> tuple[Entry, str | None]:
        """The entry as it may be written, the same one if its line holds no secret; and what there is to be said."""
        if not self.may_tell(entry, line) or self.found(line) is None:
            return entry, None
        cleaned = replace(entry, event=self._cleaned(entry.event))
        return cleaned, _withheld(cleaned.event)

    def _cleaned(self, part: Any) -> Any:
        """The part of an event without secrets. Values stay: they were refused before, if they hold any."""
        if isinstance(part, str):
            cleaned = self.redact(part)
            return part if cleaned == part else cleaned
        if isinstance(part, tuple | list):
            return type(part)(map(self._cleaned, part))
        if isinstance(part, Items):  # only what is no value: those were refused before
            texts = {name: self._cleaned(getattr(part, name)) for name in ("reads", "outputs", "previews")}
            return replace(part, **texts)
        if isinstance(part, CallRecord) and part.reply and self.found(_said(part.reply)):
            part = replace(part, reply=replace(part.reply, text=WITHHELD, tool_calls=()), verdict=Verdict.INVALID)
        if isinstance(part, ToolEnded) and self.found(part.result.encode("utf-8", "replace")):
            part = replace(part, result=WITHHELD)
        if is_dataclass(part) and not isinstance(part, Stored | type):
            return replace(part, **{item.name: self._cleaned(getattr(part, item.name)) for item in fields(part)})
        return part

    def _look(self, environment: dict[Any, Any]) -> None:
        self._seen = environment
        named: dict[bytes, str] = {}
        for name, secret in os.environ.items():
            if is_named(name) and len(secret.encode("utf-8", "replace")) >= LEAST:
                named |= dict.fromkeys((*spellings(secret), os.fsencode(secret)), f"the value of ${name}")
        self._named = dict(sorted(named.items(), key=lambda item: -len(item[0])))
        self._needles = (*self._named, *(hint for hint, _, _ in SHAPES))


def _said(reply: Reply) -> bytes:
    """What of a reply must not be altered."""
    return "\n".join([reply.text, *(call.arguments for call in reply.tool_calls)]).encode("utf-8", "replace")


def _withheld(event: Event) -> str | None:
    """What is to be said of an event that could not be stored as it is."""
    if isinstance(event, ToolEnded) and event.result == WITHHELD:
        return f"the result of the tool {event.tool!r} holds a secret: it is not stored, and after a crash called again"
    if isinstance(event, CallEnded) and event.call.reply is not None and event.call.reply.text == WITHHELD:
        call_id = event.call.call_id
        return f"the reply to call {call_id} holds a secret: it is not stored and will be asked for again"
    return None
