"""A run as rows, straight from memory: what the live display draws. Finished runs are reported by the store from the
same events."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from wfkit.core.events import NodeSpec
from wfkit.core.ledger import Account
from wfkit.core.report import NodeRow, RunReport, RunRow
from wfkit.core.result import Spent
from wfkit.core.run import Run
from wfkit.core.terms import NodeKind, TaskState

_SUMMED = ("calls", "input_tokens", "output_tokens", "no_input", "no_output", "cost_usd", "unpriced", "estimated")


def snapshot(run: Run) -> RunReport:
    """Nodes and totals as they stand; attempts and calls are left to the store. Read it while nobody changes the
    run."""
    nodes = tuple(_node(run, n, spec) for n, spec in enumerate(run.specs))
    total: Counter[str] = Counter()
    for node in nodes:
        if node.kind != NodeKind.INPUT:
            total.update(node.tasks)
    started = run.started
    accounts = list(run.ledger.accounts.values())
    row = RunRow(
        run_id=started.run_id,
        workflow=started.workflow,
        status=run.status,
        started_at=started.at,
        ended_at=run.ended_at,
        tasks=dict(total),
        spent=_sum(accounts),
        saved_usd=_total([account.saved_usd for account in accounts]),
        saved_s=_seconds([account.saved_s for account in accounts]),
        wasted_usd=sum((account.wasted_usd for account in accounts), Decimal(0)),
        trigger=started.trigger,
        notebook=started.notebook,
        targets=started.targets,
    )
    return RunReport(row, nodes)


def _node(run: Run, n: int, spec: NodeSpec) -> NodeRow:
    tasks = run.tasks(n)
    states: Counter[str] = Counter(run.state[tasks.start : tasks.stop])
    if not tasks:
        states[run.node_state[n]] = 1
    account = run.ledger.accounts.get(n) or Account()
    return NodeRow(
        name=spec.name,
        kind=spec.kind,
        deps=tuple(run.specs[dep].name for dep in spec.deps),
        mapped=spec.over is not None,
        tasks=dict(states),
        reasons=dict(Counter(run.reason[tasks.start : tasks.stop])),
        run_s=account.run_s,
        spent=account.spent(),
        saved_usd=account.saved_usd,
        saved_s=account.saved_s,
        model=spec.model,
        error=error_of(run, n),
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
        for name in _SUMMED:
            setattr(whole, name, getattr(whole, name) + getattr(account, name))
    return whole.spent()


def _total(amounts: list[Decimal | None]) -> Decimal | None:
    return None if None in amounts else sum((amount for amount in amounts if amount is not None), Decimal(0))


def _seconds(amounts: list[float | None]) -> float | None:
    return None if None in amounts else sum(amount for amount in amounts if amount is not None)
