"""What a verb answers: the view of what a room found. Rows are translated here and nowhere else.

Nothing is computed, read or run here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

from wfkit.core.capabilities import Capabilities
from wfkit.core.estimate import refusal
from wfkit.core.plan import Plan, PlanNode
from wfkit.core.promises import Store
from wfkit.core.report import GuardRow, RunReport
from wfkit.engine.lineage import with_items
from wfkit.engine.logs import TaskLog
from wfkit.engine.plans.explaining import Explanation
from wfkit.errors import BudgetRefused, UsageFault
from wfkit.llm.availability import set_keys
from wfkit.llm.catalogue import Choice, Known, find
from wfkit.settings import Settings
from wfkit.views.bundle import View
from wfkit.views.cost import Cost
from wfkit.views.dag import Dag
from wfkit.views.diff import Change
from wfkit.views.guards import Guards
from wfkit.views.history import History
from wfkit.views.latency import Latency
from wfkit.views.lineage import Lineage
from wfkit.views.log import Log, LogEntry
from wfkit.views.models import ModelRow, Models
from wfkit.views.numbers import plural
from wfkit.views.page import page
from wfkit.views.plan import PlanRow, PlanView
from wfkit.views.progress import Progress
from wfkit.views.sheet import Sheet
from wfkit.views.timeline import Timeline
from wfkit.views.why import Why

_RUNS_SEARCHED = 20
_PICTURES: dict[str, Callable[[RunReport], View]] = {"dag": Dag, "timeline": Timeline, "cost": Cost, "latency": Latency}


def plan(found: Plan, max_usd: float | None = None) -> PlanView:
    """The plan as a table. Raises BudgetRefused when it may cost more than `max_usd` dollars, or nobody knows."""
    rows = tuple(_plan_row(node) for node in found.nodes)
    warnings = (*found.warnings, *(f"{node.name}: {node.problem}" for node in found.nodes if node.problem))
    refused = None if max_usd is None else refusal(found.estimate.usd, max_usd, found.gaps())
    view = PlanView(rows, found.targets, "", warnings, found.estimate, found.of_run, max_usd, refused, found.whole)
    if refused is not None:
        raise BudgetRefused(f"--max-usd: {refused}", view)
    return view


def _plan_row(node: PlanNode) -> PlanRow:
    cached, awaits = node.cached, node.awaits
    return PlanRow(
        node=node.name,
        kind=str(node.kind),
        to_run=sum(node.reasons.values()) - cached - awaits,
        cached=cached,
        awaits=awaits,
        reasons={str(reason): count for reason, count in node.reasons.items()},
        detail=node.problem or node.items,
        deps=node.deps,
        mapped=node.mapped,
        model=node.model,
        saved_usd=node.saved_usd,
        saved_s=node.saved_s,
        estimate=node.estimate,
    )


def why(found: Explanation) -> Why:
    """The reason of a node with what changed."""
    changes = tuple(Change(path, kind, diff) for path, kind, diff in found.changes)
    origin = (found.from_run, found.made_at, found.made_because)
    return Why(found.node, str(found.reason), found.reasons, found.detail, changes, *origin, item=found.item)


Standing = Callable[[], Sequence[GuardRow]]


def show(
    store: Store, view: str, node: str | None, item: int | None, run: str | None, *, standing: Standing = tuple
) -> View:
    """A picture of a run; `standing` tells how the guards of this process stand. Raises UsageFault for an unknown view,
    run or node."""
    if view == "lineage":
        return _lineage(store, node, item, run)
    if view == "guards":
        return Guards(report_of(store, run), tuple(standing()))
    if view not in _PICTURES:
        raise UsageFault(f"there is no view {view!r}; views are: {', '.join([*_PICTURES, 'guards', 'lineage'])}")
    return _PICTURES[view](report_of(store, run))


def report_of(store: Store, run: str | None = None) -> RunReport:
    """The report of a run by its id or the beginning of it (None: the newest). Raises UsageFault when there is none."""
    if run is not None and len(run) < 32:
        matches = [row.run_id for row in store.runs(1000) if row.run_id.startswith(run)]
        run = matches[0] if len(matches) == 1 else run
    report = store.report(run)
    if report is None:
        raise UsageFault(f"there is no run {run!r} in this store" if run else "this store holds no run yet")
    return report


def _lineage(store: Store, node: str | None, item: int | None, run: str | None) -> Lineage:
    if node is None:
        raise UsageFault("lineage of what? Name a node: `show lineage NODE [--item N]`")
    newest = report_of(store, run)
    runs = [newest.run.run_id] if run is not None else [row.run_id for row in store.runs(_RUNS_SEARCHED)]
    for run_id in runs:
        step = store.lineage(node, item, run_id)
        if step is not None:
            return Lineage(with_items(store, step))
    names = ", ".join(row.name for row in newest.nodes)
    place = node if item is None else f"{node}[{item}]"
    raise UsageFault(f"no run has a value of {place!r}; the nodes of run {newest.run.run_id[:8]} are: {names}")


def log(found: Sequence[TaskLog]) -> Log:
    """What bodies printed."""
    return Log(tuple(LogEntry(entry.node, entry.item, entry.state, entry.outputs, entry.error) for entry in found))


def history(store: Store, limit: int) -> History:
    """The newest runs as a table, and what plain cells asked."""
    return History(tuple(store.runs(limit)), store.plain_cells())


def models(choice: Choice, env: Mapping[str, str]) -> Models:
    """The models of a choice, as a table. Raises UsageFault when none has the name."""
    return Models(tuple(map(_model_row, find(choice, env))), set_keys(env))


def _model_row(known: Known) -> ModelRow:
    can = known.can
    able = tuple((name, getattr(can, name)) for name in ("schema", "tools", "vision", "streaming", "sampling"))
    named = [item.name.removesuffix("_usd") for item in fields(can) if item.name.endswith("_usd")]
    usd = tuple((name.replace("_", " "), _dollars(getattr(can, f"{name}_usd"))) for name in named)
    limits = (can.context_tokens, can.max_output_tokens)
    key = " ".join(known.key.variables)
    return ModelRow(known.model, can.kind, known.key.present, key, able, *limits, usd, known.source)


def _dollars(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)


def forgotten(node: str, results: int, dropped: bool = False) -> Sheet:
    """What was forgotten; `dropped`: the node is no node any more."""
    told = f"forgot {plural(results, 'result')} of {node!r}" if results else f"nothing is kept of {node!r}"
    return Sheet(told + ("; its definition is gone too, for the latest one failed" if dropped else ""))


def settings(found: Settings, name: str | None = None) -> Sheet:
    """All settings, or the one named. Raises UsageFault for an unknown name."""
    names = [item.name for item in fields(found)]
    if name is not None and name not in names:
        raise UsageFault(f"unknown setting {name!r}; settings are: {', '.join(names)}")
    rows = tuple((item, _setting(getattr(found, item))) for item in names if name in (None, item))
    return Sheet("", ("setting", "value"), rows)


def _setting(value: object) -> str:
    if value and isinstance(value, tuple) and isinstance(value[0][1], Capabilities):
        return ", ".join(model for model, _ in value)
    if value and isinstance(value, tuple):
        return "; ".join(f"{model}: {', '.join(f'{name} ${usd:g}' for name, usd in prices)}" for model, prices in value)
    return "not set" if value in (None, "", ()) else str(value)


def progress(report: RunReport) -> Progress:
    """The display of a run that goes on."""
    return Progress(report, time.time())


def write_report(store: Store, path: Path) -> Path:
    """Write the newest run as one HTML page, whole or not at all."""
    report = report_of(store)
    text = page(report, title=f"wfkit run {report.run.run_id[:8]}")
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return path
