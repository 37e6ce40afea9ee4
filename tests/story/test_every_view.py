"""A notebook with everything that costs money, and every view of it: all figures are those of SQL."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from wfkit import Workflow
from wfkit.cli.main import main
from wfkit.llm.provider import Behaviour, Faults, Provider
from wfkit.views import tally

M = "openai/gpt-5-mini"
HEAD = """%load_ext wfkit
import wfkit
from pydantic import BaseModel
class Grade(BaseModel):
    mark: int
def wind(place: str = 'here') -> str:
    return 'calm'"""
CODED = f"""%%wf_node coded
words = await wfkit.embed(['one', 'two', 'three'], batch=2)
said = [await wfkit.ask(f'Say {{n}}', model='{M}', max_tokens=900) for n in range(3)]
"""
ASK = f"await wfkit.ask('Plain?', model='{M}', max_tokens=900)"
CELLS = [
    HEAD,
    f"%%wf_node graded --model {M} --schema Grade --max-tokens 900\nGrade this, mark: 5",
    f"%%wf_node late --model {M} --timeout 6s --retries 1 --max-tokens 900\nTell me late.",
    f"%%wf_node hedged --model {M} --retries 1 --max-tokens 900\n#| hedge: 200ms\nTell me twice.",
    f"%%wf_node agent --model {M} --max-tokens 900\n#| tools: [wind]\nTell the wind.",
    f"{CODED}len(said)",
    *[f"%wf run {name}" for name in ("graded", "late", "hedged", "agent", "coded")],
    f"{ASK}, await wfkit.embed('plain')",
    ASK,
    f"{CODED}[len(said)]",
    "%wf run graded late hedged agent coded",
]
# graded is corrected once, late and hedged wait once in vain, agent takes two turns, coded embeds two batches.
SCRIPT = ("wrong_schema", "ok", "hang", "ok", "hang", "ok", "ok", "ok", "ok", "ok", "no_usage", "ok", "500", "ok")
KINDS = {
    "calls": "count(*) FILTER (NOT served)", "cost_usd": "sum(billed_usd)", "wasted_usd": "sum(wasted_usd)",
    "unpriced": "count(*) FILTER (billed_usd IS NULL)", "unanswered": "count(*) FILTER (unanswered)",
    "unanswered_usd": "sum(worst_usd) FILTER (unanswered)",
    "input_tokens": "sum(input_tokens) FILTER (NOT served)", "output_tokens": "sum(output_tokens) FILTER (NOT served)",
    "cached_input_tokens": "sum(cache_read_input_tokens) FILTER (NOT served)",
    "reasoning_tokens": "sum(reasoning_output_tokens) FILTER (NOT served)",
    "estimated": "count(*) FILTER (NOT served AND usage_source = 'estimated')",
}  # fmt: skip
SAVED = "(SELECT run_id, saved_usd FROM calls_latest UNION ALL SELECT run_id, saved_usd FROM resolutions)"


@pytest.fixture
def executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The notebook was executed; the object that `--json` prints, and how many requests the provider has seen."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "a.ipynb")
    monkeypatch.chdir(tmp_path)
    behaviour = Behaviour(faults=Faults(script=SCRIPT), cached_share=0.5, reasoning_tokens=7)
    with Provider(behaviour) as provider:
        env = {"OPENAI_API_BASE": provider.url, "OPENAI_API_KEY": "x", "WFKIT_STORE": str(tmp_path / ".wfkit")}
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        code = main(["run", "a.ipynb", "--json", "--out", "out"])
        requests = len(provider.effects())
    out, err = capsys.readouterr()
    assert code == 0, err
    return {**json.loads(out.splitlines()[-1]), "requests": requests, "said": err}


def exact(value: Any) -> Decimal:
    """A figure to the last billionth; nothing is none."""
    return Decimal(0) if pd.isna(value) else round(Decimal(repr(float(value))), 9)


def row(workflow: Workflow, where: str, amounts: dict[str, str], table: str = "calls_latest") -> dict[str, Decimal]:
    """Sums of SQL as exact figures."""
    chosen = ", ".join(f"({sql})::VARCHAR AS {name}" for name, sql in amounts.items())
    found = workflow.sql(f"SELECT {chosen} FROM {table} WHERE {where}").iloc[0]
    return {name: Decimal(0) if pd.isna(found[name]) else Decimal(found[name]) for name in amounts}


@pytest.mark.slow
def test_every_figure(executed: dict[str, Any]) -> None:
    """Repairs, tools, hedges, deadlines, embeddings, cached and reasoning tokens, estimates, plain cells and served
    replies: `history`, `show cost` of each run, the report, lineage and `--json` tell what SQL tells."""
    workflow = Workflow("a", store=".wfkit", namespace={})
    history = workflow.history()
    data = history.data().set_index("run_id")
    assert len(data) == 7
    for run_id, line in data.iterrows():
        told = row(workflow, f"run_id = '{run_id}'", KINDS)
        saved = row(workflow, f"run_id = '{run_id}'", {"saved_usd": "sum(saved_usd)"}, SAVED)
        for name, figure in {**{name: told[name] for name in line.index if name in told}, **saved}.items():
            assert exact(line[name]) == figure, (run_id, name)
        if run_id:
            cost_of_a_run(workflow, str(run_id), saved["saved_usd"])
    whole, saved = row(workflow, "true", KINDS), row(workflow, "true", {"saved_usd": "sum(saved_usd)"}, SAVED)
    assert (whole["unanswered"], whole["unpriced"], whole["estimated"]) == (2, 2, 1)
    for name, key in (("calls", "model_calls"), ("unpriced", "unpriced_calls"), ("unanswered", "unanswered_calls")):
        assert executed[key] == whole[name]
    for name in ("cost_usd", "wasted_usd", "unanswered_usd"):
        assert exact(executed[name]) == whole[name], name
    assert exact(executed["saved_usd"]) == saved["saved_usd"] > 0
    assert executed["requests"] == whole["calls"]
    bill = tally.spent_sum([history.cells.spent, *(run.spent for run in history.runs)])
    assert bill.cost_usd == whole["cost_usd"]
    assert f"Together with these runs: {tally.cost(bill)}" in " ".join(history.text().split())
    assert f"{executed['model_calls']} model calls · {tally.cost(bill)} billed" in executed["said"]
    workflow.close()


def cost_of_a_run(workflow: Workflow, run_id: str, saved: Decimal) -> None:
    """`show cost` line by line, its sentence, and what lineage tells of the questions of each node."""
    view = workflow.show("cost", run=run_id)
    for _, line in view.data().iterrows():
        node = line["node"]
        where = f"run_id = '{run_id}' AND node = '{node}'" if node != tally.CELLS else "run_id = ''"
        for name, figure in row(workflow, where, KINDS).items():
            assert exact(line[name]) == figure, (node, name)
    nodes = view.data()[view.data()["node"] != tally.CELLS]
    assert exact(nodes["saved_usd"].sum()) == saved
    report = workflow.store.report(run_id)
    assert report is not None
    assert tally.money_sentence(report.run) in " ".join(view.text().split())
    for node in nodes["node"][nodes["calls"] > 0]:
        step = workflow.store.lineage(node, None, run_id)
        assert step is not None
        asked = [one.cost_usd for one in step.questions if one.cost_usd is not None]
        assert sum(asked, Decimal(0)) == step.cost_usd or nodes["unpriced"].any(), node
