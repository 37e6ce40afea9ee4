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

_SHOWN: Final = 12
_VERBS: Final[Mapping[str, str]] = {
    Reason.CACHED: "does not run",
    Reason.AWAITS: "cannot be known yet",
    Reason.UPSTREAM_FAILED: "waits",
    Reason.BRANCH_NOT_TAKEN: "does not run",
    Reason.KEPT_OLD_CODE: "does not run",
}
_STATES: Final[Mapping[str, TaskState]] = {
    Reason.CACHED: TaskState.CACHED,
    Reason.AWAITS: TaskState.PENDING,
    Reason.UPSTREAM_FAILED: TaskState.SKIPPED,
    Reason.BRANCH_NOT_TAKEN: TaskState.SKIPPED,
    Reason.KEPT_OLD_CODE: TaskState.CACHED,
}


@dataclass(frozen=True, slots=True)
class Why(View):
    """Why does this node run? `reasons` counts its tasks; `from_run`, `made_at` (Unix seconds) and `made_because` tell
    where, when and why a cached value was made; `changes` then are what was new there.
    """

    node: str
    reason: str
    reasons: Mapping[str, int] = field(default_factory=dict)
    detail: str = ""
    changes: tuple[Change, ...] = ()
    from_run: str | None = None
    made_at: float | None = None
    made_because: str | None = None
    item: int | None = None

    def data(self) -> pd.DataFrame:
        """A row a change: node, item, reason, detail, path, kind, diff, from_run; one row without path, kind and diff
        if nothing is known to have changed.
        """
        changes = self.changes or (Change("", ""),)
        records = [
            (self.node, self.item, self.reason, self.detail, change.path, change.kind, change.diff, self.from_run)
            for change in changes
        ]
        return frame(records, ["node", "item", "reason", "detail", "path", "kind", "diff", "from_run"])

    def fragment(self) -> Markup:
        """The reason in a sentence, then each change with its diff."""
        head = tag(
            "p",
            pieces.glyph(_state(self.reason)),
            " ",
            tag("b", pieces.code(columns.cut_middle(self._place(), 60))),
            f" {self.sentence()}",
            class_="wf-say",
        )
        detail = pieces.say(self._detail()) if self._detail() else None
        changes = [diff.fragment(change) for change in self.changes[:_SHOWN]]
        cut = pieces.note(pieces.shown_of(len(changes), len(self.changes), "changes"))
        return pieces.stack(head, detail, *changes, cut)

    def text(self) -> str:
        """The same, with the diff as it is."""
        lines = columns.wrap(f"{theme.GLYPHS[_state(self.reason)]} {self._place()} {self.sentence()}")
        lines += columns.wrap(self._detail(), indent="  ") if self._detail() else []
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
        return text + "."

    def origin(self) -> str:
        """`made by run 3f2a91c0 at 2026-11-21 07:31, where it ran because: prompt changed`; empty if not cached."""
        if not self.from_run:
            return ""
        text = f"made by run {tally.short(self.from_run)}"
        text += f" at {numbers.moment(self.made_at)}" if self.made_at is not None else ""
        return text + (f", where it ran because: {theme.words(self.made_because)}" if self.made_because else "")

    def _place(self) -> str:
        return self.node if self.item is None else f"{self.node}[{self.item}]"

    def _detail(self) -> str:
        text = "; ".join(part for part in (self.detail, self.origin()) if part)
        return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""


_IDLE: Final = frozenset({Reason.CACHED, Reason.AWAITS, Reason.UPSTREAM_FAILED})


def _state(reason: str) -> TaskState:
    return _STATES.get(reason, TaskState.RUNNING)
