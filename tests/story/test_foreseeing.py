"""Plans with money and time: foretold from history or list prices, refused above a limit, held against what was.

No network: sockets that leave this machine are closed to every test here.
"""

from __future__ import annotations

import json
import socket
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.engine.lab import Lab, run
from tests.story import processes
from wfkit import Workflow, prompt
from wfkit.errors import BudgetRefused, UsageFault
from wfkit.llm.fake import Fail, Say, Script, Use
from wfkit.views.plan import PlanView

PRICED = "openai/gpt-4o-mini"  # $0.15 and $0.60 a million tokens


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a plan asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def plan(workflow: Workflow, *targets: str, **options: Any) -> PlanView:
    found = workflow.plan(*targets, **options)
    assert isinstance(found, PlanView)
    return found


def node(view: PlanView, name: str) -> dict[str, Any]:
    return next(row for row in view.object()["nodes"] if row["node"] == name)


def test_a_new_notebook_makes_no_store(lab: Lab) -> None:
    """Asking for a plan, the history or a reason leaves no trace where nothing ever ran."""
    workflow = lab.cells({"a": "1"})
    assert plan(workflow).rows[0].reasons == {"never_run": 1}
    assert "no result yet" in workflow.why("a").text()
    assert "no run yet" in workflow.history().text()
    assert not lab.store.exists()


def test_tools_are_foretold_as_unknown(lab: Lab) -> None:
    """What a tool will say is not known before the first run: nor is what its turns cost, and the plan says so. A call
    log that has only the first turn answers nothing for free."""

    def price(name: str) -> int:
        return len(name)

    def asking(model: str) -> Workflow:
        workflow = lab.workflow({})
        workflow.add(prompt("told", "Hi", model=model, tools=[price], max_turns=3, max_tokens=50, retries=0))
        return workflow

    view = plan(asking(PRICED))
    found = node(view, "told")
    assert found["usd"]["low"] > 0
    assert (found["usd"]["expected"], found["usd"]["high"], found["calls"]["high"]) == (None, None, 4)
    assert "at most 3 turns" in view.text()
    with Script([Use("price", {"name": "pot"}), Fail()]):
        asking("fake/script").run("told")
        assert plan(asking("fake/script")).object()["free_calls"] == 0


def test_list_prices_from_rendered_prompts(lab: Lab) -> None:
    """Without history the prompts are rendered and counted; max_tokens limits the answers."""
    cells = {f"label --model {PRICED}": "#| each: r in reviews\n#| max_tokens: 100\n#| retries: 0\nLabel: {{ r }}"}
    found = node(plan(lab.cells(cells, {"reviews": ["good " * 100, "bad " * 100]})), "label")
    most = Decimal(100 * 2) * Decimal("0.6e-6")
    assert found["usd"]["low"] < found["usd"]["expected"] < found["usd"]["high"]
    assert float(most) < found["usd"]["high"] < float(most) + 600 * 0.15e-6
    assert 200 < found["tokens"]["expected"] < 500
    assert found["calls"] == {"low": 2, "expected": 2, "high": 2}
    assert found["run_s"]["expected"] is None


def test_retries_and_repairs_count_in_the_high_case(lab: Lab) -> None:
    """Every attempt may be billed."""
    ask = "#| max_tokens: 100\n#| retries: {}\nLabel: it"
    once = node(plan(lab.cells({f"label --model {PRICED}": ask.format(0)})), "label")
    thrice = node(plan(lab.cells({f"label --model {PRICED}": ask.format(2)})), "label")
    assert once["calls"]["high"] == 1
    assert thrice["calls"]["high"] == 3
    assert thrice["usd"]["high"] >= 3 * once["usd"]["high"]
    assert thrice["usd"]["expected"] == once["usd"]["expected"]


def test_unknown_is_said_and_never_zero(lab: Lab) -> None:
    """No price, no limit of an answer, inputs that are not there yet: each is `?` with its reason."""
    cells = {
        "odd --model openai/unheard-of": "Label: it",
        "opened": "['x']",
        f"later --model {PRICED}": "#| each: r in opened\nLabel: {{ r }}",
    }
    view = plan(lab.cells(cells))
    assert node(view, "odd")["usd"] == {"low": 0.0, "expected": None, "high": None}
    assert any("no list price" in gap for gap in node(view, "odd")["unknown"])
    assert node(view, "later")["usd"]["high"] is None
    assert any("how many items" in gap for gap in node(view, "later")["unknown"])
    assert view.object()["usd"]["expected"] is None
    assert "? odd: no list price of the model openai/unheard-of" in " ".join(view.text().split())


def test_history_of_the_same_definition(lab: Lab) -> None:
    """What past tasks of the same definition cost and took is what others are expected to, in another session too."""
    cells = {"told --model fake/script": "#| each: n in numbers\nSay {{ n }}"}
    with Script([Say("yes", cost_usd=Decimal("0.5")) for _ in range(4)]):
        run(lab.cells(cells, {"numbers": [1, 2, 3, 4]}))
    lab.close()
    found = node(plan(lab.cells(cells, {"numbers": [1, 2, 3, 4, 5, 6]})), "told")
    assert (found["to_run"], found["cached"]) == (2, 4)
    assert found["usd"]["expected"] == pytest.approx(1.0)
    assert found["basis"] == "4 past results"
    assert found["run_s"]["expected"] > 0


def test_another_notebook_does_not_tell_how_many(lab: Lab) -> None:
    """How many items a map will have is guessed from this notebook's own runs; from another's node of the same name
    only where there is none, and then it says so."""

    def cells(items: str) -> Workflow:
        return lab.cells({"opened": items, "told --model offline": "#| each: r in opened\nSay {{ r }}"})

    def plan_of(notebook: str) -> dict[str, Any]:
        return node(plan(cells("list('fresh')"), "told", notebook=notebook), "told")

    run(cells("[1, 2, 3]"), notebook="mine.ipynb")
    run(cells("list(range(50))"), notebook="folder/other.ipynb")
    gap = "how many items it has is known only when 'opened' has run"
    for notebook, calls, told in [
        ("mine.ipynb", 3, gap),
        ("elsewhere/other.ipynb", 50, gap),
        ("new.ipynb", 50, f"{gap} (so many had a node of this name in folder/other.ipynb)"),
    ]:
        found = plan_of(notebook)
        assert (found["calls"]["expected"], found["unknown"]) == (calls, [told])


def test_replies_in_the_call_log_are_free(lab: Lab) -> None:
    """A prompt that renders to what was asked before costs nothing, and is counted as such."""
    with Script([Say("yes", cost_usd=Decimal("0.5"))] * 2):
        run(lab.cells({"told --model fake/script": "#| each: n in numbers\nSay {{ n }}"}, {"numbers": [1, 2]}))
    lab.close()
    edited = {"told --model fake/script": "#| each: m in numbers\nSay {{ m }}"}
    view = plan(lab.cells(edited, {"numbers": [1, 2]}))
    assert node(view, "told")["to_run"] == 2
    assert (node(view, "told")["free_calls"], node(view, "told")["usd"]["high"]) == (2, 0.0)
    assert "the call log answers 2 more for nothing" in " ".join(view.text().split())


def test_a_plan_within_its_limit(lab: Lab) -> None:
    """The high estimate decides; the view is there either way."""
    workflow = lab.cells({f"label --model {PRICED}": "#| max_tokens: 100\nLabel: it"})
    assert plan(workflow, max_usd=1.0).refused is None
    with pytest.raises(BudgetRefused, match="may cost up to") as refused:
        plan(workflow, max_usd=0.00001)
    assert isinstance(refused.value.plan, PlanView)
    assert "--max-usd" in refused.value.plan.text()


def test_a_run_above_its_limit_does_not_begin(lab: Lab) -> None:
    """Nothing is asked, nothing is written, and the node without a price is named."""
    workflow = lab.cells({"told --model fake/script": "Say it", "odd --model ollama/unheard-of": "Say it"})
    with Script([Say("yes")]) as script, pytest.raises(BudgetRefused, match="odd: no list price"):
        workflow.run(max_usd=5.0)
    assert script.requests == []
    assert workflow.history().data().empty


def test_what_was_expected_is_kept_with_the_run(lab: Lab) -> None:
    """After a plan the run tells what was expected and what was, in its display and later from the store."""
    cells = {"told --model fake/script": "#| each: n in numbers\nSay {{ n }}"}
    with Script([Say("yes", cost_usd=Decimal("0.5")) for _ in range(5)]):
        run(lab.cells(cells, {"numbers": [1, 2]}))
        workflow = lab.cells(cells, {"numbers": [1, 2, 3, 4, 5]})
        plan(workflow)
        outcome = run(workflow)
        assert outcome.report.run.estimate is not None
        run(workflow)
    lab.close()
    rows = lab.cells(cells).history().data()
    assert rows["expected_usd_expected"].isna().tolist() == [True, False, True]
    assert rows["expected_usd_expected"][1] == pytest.approx(1.5)
    said = lab.made[-1].show("cost", run=outcome.run_id).text()
    assert "expected $1.50, was $1.50 (0 %)" in said


def test_a_shell_plans_a_rerun(tmp_path: Path) -> None:
    """`wfkit plan` answers for the newest run, a run or a notebook, as text or JSON, and exits 4 above a limit."""
    script = """
        from decimal import Decimal
        from wfkit import Workflow, prompt
        from wfkit.llm.fake import Say, Script
        wf = Workflow("w", store=".wfkit")
        wf.add(prompt("told", "Say {{ n }}", model="fake/script", each="n in numbers", cache="off"))
        with Script([Say("yes", cost_usd=Decimal("0.5")) for _ in range(2)]):
            print(1 if str(wf.run(notebook="reviews.ipynb", inputs={"numbers": [1, 2]}).status) == "success" else 0)
        wf.close()
    """
    assert processes.finish(processes.start(tmp_path, script)) == [1]
    for of in ([], ["reviews.ipynb"]):
        found = json.loads(processes.shell(tmp_path, "plan", *of, "--json").stdout)
        assert found["version"] == 1
        assert found["nodes"][0]["to_run"] == 2
        assert found["usd"]["expected"] == pytest.approx(1.0)
    assert found["of_run"]
    refused = processes.shell(tmp_path, "plan", found["of_run"][:8], "--max-usd", "0.1")
    assert refused.returncode == 4
    assert "more than $0.1" in refused.stderr
    assert "told" in refused.stdout
    unknown = processes.shell(tmp_path, "plan", "other.ipynb")
    assert unknown.returncode == 2
    assert "no run of other.ipynb" in unknown.stderr


def test_a_run_that_there_is_not(lab: Lab) -> None:
    """An id that fits no run is an error that says what can be given."""
    workflow = lab.cells({"a": "1"})
    run(workflow)
    with pytest.raises(UsageFault, match="no run begins with 'ffffffff'"):
        workflow.plan(of="ffffffff")
