"""A run as one HTML file that needs nothing else: every view of it, static, small enough to mail.

No script, no link, no external resource; a policy in the page forbids them as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wfkit.core.report import LineageStep, NodeRow, RunReport
from wfkit.views import columns, numbers, pieces, tally, theme
from wfkit.views.cost import Cost
from wfkit.views.dag import Dag
from wfkit.views.guards import Guards
from wfkit.views.latency import Latency
from wfkit.views.lineage import Lineage
from wfkit.views.markup import Markup, join, tag
from wfkit.views.timeline import Timeline

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_ERRORS: Final = 50
_RULES: Final = """
:root{color-scheme:light dark}
body{margin:0;background:var(--jp-layout-color0,#fff)}
@media (prefers-color-scheme:dark){body{background:#16181b}}
.wf{box-sizing:border-box;margin:0 auto;padding:28px 24px 48px;max-width:1000px}
.wf h1{font-size:21px;font-weight:650;margin:0 0 2px}
.wf h2{font-size:15px;font-weight:650;margin:34px 0 6px;padding-top:14px;border-top:1px solid var(--wf-line)}
.wf .wf-facts{display:flex;flex-wrap:wrap;gap:10px;margin:18px 0 6px}
.wf .wf-fact{border:1px solid var(--wf-line);border-radius:8px;padding:9px 12px;flex:1 1 100px}
.wf .wf-fact .wf-muted{font-size:12px;white-space:nowrap}
.wf .wf-fact b{display:block;font-size:18px;white-space:nowrap;font-weight:600}
"""


def page(report: RunReport, lineage_steps: Sequence[LineageStep] = (), title: str | None = None) -> str:
    """The whole report of a run as one HTML document (UTF-8). `lineage_steps` are values whose making is told as
    well.
    """
    name = title or f"{report.run.workflow} · run {tally.short(report.run.run_id)}"
    sections = [
        _section("Graph", Dag(report).fragment()),
        _section("Failures", _failures(report)),
        _section("Timeline", Timeline(report).fragment()),
        _section("Cost and tokens", Cost(report).fragment()),
        _section("Latency", Latency(report).fragment()),
        _section("Guards", Guards(report).fragment() if report.decisions else None),
        *(_section(f"How {_named(step)} was made", Lineage(step).fragment()) for step in lineage_steps),
    ]
    body = tag("main", _head(report, name), _facts(report), *sections, class_="wf")
    styles = join(theme.style(), Markup(f"<style>{_RULES.strip()}</style>"))
    policy = tag("meta", http_equiv="Content-Security-Policy", content=_POLICY)
    view = tag("meta", name="viewport", content="width=device-width, initial-scale=1")
    head = tag("head", tag("meta", charset="utf-8"), policy, view, tag("title", name), styles)
    return "<!doctype html>\n" + tag("html", head, tag("body", body), lang="en")


def _named(step: LineageStep) -> str:
    name = step.node or step.role
    return name if step.item is None else f"{name}[{step.item}]"


def _section(title: str, content: Markup | None) -> Markup | None:
    return None if content is None else tag("section", tag("h2", title), content)


def _head(report: RunReport, name: str) -> Markup:
    run = report.run
    facts = [
        f"run {run.run_id}",
        f"workflow {run.workflow}",
        f"started {numbers.moment(run.started_at)}",
        f"by {run.trigger}",
    ]
    facts += [f"notebook {run.notebook}"] if run.notebook else []
    facts += [f"targets {', '.join(run.targets)}"] if run.targets else []
    return tag("header", tag("h1", pieces.glyph(run.status), " ", name), tag("p", " · ".join(facts), class_="wf-note"))


def _facts(report: RunReport) -> Markup:
    run = report.run
    tasks = tally.total(run.tasks)
    cached = run.tasks.get("cached", 0)
    facts = (
        (theme.words(run.status), "outcome"),
        (numbers.seconds(tally.elapsed_s(run)), "time"),
        (tally.cost(run.spent), "billed"),
        (numbers.money(run.saved_usd), "saved by the cache"),
        (numbers.count(run.spent.calls), "model calls"),
        (_tokens(report), "tokens"),
        (numbers.percent(cached / tasks) if tasks else numbers.UNKNOWN, "tasks cached"),
    )
    return tag(
        "div",
        *(tag("div", tag("b", value), pieces.muted(what), class_="wf-fact") for value, what in facts),
        class_="wf-facts",
    )


def _tokens(report: RunReport) -> str:
    spent = report.run.spent
    if spent.input_tokens is None or spent.output_tokens is None:
        return numbers.UNKNOWN
    return numbers.tokens(spent.input_tokens + spent.output_tokens)


def _failures(report: RunReport) -> Markup | None:
    """The errors of nodes; nothing if there is none."""
    failed: list[NodeRow] = [row for row in report.nodes if row.error]
    if not failed:
        return None
    rows = [
        (
            pieces.code(columns.cut_middle(row.name, 48)),
            numbers.count(row.tasks.get("failed", 0)),
            columns.cut(row.error or "", 500),
        )
        for row in failed[:_ERRORS]
    ]
    table = pieces.table(("node", "failed tasks", "last error"), "-nw", rows)
    return pieces.stack(table, pieces.note(pieces.shown_of(len(rows), len(failed), "nodes")))
