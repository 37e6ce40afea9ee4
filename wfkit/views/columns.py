"""Plain text in columns: how wide characters are on a terminal, cutting, padding, bars, tables of 80 columns.

Knows nothing of what the text means.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from wfkit.views.markup import one_line, visible

WIDTH = 80
_LAST = 26  # the last column of text gives way first, down to this
_EIGHTHS = " ▏▎▍▌▋▊▉"


def width(text: str) -> int:
    """How many terminal columns the text takes: wide East Asian characters and emoji 2, combining marks 0."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def cut(text: object, columns: int) -> str:
    """One line of at most so many columns; what was cut shows as `…`."""
    line = one_line(text)
    if width(line) <= columns:
        return line
    kept, room = [], columns - 1
    for character in line:
        room -= _columns(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…" if columns > 0 else ""


def fit(text: object, columns: int, align: str = "<") -> str:
    """`cut` and padded to exactly so many columns; `align` is `<` or `>`."""
    line = cut(text, columns)
    gap = " " * (columns - width(line))
    return gap + line if align == ">" else line + gap


def bar(share: float, columns: int) -> str:
    """A horizontal bar of block characters for a share from 0 to 1; a share above 0 is never invisible."""
    eighths = round(max(0.0, min(1.0, share)) * columns * 8)
    if share > 0:
        eighths = max(1, eighths)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(columns)


def grid(heads: Sequence[str], rows: Iterable[Sequence[object]], align: str, *, columns: int = WIDTH) -> list[str]:
    """Lines of a table within so many columns. `align` has a `<` or `>` a column; where room is short the last
    and then the widest left-aligned columns give way. Empty columns are left out.
    """
    table = [[one_line(cell) for cell in row] for row in rows]
    lines = [list(heads), *table] if any(heads) else table
    sizes = [max((width(line[n]) for line in lines), default=0) for n in range(len(align))]
    flexible = [n for n, side in enumerate(align) if side == "<"] or list(range(len(align)))
    excess = sum(sizes) + 2 * (sum(size > 0 for size in sizes) - 1) - columns
    while excess > 0:
        last = flexible[-1]
        widest = last if sizes[last] > _LAST else max(flexible, key=lambda n: sizes[n])
        if sizes[widest] <= 6:
            break
        taken = min(excess, max(1, sizes[widest] // 8))
        sizes[widest] -= taken
        excess -= taken
    used = [n for n, size in enumerate(sizes) if size > 0]
    shown = ("  ".join(fit(line[n], sizes[n], align[n]) for n in used) for line in lines)
    return [cut_end(line, columns) for line in shown]


def cut_end(line: str, columns: int = WIDTH) -> str:
    """The line without blanks at its end and within so many columns; inner blanks stay."""
    line = visible(line).rstrip()
    if width(line) <= columns:
        return line
    while width(line) > columns - 1:
        line = line[:-1]
    return line + "…"


def cut_start(text: object, columns: int) -> str:
    """The end of one line, in at most so many columns; what was cut shows as `…`."""
    line = one_line(text)
    if width(line) <= columns:
        return line
    while width(line) > columns - 1:
        line = line[1:]
    return f"…{line}"


def wrap(text: object, columns: int = WIDTH, indent: str = "") -> list[str]:
    """Words of a paragraph in lines of at most so many columns; a word that is longer is cut."""
    lines: list[str] = []
    current = ""
    for word in one_line(text).split(" "):
        candidate = f"{current} {word}" if current else word
        if current and width(indent + candidate) > columns:
            lines.append(indent + current)
            candidate = word
        current = candidate
    return [cut_end(line, columns) for line in [*lines, indent + current]]
