"""A run as rows, straight from memory: what the live display draws, and what an outcome tells. The store reports runs
from the same events."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from wfkit.core.events import NodeSpec
from wfkit.core.ledger import Account
from wfkit.core.report import NodeRow, RunReport, RunRow, paused_s
from wfkit.core.result import NOTHING_SPENT, Spent
from wfkit.core.run import Run
from wfkit.core.terms import NodeKind, TaskState

_SUMMED = (
    "calls",
    "input_tokens",
    "output_tokens",
    "no_input",
    "no_output",
    "cost_usd",
    "unpriced",
    "estimated",
    "unanswered",
    "unanswered_usd",
    "no_worst",
)
_NOTHING = Account()


def snapshot(run: Run) -> RunReport:
    """Nodes and totals as they stand; attempts and calls are left to the store. Read it while nobody changes the
    run."""
    names = [spec.name for spec in run.specs]
    nodes = tuple([_node(run, n, spec, names) for n, spec in enumerate(run.specs)])
    total: dict[str, int] = {}
    for node in nodes:
        if node.kind != NodeKind.INPUT:
            for state, count in node.tasks.items():
                total[state] = total.get(state, 0) + count
    started = run.started
    accounts = list(run.ledger.accounts.values())
    row = RunRow(
        run_id=started.run_id,
        workflow=started.workflow,
        status=run.status,
        started_at=started.at,
        ended_at=run.ended_at,
        tasks=total,
        spent=_sum(accounts),
        saved_usd=_total([account.saved_usd for account in accounts]),
        saved_s=_seconds([account.saved_s for account in accounts]),
        wasted_usd=sum((account.wasted_usd for account in accounts), Decimal(0)),
        trigger=started.trigger,
        notebook=started.notebook,
        targets=started.targets,
        estimate=started.estimate,
        paused_s=run.paused_s,
    )
    return RunReport(row, nodes)


def _node(run: Run, n: int, spec: NodeSpec, names: list[str]) -> NodeRow:
    first, count = run.first[n], run.count[n]
    states: dict[str, int]
    reasons: dict[str, int]
    if count == 1:  # most nodes, and a Counter costs as much as all the rest
        states, reasons = {run.state[first]: 1}, {run.reason[first]: 1}
    elif count:
        states, reasons = {**Counter(run.state[first : first + count])}, {**Counter(run.reason[first : first + count])}
    else:
        states, reasons = {run.node_state[n]: 1}, {}
    account = run.ledger.accounts.get(n, _NOTHING)
    began, ended = run.worked.get(n, (None, None))
    sample = run.samples.get(n)
    troubled = run.failures or run.node_failures or run.skipped_for
    return NodeRow(
        name=spec.name,
        kind=spec.kind,
        deps=tuple([names[dep] for dep in spec.deps]),
        mapped=spec.over is not None,
        tasks=states,
        reasons=reasons,
        started_at=began,
        ended_at=ended,
        work_s=account.work_s,
        spent=account.spent() if account.calls else NOTHING_SPENT,
        saved_usd=account.saved_usd,
        saved_s=account.saved_s,
        model=spec.model,
        error=error_of(run, n) if troubled else None,
        over=None if spec.over is None else names[spec.over],
        served=account.served,
        wasted_usd=account.wasted_usd,
        sample_of=None if sample is None else sample.total,
        sample_seed=None if sample is None else sample.seed,
        paused_s=paused_s(run.pauses, began, ended) if run.pauses else 0.0,
    )


def error_of(run: Run, n: int) -> str | None:
    """The first error of a failed node in a line, or why it was skipped."""
    if n in run.node_failures:
        return run.node_failures[n].message
    if n in run.skipped_for and run.node_state[n] is TaskState.SKIPPED:
        return f"needs {run.specs[run.skipped_for[n]].name!r}"
    for task in run.tasks(n):
        if run.state[task] is TaskState.FAILED:
            failure = run.failures[task][-1]
            return f"{failure.error}: {failure.message}"
    return None


def _sum(accounts: list[Account]) -> Spent:
    whole = Account()
    for account in accounts:
        if account.calls:
            for name in _SUMMED:
                setattr(whole, name, getattr(whole, name) + getattr(account, name))
    return whole.spent()


def _total(amounts: list[Decimal | None]) -> Decimal | None:
    return None if None in amounts else sum((amount for amount in amounts if amount is not None), Decimal(0))


def _seconds(amounts: list[float | None]) -> float | None:
    return None if None in amounts else sum(amount for amount in amounts if amount is not None)
