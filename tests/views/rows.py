"""Rows that the tests of the views draw: a run in the middle of everything, an ended one, empty and hostile ones.

Data only; what is expected of it stands in the tests.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from wfkit.core.report import AttemptRow, CallRow, DecisionRow, GuardRow, LineageStep, NodeRow, RunReport, RunRow
from wfkit.core.result import Output, Read, Spent
from wfkit.views.bundle import View
from wfkit.views.cost import Cost
from wfkit.views.dag import Dag
from wfkit.views.guards import Guards
from wfkit.views.history import History
from wfkit.views.latency import Latency
from wfkit.views.lineage import Lineage
from wfkit.views.log import Log, LogEntry
from wfkit.views.plan import PlanRow, PlanView
from wfkit.views.progress import Progress
from wfkit.views.sheet import Sheet
from wfkit.views.timeline import Timeline
from wfkit.views.why import Change, Why

T = 1_795_000_000.0
RUN_ID = "0192f0c4-7b1e-7a52-9d0e-aa12cc34dd56"


def node(name: str, *deps: str, kind: str = "python", **more: object) -> NodeRow:
    """A node that ended well, unless told otherwise. `run_s` are its seconds from start to end."""
    row = NodeRow(name, kind, deps, False, {"success": 1}, {"never_run": 1}, T, T + 1, 1.0)
    if "run_s" in more:
        run_s = more.pop("run_s")
        times = {"started_at": T, "ended_at": T + run_s} if run_s else {"started_at": None, "ended_at": None}
        more = {**times, "work_s": run_s, **more}
    return replace(row, **more)


def attempt(name: str, start: float, end: float | None, item: int | None = None, **more: object) -> AttemptRow:
    """An attempt from `start` to `end` seconds after the start of the run."""
    row = AttemptRow(name, item, 1, "success", T + start, T + start, None if end is None else T + end)
    return replace(row, **more)


def call(name: str, start: float, end: float, **more: object) -> CallRow:
    """A valid, priced call with 100 tokens in (40 of them cached) and 20 out (5 of them reasoning)."""
    usage = (100, 20, 40, 5, "provider")
    row = CallRow(name, None, 1, f"c-{name}-{start}", "m/one", "one", T + start, T + end, *usage,
                  Decimal("0.01"), "local", "valid", 0, False)  # fmt: skip
    return replace(row, **more)


def run(**more: object) -> RunRow:
    """A run of 20 seconds that ended well."""
    return replace(RunRow(RUN_ID, "reviews", "success", T, T + 20, {"success": 2}), **more)


def busy() -> RunReport:
    """A run in the middle: mapped, cached, failed, retrying, pending and skipped nodes, unpriced calls."""
    label = node("label", "clean", kind="prompt", mapped=True, model="m/one", run_s=92.4, error="RateLimitError: 429",
                 tasks={"success": 180, "cached": 4620, "failed": 12, "running": 8, "pending": 180},
                 reasons={"prompt_changed": 200, "cached": 4620, "awaits": 180},
                 saved_usd=Decimal("1.84"), saved_s=372.0,
                 spent=Spent(200, 20_000, 4_000, Decimal("0.0412"), 2, 3))  # fmt: skip
    nodes = (
        node("reviews", kind="input"),
        node("clean", "reviews", run_s=1.2),
        label,
        node("embed", "clean", kind="prompt", model="local/x", spent=Spent(50, None, None, None, 50, 0)),
        node("summary", "clean", kind="prompt", tasks={"cached": 1}, reasons={"cached": 1}, saved_usd=None, run_s=0.0),
        node("join", "label", "summary", tasks={"retrying": 1}, ended_at=None),
        node("flag", "join", "reviews", tasks={}, started_at=None, ended_at=None, run_s=None),
        node("tell", "flag", "embed", tasks={"skipped": 1}, started_at=None, ended_at=None, run_s=None),
    )
    attempts = (
        attempt("clean", 0.5, 1.7, queued_at=T),
        *(attempt("label", 2 + at / 20, 3 + at / 10, at, queued_at=T + 2) for at in range(30)),
        attempt("join", 12, 12.5, state="failed", error="KeyError: 'name'"),
        attempt("join", 14, None, attempt=2, state="running", queued_at=T + 12.5),
    )
    calls = tuple(call("label", 2 + at / 20, 3 + at / 10) for at in range(30))
    totals = run(status="running", ended_at=None, spent=Spent(250, 20_000, 4_000, Decimal("0.0412"), 52, 3),
                 tasks={"success": 183, "cached": 4621, "failed": 12, "running": 8}, saved_usd=Decimal("1.84"),
                 saved_s=372.0, wasted_usd=Decimal("0.0011"))  # fmt: skip
    return RunReport(totals, nodes, attempts, calls, cut_attempts=70)


def empty() -> RunReport:
    """A run without nodes."""
    return RunReport(run(tasks={}, ended_at=None, status="running"), ())


def unknown() -> RunReport:
    """A run of one node of which nothing is known but that it asked a model."""
    spent = Spent(3, None, None, None, 3, 0)
    row = node("ask", kind="prompt", run_s=None, ended_at=None, spent=spent, saved_usd=None, saved_s=None)
    asked = call("ask", 0, 1, cost_usd=None, input_tokens=None, output_tokens=None, cache_read_input_tokens=None,
                 reasoning_output_tokens=None, ended_at=None, response_model=None)  # fmt: skip
    totals = run(ended_at=None, spent=spent, saved_usd=None, saved_s=None, wasted_usd=None)
    return RunReport(totals, (row,), (attempt("ask", 0, None, queued_at=None),), (asked,))


def huge() -> RunReport:
    """A run with numbers beyond what anybody pays or waits for."""
    spent = Spent(10**12, 10**15, 10**15, Decimal("12345678901234.56"), 0, 0)
    row = node("ask", kind="prompt", mapped=True, tasks={"success": 10**12, "pending": 10**12}, run_s=1e12, spent=spent)
    totals = run(ended_at=T + 1e9, spent=spent, tasks={"success": 10**12}, saved_usd=Decimal("1e15"), saved_s=1e15)
    return RunReport(totals, (row,), (attempt("ask", 0, 1e9),), (call("ask", 0, 1e9),), 10**12)


def step(text: str = "text") -> LineageStep:
    """How `label[17]` was made; every free text holds `text`."""
    given = LineageStep("rules", "rules", None, "input", "a" * 32, text, run_id=RUN_ID, created_at=T)
    item = LineageStep("review", "clean", 17, "python", "b" * 32, text, source=text, run_id=RUN_ID, run_s=1.2,
                       inputs=(given,), reads=(Read("file", "reviews.csv", "c" * 32), Read("env", text, "")),
                       cut=True)  # fmt: skip
    return LineageStep("label", "label", 17, "prompt", "d" * 32, text, definition="e" * 32, source=text, run_id=RUN_ID,
                       created_at=T, run_s=1.3, model="m/one", answered_by="one", prompt=text, reply=text, rounds=1,
                       cost_usd=Decimal("0.0002"), call_id="c17", inputs=(item, given))  # fmt: skip


def decisions(text: str = "text") -> tuple[DecisionRow, ...]:
    """What guards decided in a run; every text is this one."""
    return (
        DecisionRow(text, text, "waited", 12, 92.4, 30.0, T, T + 90, text),
        DecisionRow("breaker", "openai/m", "opened", 1, None, None, T, T, text),
        DecisionRow("budget", "the run", "refused", 10**9, None, None, T, T, text),
    )


def views(report: RunReport, text: str = "text") -> list[View]:
    """Every view there is: those of a run over this report, the others with `text` in all their texts."""
    plan = PlanRow(text, "prompt", 2, 3, 1, {"prompt_changed": 2, text: 1}, text, (text,), mapped=True, model=text)
    outputs = (
        Output("stdout", "text/plain", text),
        Output("display", "text/html", text),
        Output("d", "image/png", text),
    )
    return [
        Dag(report),
        Timeline(report),
        Timeline(report, T + 30),
        Cost(report),
        Latency(report),
        Guards(report),
        Guards(replace(report, decisions=decisions(text)), (GuardRow(text, text, text, 10**9, 3, 1e9, 5),)),
        Progress(report),
        Progress(report, T + 30),
        Lineage(step(text)),
        History((report.run, replace(report.run, status=text), report.run)),
        PlanView((plan,), (text,), text, (text,)),
        Why(text, text, {text: 2}, text, (Change(text, text, f"+{text}\n-{text}\n {text}\n@@ {text}"),), text),
        Sheet(text, (text, text), ((text, 1), (text, None))),
        Log((LogEntry(text, 3, text, outputs, text),)),
    ]


def renamed(report: RunReport, text: str) -> RunReport:
    """The report with `text` in every name and message that users, models and providers choose."""
    names = {row.name: f"{text}{at}" for at, row in enumerate(report.nodes)}
    nodes = tuple(
        replace(row, name=names[row.name], deps=tuple(names[dep] for dep in row.deps), model=text, error=text,
                reasons={text: 2, "cached": 1}, tasks={**row.tasks, text: 1})
        for row in report.nodes
    )  # fmt: skip
    attempts = tuple(replace(row, node=names[row.node], error=text) for row in report.attempts)
    calls = tuple(replace(row, node=names[row.node], request_model=text, response_model=text) for row in report.calls)
    totals = replace(report.run, run_id=text, workflow=text, notebook=text, targets=(text,), trigger=text, status=text)
    return RunReport(totals, nodes, attempts, calls, report.cut_attempts)
