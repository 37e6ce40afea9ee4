"""Hidden state: what a live kernel ran beside what the notebook's file says, and which of it explains a difference.

Pure functions over sources. `%` lines and shell lines bind nothing, `%%wf_node NAME` binds its name.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_NAME_ERROR: Final = re.compile(r"name '(\w+)' is not defined|[\"'](\w+)[\"'], which is neither a node nor a variable")
_NODE: Final = re.compile(r"%%wf_node\s+(\w+)")
_WORD: Final = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Ran:
    """A cell as the live kernel ran it. `at` (Unix seconds) and `cell_id` are None where the front end tells none."""

    count: int
    source: str
    at: float | None = None
    cell_id: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell of the file, `number` from 1; `count` is the execution count that was saved with it."""

    number: int
    source: str
    count: int | None = None
    cell_id: str | None = None


def bound(source: str) -> frozenset[str]:
    """The names that a cell binds at its top level, as far as its text tells."""
    if node := _NODE.match(source):
        return frozenset({node[1]})
    lines = ["" if line.lstrip().startswith(("%", "!", "?")) else line for line in source.splitlines()]
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    return frozenset(name for statement in tree.body for name in _names(statement))


def _names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]


def missing_name(error: str | None) -> str | None:
    """The name that an error says is not there."""
    found = _NAME_ERROR.search(error or "")
    return (found[1] or found[2]) if found else None


def names_of(paths: Iterable[str]) -> list[str]:
    """The names at the ends of paths such as `label → helper clean → LIMIT`."""
    words = [_WORD.findall(path.rpartition("→")[2]) for path in paths]
    return list(dict.fromkeys(found[-1] for found in words if found))


def unsaved(cells: Sequence[Cell], ran: Sequence[Ran], saved_at: float) -> list[Ran]:
    """Cells that ran after the file was saved and that the file does not have like this: it is older than what is on
    the screen."""
    known = {cell.source for cell in cells}
    return [each for each in ran if each.at is not None and each.at > saved_at and each.source.strip() not in known]


def hints(names: Sequence[str], cells: Sequence[Cell], ran: Sequence[Ran]) -> list[str]:
    """Why these names may differ in a fresh kernel; without a reason for one of them, whether the order is another."""
    found = [hint for name in names if (hint := _hint(name, cells, ran))]
    if found:
        return list(dict.fromkeys(found))
    order = _order(cells, ran)
    return [order] if order else []


def _hint(name: str, cells: Sequence[Cell], ran: Sequence[Ran]) -> str:
    """Why one name may have another value there than here."""
    here = next((each for each in reversed(ran) if name in bound(each.source)), None)
    binding = [cell for cell in cells if name in bound(cell.source)]
    if here is None:
        unrun = [cell for cell in binding if ran]
        return f"cell {unrun[-1].number} defines `{name}` and has not run here" if unrun else ""
    if not binding:
        return f"`{name}` is known to the live kernel only: In [{here.count}] defined it, and no cell does any more"
    last = binding[-1]
    if here.source.strip() == last.source:
        return ""
    other = next((cell for cell in binding if cell.source == here.source.strip()), None)
    if other is not None:
        return f"another order: cell {other.number} ran here after cell {last.number}, and both define `{name}`"
    return f"cell {last.number}, which defines `{name}`, was edited after it ran here as In [{here.count}]"


def _order(cells: Sequence[Cell], ran: Sequence[Ran]) -> str:
    """The first two cells that ran in another order than they stand; by the saved counts if no live kernel tells.

    A live kernel knows texts only: which of several equal cells ran (`%wf run`), nobody knows, so they say nothing.
    """
    newest = {each.source.strip(): each.count for each in ran}
    stands = Counter(cell.source for cell in cells)
    counts = [
        (cell.number, (newest.get(cell.source) if stands[cell.source] == 1 else None) if ran else cell.count)
        for cell in cells
    ]
    done = [(number, count) for number, count in counts if count is not None]
    for (left, before), (right, after) in pairwise(done):
        if before > after:
            return f"another order: cell {left} ran as [{before}], after cell {right}, which ran as [{after}]"
    return ""
