"""What a verification came to: one JSON object, the view of it, and its exit code.

Everything that is decided about the outcome is decided here, from the two standings and how the notebook ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from wfkit.core.standing import Standing
from wfkit.keys.explain import Change
from wfkit.verify.compare import BAD, Line, compare
from wfkit.verify.hidden import Cell, Ran, hints, missing_name, names_of
from wfkit.views import diff
from wfkit.views.verified import Verified, VerifiedRow

SKIPPED: Final = Verified("skipped", "")


@dataclass(frozen=True, slots=True)
class Ended:
    """How the fresh kernel ended: `error` None when every cell worked; seconds of the whole."""

    cells: int
    seconds: float
    error: str | None = None
    interrupted: bool = False


def verdict(
    here: Standing, fresh: Standing | None, ended: Ended, *, cells: Sequence[Cell], ran: Sequence[Ran], against: str
) -> dict[str, Any]:
    """The outcome as an object. `fresh` None: the kernel died or was stopped before it could tell."""
    lines = () if fresh is None else compare(here, fresh, ended=ended.error is None)
    error = ended.error or (fresh.fault if fresh is not None else "the fresh kernel told nothing")
    bad = next((line for line in lines if line.likeness in BAD), None)
    first, names, changes = _first(bad, error, here)
    status = "interrupted" if ended.interrupted else "failed" if error else "differs" if bad else "equal"
    return {
        "status": status,
        "against": against,
        "first": first,
        "changes": [asdict(change) for change in changes],
        "hints": hints(names, cells, ran) if first and not ended.interrupted else [],
        "nodes": [
            {"node": line.node, "likeness": str(line.likeness), "tasks": line.tasks, "text": line.text}
            for line in lines
        ],
        "error": error,
        "cells": ended.cells,
        "seconds": round(ended.seconds, 3),
    }


def _first(bad: Line | None, error: str | None, here: Standing) -> tuple[str | None, list[str], Sequence[Change]]:
    """The first difference in a sentence, the names behind it, and what changed. An error comes first: it stopped all
    that would have come after it."""
    if error is not None:
        name = missing_name(error)
        if here.fault is not None and here.fault in error:
            error += " (so it is in the live kernel, too)"
        return error, [name] if name else [], ()
    if bad is None:
        return None, [], ()
    names = [bad.node, *names_of(change.path for change in bad.changes)] if bad.changes else [bad.node]
    return f"{bad.node}: {bad.text}", list(reversed(names)), bad.changes


def view(found: Mapping[str, Any]) -> Verified:
    """The view of an outcome."""
    return Verified(
        status=found["status"],
        against=found["against"],
        rows=tuple(VerifiedRow(**row) for row in found["nodes"]),
        error=found["error"],
        first=found["first"],
        changes=tuple(diff.Change(**change) for change in found["changes"]),
        hints=tuple(found["hints"]),
        cells=found["cells"],
        seconds=found["seconds"],
    )
