"""Does a fresh kernel give the same? A verdict, a line a node, and the first difference in full.

Rows come compared; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wfkit.core.terms import TaskState
from wfkit.views import columns, diff, numbers, pieces, theme
from wfkit.views.bundle import View
from wfkit.views.diff import Change
from wfkit.views.frames import frame
from wfkit.views.markup import Markup, tag

if TYPE_CHECKING:
    import pandas as pd

_LISTED: Final = 200
_CHANGES: Final = 5
_STATES: Final[Mapping[str, TaskState]] = {
    "equal": TaskState.SUCCESS,
    "differs": TaskState.FAILED,
    "absent": TaskState.FAILED,
    "new": TaskState.FAILED,
    "follows": TaskState.SKIPPED,
    "not reached": TaskState.PENDING,
    "unknown": TaskState.RETRYING,
}


@dataclass(frozen=True, slots=True)
class VerifiedRow:
    """One node; `likeness` is equal, differs, absent, new, follows, not reached or unknown."""

    node: str
    likeness: str
    tasks: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Verified(View):
    """`status` is equal, differs, failed, interrupted or skipped; `against` names what the fresh kernel was held
    against.

    `error` is how the notebook ended if it did not end well, `first` the first difference, `changes` what changed
    there, `hints` why, as far as the cells tell. `cells` were executed in `seconds`.
    """

    status: str
    against: str
    rows: tuple[VerifiedRow, ...] = ()
    error: str | None = None
    first: str | None = None
    changes: tuple[Change, ...] = ()
    hints: tuple[str, ...] = ()
    cells: int = 0
    seconds: float | None = None

    @property
    def exit_code(self) -> int:
        """What a shell ends with: 0 equal, 1 not, 130 interrupted."""
        return {"equal": 0, "skipped": 0, "interrupted": 130}.get(self.status, 1)

    def data(self) -> pd.DataFrame:
        """A row a node: node, likeness, tasks, text."""
        return frame([(row.node, row.likeness, row.tasks, row.text) for row in self.rows], _HEADS)

    def fragment(self) -> Markup:
        """The verdict, a table of the nodes, and the first difference with its diff."""
        mark = pieces.glyph(_verdict(self.status))
        head = tag("p", mark, " ", tag("b", self.status), f": {self.sentence()}", class_="wf-say")
        rows = [
            (pieces.glyph(_STATES.get(row.likeness, TaskState.PENDING)), pieces.code(columns.cut_middle(row.node, 48)),
             row.likeness, numbers.count(row.tasks), columns.cut(row.text, 300))
            for row in self.rows[:_LISTED]
        ]  # fmt: skip
        table = pieces.table(("", "node", "is", "tasks", "what"), "---nw", rows) if rows else None
        cut = pieces.note(pieces.shown_of(len(rows), len(self.rows), "nodes"))
        return pieces.stack(head, table, cut, *self._difference())

    def _difference(self) -> list[Markup | None]:
        if self.first is None:
            return []
        told = tag("p", tag("b", "first difference: "), self.first, class_="wf-say")
        changes = [diff.fragment(change) for change in self.changes[:_CHANGES]]
        left = pieces.note(pieces.shown_of(len(changes), len(self.changes), "changes"))
        return [told, *changes, left, *(pieces.say(hint) for hint in self.hints)]

    def text(self) -> str:
        """The same in 80 columns."""
        lines = columns.wrap(f"{theme.GLYPHS[_verdict(self.status)]} {self.status}: {self.sentence()}")
        shown = self.rows[:_LISTED]
        cells = [(f"{theme.GLYPHS[_STATES[row.likeness]]} {row.node}", row.tasks or "", row.text) for row in shown]
        lines += columns.grid(["", "", ""], cells, "<><")
        cut = pieces.shown_of(len(shown), len(self.rows), "nodes")
        lines += [cut] if cut else []
        if self.first is not None:
            lines += ["", *columns.wrap(f"first difference: {self.first}")]
            lines += [line for change in self.changes[:_CHANGES] for line in diff.lines(change)]
            lines += [line for hint in self.hints for line in columns.wrap(hint, indent="  ")]
        return "\n".join(lines)

    def sentence(self) -> str:
        """`2 of 5 nodes are not what they are in the live kernel (9 cells, 4.2 s).`"""
        if self.status == "skipped":
            return "this kernel is itself the fresh one of a verification"
        many = [row for row in self.rows if row.likeness in {"differs", "absent", "new", "follows"}]
        same = sum(row.likeness == "equal" for row in self.rows)
        unknown = sum(row.likeness in {"unknown", "not reached"} for row in self.rows)
        took = f"{numbers.plural(self.cells, 'cell')}, {numbers.seconds(self.seconds)}"
        if self.error is not None:
            told = f"the notebook does not run to its end in a fresh kernel ({took})"
        elif many:
            told = f"{_of(len(many), len(self.rows))} not what {'it is' if len(many) == 1 else 'they are'} in"
            told = f"{told} {self.against} ({took})"
        else:
            told = f"a fresh kernel gives the same as {self.against}, {numbers.plural(same, 'node')} ({took})"
        return f"{told}; {numbers.count(unknown)} could not be compared" if unknown else told


_HEADS: Final = ("node", "likeness", "tasks", "text")


def _of(some: int, all_: int) -> str:
    return f"{numbers.count(some)} of {numbers.plural(all_, 'node')} {'is' if some == 1 else 'are'}"


def _verdict(status: str) -> TaskState:
    if status in {"equal", "skipped"}:
        return TaskState.SUCCESS
    return TaskState.CANCELLED if status == "interrupted" else TaskState.FAILED
