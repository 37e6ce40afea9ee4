"""What rows amount to, in words: counts of a node, its cost as shown, the sentence that sums up a run.

The same words in text, HTML and figures. Nothing is laid out here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from wfkit.core.report import CellsRow, NodeRow, RunReport, RunRow
from wfkit.core.result import Spent
from wfkit.core.terms import DONE_WELL, ENDED, NodeKind, RunState, TaskState
from wfkit.views import numbers, theme

_UNDER_WAY: Final = (TaskState.RUNNING, TaskState.RETRYING, TaskState.QUEUED)
_SAID: Final[Mapping[str, str]] = {
    RunState.RUNNING: "is running",
    RunState.SUCCESS: "is done",
    RunState.FAILED: "failed",
    RunState.PARTIAL: "is done, with failed items",
    RunState.WAITING_REVIEW: "waits for a review",
    RunState.BUDGET_STOPPED: "was stopped by its budget",
    RunState.INTERRUPTED: "was interrupted",
    RunState.CANCELLED: "was cancelled",
}


def total(tasks: Mapping[str, int]) -> int:
    """How many tasks there are."""
    return sum(tasks.values())


def ended(tasks: Mapping[str, int]) -> int:
    """How many tasks have ended, well or not."""
    return sum(tasks.get(state, 0) for state in ENDED)


def went_well(tasks: Mapping[str, int]) -> bool:
    """Whether there are tasks and all have a value."""
    return total(tasks) > 0 and sum(tasks.get(state, 0) for state in DONE_WELL) == total(tasks)


def counter(row: NodeRow) -> str:
    """`4,812/5,000` for a mapped node whose items are known, `5,000` when all ended by themselves, else empty."""
    if not row.mapped or not row.tasks:
        return ""
    if not row.reasons:  # no item was ever decided: they are not known yet, or there are none
        return "0" if went_well(row.tasks) else ""
    done, all_of_them = ended(row.tasks) - row.tasks.get(TaskState.CANCELLED, 0), total(row.tasks)
    return numbers.count(done) if done == all_of_them else f"{numbers.count(done)}/{numbers.count(all_of_them)}"


def cost(spent: Spent) -> str:
    """The money of some calls: `~` if a part is estimated, `≥` if calls without a known price come on top, `?` if
    nothing is known.
    """
    return numbers.money(spent.cost_usd, estimated=spent.estimated > 0, at_least=spent.unpriced > 0)


def node_cost(row: NodeRow) -> str:
    """`cost` of a node; empty for one that asked no model and is none that would."""
    asks = row.kind == NodeKind.PROMPT or row.spent.calls > 0
    return cost(row.spent) if asks and row.tasks else ""


def node_time(row: NodeRow, now: float | None = None) -> str:
    """The seconds from the first start of a node to its last end, or to `now` while it works; empty if it did not."""
    if row.started_at is None:
        return ""
    works = any(row.tasks.get(state) for state in _UNDER_WAY)
    return numbers.seconds(row.lasted_s(now) if works and now is not None else row.run_s)


def node_work(row: NodeRow) -> str:
    """The seconds of all tasks of a node together; empty unless several may have worked at once."""
    return numbers.seconds(row.work_s) if row.mapped and row.work_s and total(row.tasks) > 1 else ""


_LEAST_S: Final = 0.001  # less work than this is not worth a word


def saved(usd: Decimal | None, s: float | None, between: str = " and ", work: str = " of work") -> str:
    """What the cache made unnecessary, `$1.84 and 6 m 12 s of work` (seconds of its tasks together); empty if
    nothing to speak of."""
    parts = [
        numbers.money(usd) if usd or usd is None else "",
        numbers.UNKNOWN if s is None else f"{numbers.seconds(s)}{work}" if s >= _LEAST_S else "",
    ]
    known = [part for part in parts if part and part != numbers.UNKNOWN]
    return between.join(known) if known else numbers.UNKNOWN if any(parts) else ""


def reasons(row: NodeRow) -> str:
    """Why the tasks ran or not, most frequent first: `prompt changed 12, cached 4,800`."""
    ranked = sorted(row.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    if len(ranked) == 1:
        return theme.words(ranked[0][0])
    return ", ".join(f"{theme.words(reason)} {numbers.count(times)}" for reason, times in ranked)


def states(tasks: Mapping[str, int]) -> str:
    """Counts by state in the order of a stacked bar: `4,812 done, 12 failed, 176 pending`."""
    order = [*theme.STACK, TaskState.QUEUED, TaskState.PENDING]
    return ", ".join(f"{numbers.count(tasks[state])} {theme.word(state)}" for state in order if tasks.get(state))


def elapsed_s(run: RunRow, now: float | None = None) -> float | None:
    """Seconds from start to end, or to `now` while there is no end, pauses left out; None if neither is known."""
    end = run.ended_at if run.ended_at is not None else now
    return None if end is None else max(0.0, end - run.started_at - run.paused_s)


def said(status: str) -> str:
    """The outcome of a run as a verb: `is done`, `failed`."""
    return _SAID.get(status, f"is {theme.words(status)}")


def short(run_id: str) -> str:
    """Enough of a run's id to find it by."""
    return run_id[:8]


def sentence(report: RunReport, now: float | None = None) -> str:
    """One sentence (or two) that says what a run did; the same numbers as in every view of it."""
    run, nodes = report.run, report.nodes
    if not nodes:
        return f"Run {short(run.run_id)} {said(run.status)}: it has no nodes."
    well = sum(went_well(row.tasks) for row in nodes)
    parts = [f"{numbers.count(well)} of {numbers.plural(len(nodes), 'node')} done"]
    parts += [states(run.tasks)] if run.tasks else []
    lasted = elapsed_s(run, now)
    first = f"Run {short(run.run_id)} {said(run.status)}: {parts[0]}" + (f" ({parts[1]})" if len(parts) > 1 else "")
    return f"{first}{'' if lasted is None else ' in ' + numbers.seconds(lasted)}. {money_sentence(run)}"


def money_sentence(run: RunRow) -> str:
    """What was billed, what is not known about it, and what the cache saved."""
    spent = run.spent
    if spent.calls:
        text = f"{cost(spent)} billed for {numbers.plural(spent.calls, 'model call')}"
    else:
        text = "No model call was made"
    doubts = [f"{numbers.count(spent.unpriced)} unpriced"] if spent.unpriced else []
    doubts += [f"{numbers.count(spent.estimated)} estimated"] if spent.estimated else []
    text += f" ({', '.join(doubts)})" if doubts else ""
    spared = saved(run.saved_usd, run.saved_s)
    text += f"; the cache saved {spared}" if spared else ""
    wasted = numbers.money(run.wasted_usd) if run.wasted_usd else ""
    text += f"; {wasted} went into failed attempts" if wasted else ""
    return f"{text}; {possibly(spent)}." if spent.unanswered else f"{text}."


def possibly(spent: Spent) -> str:
    """What may be on the bill besides: `2 calls without a reply may be billed too, at most $0.04`; empty if nothing."""
    if not spent.unanswered:
        return ""
    most = "nobody knows how much" if spent.unanswered_usd is None else f"at most {numbers.money(spent.unanswered_usd)}"
    return f"{numbers.plural(spent.unanswered, 'call')} without a reply may be billed too, {most}"


CELLS: Final = "plain cells"  # a name that no node can have


def cells_sentence(cells: CellsRow) -> str:
    """What plain cells asked: `Plain cells asked besides, in no run: $0.0042 billed for 3 model calls.`"""
    spent = cells.spent
    text = f"{cost(spent)} billed for {numbers.plural(spent.calls, 'model call')}"
    doubts = [f"{numbers.count(spent.unpriced)} unpriced"] if spent.unpriced else []
    doubts += [f"{numbers.count(spent.estimated)} estimated"] if spent.estimated else []
    text += f" ({', '.join(doubts)})" if doubts else ""
    text += f"; the call log saved {numbers.money(cells.saved_usd)}" if cells.saved_usd != 0 else ""
    text += f"; {numbers.money(cells.wasted_usd)} was wasted" if cells.wasted_usd else ""
    text += f"; {possibly(spent)}" if spent.unanswered else ""
    return f"{CELLS.capitalize()} asked besides, in no run: {text}."


def spent_sum(rows: Iterable[Spent]) -> Spent:
    """The sum, as in the books: unknown parts are left out and counted, and a sum to which only those added is None."""
    items = list(rows)
    used = [item for item in items if item.calls]
    usd = sum((item.cost_usd for item in used if item.cost_usd is not None), Decimal(0))
    unpriced = sum(item.unpriced for item in items)
    worst = [item.unanswered_usd for item in items]
    return Spent(
        calls=sum(item.calls for item in items),
        input_tokens=_sum([item.input_tokens for item in used]),
        output_tokens=_sum([item.output_tokens for item in used]),
        cost_usd=None if unpriced and not usd else usd,
        unpriced=unpriced,
        estimated=sum(item.estimated for item in items),
        unanswered=sum(item.unanswered for item in items),
        unanswered_usd=None if None in worst else sum((usd for usd in worst if usd is not None), Decimal(0)),
    )


def _sum(values: list[int | None]) -> int | None:
    total = sum(value for value in values if value is not None)
    return None if None in values and not total else total
