"""A sentence with a table of plain cells: settings, checks, answers that have no picture of their own.

Cells are text; numbers are formatted before they come here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wfkit.views import columns, pieces
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.markup import Markup

if TYPE_CHECKING:
    import pandas as pd

_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Sheet(View):
    """`sentence` may be empty, and so may the table. Every row has a cell a head. `exit_code` is what a shell ends
    with."""

    sentence: str = ""
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    exit_code: int = 0

    def data(self) -> pd.DataFrame:
        """The rows as they are."""
        return frame(self.rows, self.heads)

    def fragment(self) -> Markup:
        """The sentence and the table; at most 200 rows."""
        cells = [[columns.cut(cell, 500) for cell in row] for row in self.rows[:_SHOWN]]
        table = pieces.table(self.heads, self._kinds(), cells) if cells else None
        return pieces.stack(pieces.say(self.sentence) if self.sentence else None, table, pieces.note(self._cut()))

    def text(self) -> str:
        """The sentence and the table within 80 columns; where a row is too long for that, a paragraph a row."""
        head = columns.wrap(self.sentence) if self.sentence else []
        align = "".join(">" if kind == "n" else "<" for kind in self._kinds())
        grid = columns.grid(self.heads, self.rows[:_SHOWN], align) if self.rows else []
        if any("…" in line for line in grid):
            grid = [line for row in self.rows[:_SHOWN] for line in _paragraph(row)]
        return "\n".join([*head, *grid, *([self._cut()] if self._cut() else [])])

    def _kinds(self) -> str:
        """Columns of numbers stand to the right, the last of text may wrap."""
        kinds = ["n" if self._is_number(at) else "-" for at in range(len(self.heads))]
        if kinds and kinds[-1] == "-":
            kinds[-1] = "w"
        return "".join(kinds)

    def _is_number(self, at: int) -> bool:
        cells = [row[at] for row in self.rows if row[at] is not None]
        return bool(cells) and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells)

    def _cut(self) -> str:
        return pieces.shown_of(min(_SHOWN, len(self.rows)), len(self.rows), "rows")


def _paragraph(row: tuple[object, ...]) -> list[str]:
    """`journals: error; what is wrong; what to do`, further lines indented."""
    first, *rest = [str(cell) for cell in row if cell not in (None, "")] or [""]
    head, *more = columns.wrap(f"{first}: {'; '.join(rest)}" if rest else first, columns.room() - 4)
    return [head, *(f"    {line}" for line in more)]
