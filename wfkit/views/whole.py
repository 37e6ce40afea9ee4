"""What all items of a sampled run would take, from what those of its sample took.

Pure arithmetic over the rows of a run. A part that is not known makes the sum unknown, never smaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wfkit.core.report import NodeRow
from wfkit.core.terms import NodeKind, TaskState

Taking = tuple[float | None, float | None]  # US dollars and seconds


@dataclass(frozen=True, slots=True)
class Taken:
    """How many items of a map a run took, of how many; `seed` is what picked them, None for the first ones."""

    node: str
    taken: int
    total: int
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """What all items would take in US dollars and in seconds from start to end; `taking` is the same of each map that
    would have more of them.

    `samples` are the maps that a sample was taken of, equal ones once. `asks`: money is spent at all. `measured`: an
    item has ended, so there is something to foretell from.
    """

    samples: tuple[Taken, ...]
    usd: float | None
    run_s: float | None
    asks: bool
    measured: bool
    taking: Mapping[str, Taking]


def whole(nodes: Sequence[NodeRow]) -> Whole | None:
    """What the sampled maps of a run, and the maps below them, would take with all items. None without a sample.

    `nodes` in order of the graph; what one needs may be left out. A map below a sample is taken to have more items in
    proportion. Nodes that are no maps are left out: they run once in either case.
    """
    if all(row.sample_of is None for row in nodes):
        return None
    growth: dict[str, float] = {}  # how many times as many items would come from a node
    ends: dict[str, float | None] = {}
    taking: dict[str, Taking] = {}
    for row in nodes:
        above = (
            growth.get(row.over, 1.0)
            if row.over is not None
            else max([growth.get(dep, 1) for dep in row.deps], default=1)
        )
        growth[row.name] = above * _own(row)
        before = [ends.get(dep, 0.0) for dep in row.deps]
        start = None if None in before else max([end for end in before if end is not None], default=0.0)
        if row.over is not None and growth[row.name] > 1:
            taking[row.name] = found = _taking(row, growth[row.name])
            start = None if start is None or found[1] is None else start + found[1]
        ends[row.name] = start
    samples = {
        (_tasks(row), row.sample_of, row.sample_seed): Taken(row.name, _tasks(row), row.sample_of, row.sample_seed)
        for row in reversed(nodes)
        if row.sample_of is not None and growth.get(row.over or "", 1.0) == 1
    }
    rows = [row for row in nodes if row.name in taking]
    lasting = [end for end in ends.values() if end is not None]
    return Whole(
        samples=tuple(reversed(samples.values())),
        usd=_sum([usd for usd, _ in taking.values()]),
        run_s=None if None in ends.values() else max(lasting, default=0.0),
        asks=any(row.kind == NodeKind.PROMPT or row.spent.calls or row.served or row.saved_usd for row in rows),
        measured=any(_ended(row) for row in rows),
        taking=taking,
    )


def _own(row: NodeRow) -> float:
    tasks = _tasks(row)
    return row.sample_of / tasks if row.sample_of is not None and tasks else 1.0


def _tasks(row: NodeRow) -> int:
    return sum(row.tasks.values())


def _ran(row: NodeRow) -> int:
    return row.tasks.get(TaskState.SUCCESS, 0) + row.tasks.get(TaskState.FAILED, 0)


def _ended(row: NodeRow) -> int:
    """Tasks of which is known what they took, now or when their cached value was made."""
    return _ran(row) + row.tasks.get(TaskState.CACHED, 0)


def _taking(row: NodeRow, growth: float) -> Taking:
    ended = _ended(row)
    if not ended:
        return None, None
    scale = _tasks(row) * growth / ended
    usd, seconds = _usd(row), _seconds(row)
    return None if usd is None else usd * scale, None if seconds is None else seconds * scale


def _usd(row: NodeRow) -> float | None:
    """Dollars of the tasks that ended, as if the call log had answered none of their questions."""
    spent = row.spent
    if spent.cost_usd is None or spent.unpriced or row.saved_usd is None or (row.served and not spent.calls):
        return None
    unserved = (spent.calls + row.served) / spent.calls if spent.calls else 1.0
    return float(spent.cost_usd) * unserved + float(row.saved_usd)


def _seconds(row: NodeRow) -> float | None:
    """Seconds of the tasks that ended, divided by how many were at work at once where that is known."""
    worked = row.work_s if _ran(row) else 0.0
    if worked is None or row.saved_s is None:
        return None
    lasted = row.run_s
    at_once = max(1.0, worked / lasted) if lasted else 1.0
    return (worked + row.saved_s) / at_once


def _sum(amounts: Sequence[float | None]) -> float | None:
    return None if None in amounts else sum(amount for amount in amounts if amount is not None)
