"""Promises of a Workflow: the verbs in Python, several of them at once, and what they say."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import wfkit
from tests.engine.lab import PATIENCE_S, Lab, agree, did, lab, run
from wfkit import Workflow, prompt
from wfkit.core.call import Usage
from wfkit.define.cell import parse_cell
from wfkit.errors import UsageFault
from wfkit.llm import prices
from wfkit.llm.fake import Say, Script

__all__ = ["lab"]

HELPER = "def helper(x):\n    return x * FACTOR\n"


def namespace(source: str, **more: Any) -> dict[str, Any]:
    """A namespace in which ordinary cells ran, with sources that can be found."""
    import linecache

    label = f"<cell {abs(hash(source))}>"
    linecache.cache[label] = (len(source), None, source.splitlines(keepends=True), label)
    found: dict[str, Any] = {"__name__": "__main__", **more}
    exec(compile(source, label, "exec"), found)
    return found


CHANGES: dict[str, tuple[tuple[str, str, int], tuple[str, str, int], str, tuple[str, ...]]] = {
    "code": (("helper(base)", HELPER, 2), ("helper(base) + 1", HELPER, 2), "code_changed", ("made", "+ 1")),
    "helper": (
        ("helper(base)", HELPER, 2),
        ("helper(base)", HELPER.replace("x *", "1 + x *"), 2),
        "code_changed",
        ("helper", "1 + x"),
    ),
    "constant": (("helper(base)", HELPER, 2), ("helper(base)", HELPER, 3), "code_changed", ("FACTOR", "3")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_why_with_a_diff(change: str, lab: Lab) -> None:
    """The reason names what changed, the path to it, and shows the difference."""
    before, after, reason, words = CHANGES[change]
    for (body, source, factor), expected in ((before, "run"), (after, "run")):
        workflow = lab.cells({"base": "10", "made": body}, namespace(source, FACTOR=factor))
        if (body, source, factor) == after:
            why = workflow.why("made")
            assert reason in why.text().replace(" ", "_") or reason.replace("_", " ") in why.text()
            assert all(word in why.text() for word in words), why.text()
        assert did(run(workflow))["made"] == expected
    assert "cached" in workflow.why("made").text()


def test_why_an_input(lab: Lab) -> None:
    """A node whose input has another value says that."""
    cells = {"made": "thing + 1"}
    run(lab.cells(cells, {}), inputs={"thing": 1})
    workflow = lab.cells({"thing": "2", **cells})
    run(workflow, "thing")
    assert "input" in workflow.why("made").text()


def test_why_a_file(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node whose file or variable has changed names it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REGION", "north")
    Path("data.txt").write_text("1")
    cells = {
        "read": "from pathlib import Path\nPath('data.txt').read_text()",
        "asked": "import wfkit\nwfkit.env('REGION')",
    }
    workflow = lab.cells(cells)
    run(workflow)
    Path("data.txt").write_text("22")
    monkeypatch.setenv("REGION", "south")
    assert "'data.txt'" in workflow.why("read").text()
    assert "'REGION'" in workflow.why("asked").text()
    assert "south" not in workflow.why("asked").text()


def test_why_waits(lab: Lab) -> None:
    """A node whose key needs a result that is not there names what it waits for."""
    assert "result of a first" in lab.cells({"a": "1", "b": "a"}).why("b").text()


def test_why_of_what_is_not_there(lab: Lab) -> None:
    """An unknown node, or item, is told with what there is."""
    workflow = lab.cells({"items": "[1, 2]", "made --each 'x in items'": "x"})
    run(workflow)
    with pytest.raises(UsageFault, match="did you mean 'made'"):
        workflow.why("maed")
    with pytest.raises(UsageFault, match="items 0 to 1, not 5"):
        workflow.why("made", 5)


def test_the_plan_says_what_the_run_does(lab: Lab) -> None:
    """A plan runs nothing and writes nothing; what it says is what the run then does."""
    workflow = lab.cells({"a": "1", "b": "a + 1"})
    assert "never" in workflow.plan().text()
    assert workflow.store.runs() == []
    run(workflow)
    assert "Nothing to run" in workflow.plan().text()
    assert "Nothing to run" not in workflow.plan(force=True).text()


def test_inputs_that_are_handed_in(tmp_path: Path) -> None:
    """What a run is handed can be planned and explained likewise, and in a script `print` shows the words."""
    workflow = Workflow("handed", store=tmp_path / ".wfkit")
    workflow.node(clean)
    workflow.run("clean", inputs={"texts": [" a "]})
    same, other = ({"texts": [text]} for text in (" a ", "b"))
    assert "the one node is cached" in str(workflow.plan("clean", inputs=same))
    assert "does not run" in str(workflow.why("clean", inputs=same))
    assert "input texts changed" in str(workflow.why("clean", inputs=other))
    assert "1 run, 1 of them a success" in str(workflow.history())
    workflow.close()


def clean(texts: list[str]) -> list[str]:
    """A node of which the input is handed in."""
    return [text.strip() for text in texts]


def test_output_after_a_hit(lab: Lab) -> None:
    """What a body printed is shown by `log`, also when its value came from the cache."""
    workflow = lab.cells({"a": "print('hello from a')\n1", "bad": "print('last words')\n1 / 0"})
    run(workflow)
    assert did(run(workflow))["a"] == "hit"
    assert "hello from a" in workflow.log("a").text()
    assert "last words" in workflow.log("bad").text()
    assert "ZeroDivisionError" in workflow.log("bad").text()


def test_the_log_of_a_node_that_ran_before(lab: Lab) -> None:
    """After a run of something else, `log` has the newest run that had the node; an unknown node is told."""
    workflow = lab.cells({"a": "print('hello from a')\n1", "b": "2"})
    run(workflow, "a")
    run(workflow, "b")
    assert "hello from a" in workflow.log("a").text()
    with pytest.raises(UsageFault, match="no node of the newest runs is named 'aa'"):
        workflow.log("aa")


def test_config(lab: Lab) -> None:
    """`config` shows settings and sets one; a wrong name or value is told and changes nothing."""
    workflow = lab.cells({"a": "1"})
    run(workflow)
    assert "concurrency" in workflow.config().text()
    assert "4" in workflow.config("concurrency", 4).text()
    assert workflow.session.settings.concurrency == 4
    for name, value in (("concurency", 1), ("concurrency", "many"), ("concurrency", 0)):
        with pytest.raises(UsageFault):
            workflow.config(name, value)
    assert workflow.session.settings.concurrency == 4


def test_a_raised_concurrency_holds(lab: Lab) -> None:
    """More concurrency, set after a first run, lets more calls go at once."""
    workflow = lab.cells({"told --model fake/script --each 'name in names'": "Hello {{ name }}"})
    workflow.config("concurrency", 1)
    with Script(iter(lambda: Say("x"), None)) as script:
        run(workflow, inputs={"names": ["a", "b"]})
        workflow.config("concurrency", 8)
        run(workflow, inputs={"names": [str(i) for i in range(8)]})
        assert len(script.requests) == 10
    assert workflow.session.guards.pools.statistics()["fake"].size == 8


def test_a_name_that_is_a_node_and_a_variable(lab: Lab) -> None:
    """The node wins, and the run says so; not for what a run itself has bound."""
    values: dict[str, Any] = {}
    workflow = lab.cells({"base": "1", "made": "base + 1"}, values)
    assert run(workflow).warnings == ()
    values["base"] = 100
    done = run(workflow)
    assert done["made"] == 2
    assert done.warnings == (
        "'base' is a node and a variable: 'made' reads the node's value, not the variable's; rename one of them",
    )
    workflow.bound["base"] = id(values["base"])
    assert run(workflow).warnings == ()


def test_a_verification_is_not_the_last_time(lab: Lab) -> None:
    """What failed last time is what failed for the user, whatever a fresh kernel ran since."""
    broken = lab.cells({"a": "1 / 0"})
    assert run(broken).status == "failed"
    assert run(lab.cells({"a": "1"}), trigger="verify").status == "success"
    broken.add(parse_cell("a", "2", {}))
    assert run(broken, failed=True)["a"] == 2


def test_own_prices(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From pyproject.toml, the environment, or `config`; in dollars for a million tokens; a wrong table is told."""
    tables = ('"a/b" = {input = 1, output = 2}', '{"a/b": {"input": 3, "output": 4, "cached": 0.5}}')
    (tmp_path / "pyproject.toml").write_text(f"[tool.wfkit.prices]\n{tables[0]}\n")
    workflow = lab.workflow()
    workflow.prepare()
    assert prices.price("a/b") == {"input_cost_per_token": Decimal("1e-6"), "output_cost_per_token": Decimal("2e-6")}
    assert "a/b: input $1, output $2" in workflow.config("prices").text()
    monkeypatch.setenv("WFKIT_PRICES", tables[1])
    lab.workflow().prepare()
    assert prices.cost("a/b", Usage(1_000_000, 0), "a/b").usd == 3
    workflow.config("prices", {"a/b": {"input": 5, "output": 0}})
    workflow.prepare()
    assert prices.cost("a/b", Usage(1_000_000, 0), "a/b").usd == 5
    for wrong in ("1", '{"a": 1}', '{"a": {"input": 1}}', '{"a": {"input": 1, "output": -1}}', "{", '{"a": {"in": 1}}'):
        with pytest.raises(UsageFault, match="dollars for a million tokens"):
            workflow.config("prices", wrong)


def test_forget(lab: Lab) -> None:
    """A forgotten node runs again, and its replies stay paid."""
    workflow = lab.cells({"told --model fake/script": "Hello"})
    with Script(["hi"]) as script:
        run(workflow)
        workflow.forget("told")
        assert "forgotten on request" in workflow.why("told").text()
        outcome = run(workflow)
        assert (did(outcome), outcome["told"], len(script.requests)) == ({"told": "run"}, "hi", 1)
    workflow.forget("told")
    assert "nothing is kept" in workflow.forget("told").text()
    with pytest.raises(UsageFault, match="did you mean 'told'"):
        workflow.forget("tld")


@pytest.mark.parametrize("view", ["dag", "timeline", "cost", "latency"])
def test_show(view: str, lab: Lab) -> None:
    """Every picture of a run has text and HTML."""
    workflow = lab.cells({"a": "1", "told --model offline": "Hello {{ a }}"})
    run(workflow)
    found = workflow.show(view)
    assert "told" in found.text()
    assert "told" in found.html()


def test_lineage(lab: Lab) -> None:
    """The lineage of a value tells the node, its inputs and the model's words."""
    workflow = lab.cells({"names": "['Ada']", "told --model offline --each 'name in names'": "Hello {{ name }}"})
    run(workflow)
    text = workflow.show("lineage", "told", 0).text()
    assert "told" in text
    assert "item 0 of names" not in text
    assert "\n    Ada\n" in text


def test_two_workflows_on_one_store(lab: Lab) -> None:
    """Two workflows of one process share what is in the store, run at the same time, and pay once together."""
    cells = {"told --model fake/script --each 'name in names'": "Hello {{ name }}"}
    names = {"names": [str(i) for i in range(10)]}
    workflows = [lab.cells(cells, dict(names)) for _ in range(2)]
    with Script(iter(lambda: Say("hi", latency_s=0.01), None)) as script, ThreadPoolExecutor(2) as both:
        outcomes = list(both.map(lambda workflow: workflow.run(), workflows))
        assert len(script.requests) == 10
    assert [outcome["told"] for outcome in outcomes] == [["hi"] * 10] * 2
    for workflow, outcome in zip(workflows, outcomes, strict=True):
        agree(workflow, outcome)


def test_runs_from_several_threads(lab: Lab) -> None:
    """Several threads may run one workflow at once: each has its own run, with the right values."""
    workflow = lab.cells({"numbers": "list(range(20))", "squares --each 'n in numbers'": "n * n", "t": "sum(squares)"})
    together = threading.Barrier(4, timeout=PATIENCE_S)

    def once(i: int) -> Any:
        together.wait()
        return workflow.run(inputs={"numbers": list(range(i + 20))})

    with ThreadPoolExecutor(4) as four:
        outcomes = list(four.map(once, range(4)))
    assert [outcome["t"] for outcome in outcomes] == [sum(n * n for n in range(i + 20)) for i in range(4)]
    assert len({outcome.run_id for outcome in outcomes}) == 4
    for outcome in outcomes:
        agree(workflow, outcome)


def test_closed_and_used_again(lab: Lab) -> None:
    """A workflow that was closed opens its store again when it is used."""
    workflow = lab.cells({"a": "1"})
    run(workflow)
    workflow.close()
    workflow.close()
    assert did(run(workflow)) == {"a": "hit"}


def test_nodes_of_every_kind(lab: Lab) -> None:
    """Functions, prompts and cells of one workflow need each other by name, in any order of definition."""
    workflow = lab.workflow({"topic": "licences"})
    workflow.add(prompt("told", "About {{ topic }}: {{ total }}", model="offline", namespace=workflow.namespace))

    @workflow.node(each="n in numbers")
    def doubled(n: int) -> int:
        return n * 2

    @workflow.node
    def total(doubled: list[int]) -> int:
        return sum(doubled)

    outcome = run(workflow, inputs={"numbers": [1, 2]})
    assert outcome["total"] == 6
    assert isinstance(outcome["told"], str)


def test_the_current_workflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`wfkit.current()` is one workflow, and `@wfkit.node` puts nodes into it."""
    monkeypatch.setenv("WFKIT_STORE", str(tmp_path / ".wfkit"))
    monkeypatch.setattr("wfkit.public._current", [])

    @wfkit.node
    def a() -> int:
        return 1

    @wfkit.node(retries=1)
    def b(a: int) -> int:
        return a + 1

    assert wfkit.current().run()["b"] == 2
    wfkit.current().close()


def test_a_fresh_process_without_nodes(lab: Lab) -> None:
    """Without nodes, plan and why tell what a rerun of the newest run would do."""
    run(lab.cells({"a": "1", "b": "a"}))
    empty = lab.workflow()
    assert "2" in empty.plan().text()
    assert "cached" in empty.why("a").text()
    with pytest.raises(UsageFault, match="no run yet"):
        Workflow("x", store=lab.root / "other", namespace={}).plan()


def test_sql(lab: Lab) -> None:
    """One SELECT over the store, as a frame; anything else is refused."""
    workflow = lab.cells({"a": "1"})
    run(workflow)
    assert list(workflow.sql("select node from tasks_latest").node) == ["a"]
    with pytest.raises(UsageFault):
        workflow.sql("drop table runs")
