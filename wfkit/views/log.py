"""What bodies printed and displayed, task by task, and how they failed.

Output is data: text is escaped, images are shown only if they are PNG or JPEG, and HTML that a body displayed is
shown as its source.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wfkit.core.result import Output
from wfkit.views import columns, numbers, pieces, theme
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.markup import Markup, tag, visible

if TYPE_CHECKING:
    import pandas as pd

_ENTRIES: Final = 100
_LONG: Final = 20_000
_IMAGES: Final = frozenset({"image/png", "image/jpeg"})
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=\s]+")
_ANSI: Final = re.compile("\x1b\\[[0-9;:]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """The output of one task; `error` is its traceback or message if it failed. `item` is None for a node that is not
    mapped.
    """

    node: str
    item: int | None
    state: str
    outputs: tuple[Output, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Log(View):
    """What did the bodies say?"""

    entries: tuple[LogEntry, ...]

    def data(self) -> pd.DataFrame:
        """A row an output: node, item, state, stream, mime, data; an error is the stream `error`."""
        records = [
            (entry.node, entry.item, entry.state, output.stream, output.mime, output.data)
            for entry in self.entries
            for output in (*entry.outputs, *_error(entry))
        ]
        return frame(records, ["node", "item", "state", "stream", "mime", "data"])

    def fragment(self) -> Markup:
        """The tasks that said something or failed, each with its output."""
        told = _told(self.entries)
        parts = [_entry(entries) for entries in told[:_ENTRIES]]
        return pieces.stack(None if told else pieces.say(_silent(self.entries)), *parts, pieces.note(_cut(told)))

    def text(self) -> str:
        """The same as plain text; lines are not cut."""
        told = _told(self.entries)
        lines = [] if told else [_silent(self.entries)]
        for entries in told[:_ENTRIES]:
            entry = entries[0]
            lines.append(
                f"{theme.GLYPHS.get(entry.state, 'o')} {columns.cut_middle(_place(entries), columns.room() - 4)}"
            )
            lines += [f"  {line}" for output in (*entry.outputs, *_error(entry)) for line in _text_lines(output)]
        return "\n".join([*lines, *([_cut(told)] if _cut(told) else [])])


def _error(entry: LogEntry) -> tuple[Output, ...]:
    return (Output("error", "text/plain", entry.error),) if entry.error else ()


def _told(entries: Sequence[LogEntry]) -> list[list[LogEntry]]:
    """The tasks that said something; those that said the same stand together."""
    alike: dict[object, list[LogEntry]] = {}
    for entry in entries:
        if entry.outputs or entry.error:
            alike.setdefault((entry.node, entry.state, entry.outputs, entry.error), []).append(entry)
    return list(alike.values())


def _silent(entries: Sequence[LogEntry]) -> str:
    names = {entry.node for entry in entries}
    who = columns.cut_middle(next(iter(names)), 48) if len(names) == 1 else numbers.plural(len(names), "node")
    return f"{who} printed nothing in {numbers.plural(len(entries), 'task')}." if entries else "There is no output."


def _cut(told: Sequence[Sequence[LogEntry]]) -> str:
    shown, whole = sum(map(len, told[:_ENTRIES])), sum(map(len, told))
    return pieces.shown_of(shown, whole, "tasks", "ask for one item to see its output")


def _place(entries: Sequence[LogEntry]) -> str:
    """`double[3]`, or `double[3] and 36 other items` if they said the same."""
    first = entries[0]
    place = first.node if first.item is None else f"{first.node}[{first.item}]"
    return place if len(entries) == 1 else f"{place} and {numbers.plural(len(entries) - 1, 'other item')}"


def _entry(entries: Sequence[LogEntry]) -> Markup:
    entry = entries[0]
    head = tag("p", pieces.glyph(entry.state), " ", tag("b", pieces.code(_place(entries))), " ",
    pieces.muted(theme.word(entry.state)),
               class_="wf-say")  # fmt: skip
    return tag("div", head, *(_output(output) for output in (*entry.outputs, *_error(entry))))


def _output(output: Output) -> Markup:
    if output.mime in _IMAGES and output.data.strip() and _BASE64.fullmatch(output.data):
        source = f"data:{output.mime};base64,{''.join(output.data.split())}"
        return tag("img", src=source, alt=f"{output.mime} that the body displayed")
    if output.mime not in {"text/plain", ""}:
        return pieces.folded(f"{output.mime}, {numbers.plural(len(output.data), 'character')}", _pre(output.data))
    return _pre(output.data)


def _pre(text: str) -> Markup:
    plain = _ANSI.sub("", text)
    cut = pieces.note(pieces.shown_of(_LONG, len(plain), "characters")) if len(plain) > _LONG else None
    return pieces.stack(tag("pre", plain[:_LONG]), cut)


def _text_lines(output: Output) -> list[str]:
    if output.mime not in {"text/plain", ""}:
        return [f"[{output.mime}, {numbers.plural(len(output.data), 'character')}]"]
    return visible(_ANSI.sub("", output.data[:_LONG])).rstrip("\n").split("\n")
