"""Why a node runs or not: the reason, the path to what changed, and the change itself as a unified diff.

Text only: a diff is no chart. Lines that went and came differ by sign as well as by colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wfkit.core.terms import Reason, TaskState
from wfkit.views import columns, diff, numbers, pieces, tally, theme
from wfkit.views.bundle import View
from wfkit.views.diff import Change
from wfkit.views.frames import frame
from wfkit.views.markup import Markup, tag

if TYPE_CHECKING:
    import pandas as pd

_SHOWN: Final = 50
_VERBS: Final[Mapping[str, str]] = {Reason.CACHED: "does not run", Reason.AWAITS: "cannot be known yet"}
_STATES: Final[Mapping[str, TaskState]] = {
    Reason.CACHED: TaskState.CACHED,
    Reason.AWAITS: TaskState.PENDING,
    Reason.UPSTREAM_FAILED: TaskState.SKIPPED,
}


@dataclass(frozen=True, slots=True)
class Why(View):
    """Why does this node run? `reasons` counts its tasks; `from_run` is where a cached value was made."""

    node: str
    reason: str
    reasons: Mapping[str, int] = field(default_factory=dict)
    detail: str = ""
    changes: tuple[Change, ...] = ()
    from_run: str | None = None

    def data(self) -> pd.DataFrame:
        """A row a change: node, reason, path, kind, diff; one row without them if nothing is known to have changed."""
        changes = self.changes or (Change("", ""),)
        records = [(self.node, self.reason, change.path, change.kind, change.diff) for change in changes]
        return frame(records, ["node", "reason", "path", "kind", "diff"])

    def fragment(self) -> Markup:
        """The reason in a sentence, then each change with its diff."""
        head = tag(
            "p",
            pieces.glyph(_state(self.reason)),
            " ",
            tag("b", pieces.code(self.node)),
            f" {self.sentence()}",
            class_="wf-say",
        )
        detail = pieces.say(self.detail) if self.detail else None
        changes = [diff.fragment(change) for change in self.changes[:_SHOWN]]
        cut = pieces.note(pieces.shown_of(len(changes), len(self.changes), "changes"))
        return pieces.stack(head, detail, *changes, cut)

    def text(self) -> str:
        """The same, with the diff as it is."""
        lines = columns.wrap(f"{theme.GLYPHS[_state(self.reason)]} {self.node} {self.sentence()}")
        lines += columns.wrap(self.detail, indent="  ") if self.detail else []
        for change in self.changes[:_SHOWN]:
            lines += ["", *diff.lines(change)]
        cut = pieces.shown_of(min(_SHOWN, len(self.changes)), len(self.changes), "changes")
        return "\n".join([*lines, *([cut] if cut else [])])

    def sentence(self) -> str:
        """`runs: prompt changed (188 of 5,000 tasks; cached 4,632, awaits 180).`"""
        text = f"{_VERBS.get(self.reason, 'runs')}: {theme.words(self.reason)}"
        if len(self.reasons) == 1 and self.reasons.get(self.reason, 0) > 1:
            text += f" ({numbers.plural(self.reasons[self.reason], 'task')})"
        elif sum(self.reasons.values()) > 1:
            ranked = sorted(self.reasons.items(), key=lambda pair: (pair[0] in _IDLE, -pair[1], pair[0]))
            text += f" ({', '.join(f'{theme.words(reason)} {numbers.count(tasks)}' for reason, tasks in ranked)})"
        return text + (f", made by run {tally.short(self.from_run)}." if self.from_run else ".")


_IDLE: Final = frozenset({Reason.CACHED, Reason.AWAITS})


def _state(reason: str) -> TaskState:
    return _STATES.get(reason, TaskState.RUNNING)
