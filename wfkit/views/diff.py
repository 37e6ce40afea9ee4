"""A change of a definition or a value: where it is, what happened to it, and a unified diff, drawn alike everywhere.

Text only: a diff is no chart. Lines that went and came differ by sign as well as by colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wfkit.views import columns, pieces, theme
from wfkit.views.markup import Markup, join, tag, visible

_LINES: Final = 40


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed: `path` leads to it (`label → helper clean → LIMIT`), `kind` says what happened to it,
    `diff` is unified.
    """

    path: str
    kind: str
    diff: str = ""


def fragment(change: Change) -> Markup:
    """The change as HTML; at most 40 lines of its diff."""
    head = tag("p", pieces.code(change.path), " ", pieces.muted(theme.words(change.kind)), class_="wf-say")
    shown, left = _cut(change.diff)
    body = tag("pre", *map(_line, shown)) if shown else None
    return pieces.stack(head, body, pieces.note(left))


def lines(change: Change) -> list[str]:
    """The change as lines of plain text."""
    shown, left = _cut(change.diff)
    body = [columns.cut_end(f"    {line}") for line in shown]
    return [
        *columns.wrap(f"{change.path} {theme.words(change.kind)}", indent="  "),
        *body,
        *([f"    {left}"] if left else []),
    ]


def _cut(diff: str) -> tuple[list[str], str]:
    found = visible(diff).split("\n") if diff else []
    return found[:_LINES], pieces.shown_of(min(_LINES, len(found)), len(found), "lines")


def _line(line: str) -> Markup:
    """A line of a diff; its ends of line are those of the elements, or `\\n`."""
    if line.startswith("+") and not line.startswith("+++"):
        return tag("ins", line or " ")
    if line.startswith("-") and not line.startswith("---"):
        return tag("del", line or " ")
    return tag("span", join(line, "\n"), class_="wf-muted" if line.startswith(("@@", "---", "+++")) else None)
