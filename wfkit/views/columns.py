"""Plain text in columns: how wide characters are on a terminal, cutting, padding, bars, tables of 80 columns.

A terminal of another width says so with `within`. Knows nothing of what the text means.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from wfkit.views.markup import one_line, visible

WIDTH = 80
_NARROWEST, _WIDEST = 40, 140  # beyond that a line is hard to follow
_LAST = 26  # the last column of text gives way first, down to this
_EIGHTHS = " ▏▎▍▌▋▊▉"
_room = ContextVar("_room", default=WIDTH)


@contextmanager
def within(columns: int) -> Iterator[None]:
    """What is laid out inside is for a terminal of so many columns."""
    token = _room.set(min(max(columns, _NARROWEST), _WIDEST))
    try:
        yield
    finally:
        _room.reset(token)


def room() -> int:
    """How many columns a line may take."""
    return _room.get()


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
    return _first(line, columns - 1).rstrip() + "…" if columns > 0 else ""


def _first(text: str, columns: int) -> str:
    """As much of the text, from its beginning on, as so many columns take. One pass, however long it is."""
    for at, character in enumerate(text):
        columns -= _columns(character)
        if columns < 0:
            return text[:at]
    return text


def cut_middle(text: object, columns: int) -> str:
    """The beginning and the end of one line, in at most so many columns, with `…` between them: names of nodes often
    differ at their ends."""
    line = one_line(text)
    if width(line) <= columns:
        return line
    first, last = cut(line, columns - columns // 2), cut_start(line, columns // 2 + 1)
    return first.removesuffix("…") + "…" + last.removeprefix("…") if columns > 2 else cut(line, columns)


def cut_names(names: Sequence[str], columns: int) -> list[str]:
    """Each name cut in its middle; of those that would then look alike, the part in which they differ is kept."""
    cuts = [cut_middle(name, columns) for name in names]
    seen: dict[str, set[str]] = {}
    for name, short in zip(names, cuts, strict=True):
        seen.setdefault(short, set()).add(name)
    alike = [seen[short] for short in cuts]
    return [
        short if len(same) == 1 else _apart(name, same, columns)
        for name, short, same in zip(names, cuts, alike, strict=True)
    ]


def _apart(name: str, alike: set[str], columns: int) -> str:
    """The beginning of a name, then what tells it from those that begin alike."""
    head = cut(name, max(2, columns // 4))
    letters = enumerate(zip(*alike, strict=False))
    shared = next((at for at, these in letters if len(set(these)) > 1), min(map(len, alike)))
    return head + cut(name[shared:], columns - width(head))


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


def grid(
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    align: str,
    *,
    columns: int | None = None,
    whole: int | None = None,
) -> list[str]:
    """Lines of a table within so many columns. `align` has a `<` or `>` a column; where space is short the last
    and then the widest left-aligned columns give way. Empty columns are left out. The first column names the row: it is
    cut as names are. A cell of the column `whole` is never cut: one that is too long has a line of its own.
    """
    columns = room() if columns is None else columns
    table = [[one_line(cell) for cell in row] for row in rows]
    lines = [list(heads), *table] if any(heads) else table
    gap = "  " if columns >= WIDTH else " "
    sizes = _sizes(lines, align, columns, len(gap))
    used = [n for n, size in enumerate(sizes) if size > 0]
    names = cut_names([line[0] for line in lines], sizes[0])
    shown: list[str] = []
    for name, line in zip(names, lines, strict=True):
        rest = [name, *line[1:]]
        if whole in used and width(line[whole]) > sizes[whole]:
            before = [fit(rest[n], sizes[n], align[n]) for n in used if n < whole]
            shown.append(gap.join([*before, line[whole]]))
            rest = ["" if n <= whole else cell for n, cell in enumerate(line)]
        shown.append(cut_end(gap.join(fit(rest[n], sizes[n], align[n]) for n in used), columns))
    return shown


def _sizes(lines: Sequence[Sequence[str]], align: str, columns: int, gap: int) -> list[int]:
    """How wide each column becomes."""
    sizes = [max((width(line[n]) for line in lines), default=0) for n in range(len(align))]
    flexible = [n for n, side in enumerate(align) if side == "<"] or list(range(len(align)))
    excess = sum(sizes) + gap * (sum(size > 0 for size in sizes) - 1) - columns
    while excess > 0:
        last = flexible[-1]
        widest = last if sizes[last] > _LAST else max(flexible, key=lambda n: sizes[n])
        if sizes[widest] <= 6:
            break
        taken = min(excess, max(1, sizes[widest] // 8))
        sizes[widest] -= taken
        excess -= taken
    return sizes


def cut_end(line: str, columns: int | None = None) -> str:
    """The line without blanks at its end and within so many columns; inner blanks stay."""
    columns = room() if columns is None else columns
    line = visible(line).rstrip()
    if width(line) <= columns:
        return line
    return _first(line, columns - 1) + "…"


def cut_start(text: object, columns: int) -> str:
    """The end of one line, in at most so many columns; what was cut shows as `…`."""
    line = one_line(text)
    if width(line) <= columns:
        return line
    return "…" + _first(line[::-1], columns - 1)[::-1]


def wrap(text: object, columns: int | None = None, indent: str = "") -> list[str]:
    """Words of a paragraph in lines of at most so many columns; a word that is longer is cut."""
    columns = room() if columns is None else columns
    lines: list[str] = []
    current = ""
    for word in one_line(text).split(" "):
        candidate = f"{current} {word}" if current else word
        if current and width(indent + candidate) > columns:
            lines.append(indent + current)
            candidate = word
        current = candidate
    return [cut_end(line, columns) for line in [*lines, indent + current]]
