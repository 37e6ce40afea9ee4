"""Tools of prompts in whole runs: called as the model asks, watched, logged, bounded, and done once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import wfkit
from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import PATIENCE_S, Lab, did, run
from tests.engine.test_interrupt import until
from wfkit import Workflow, prompt
from wfkit.core.call import Message, Request
from wfkit.core.events import ToolEnded, ToolStarted
from wfkit.core.terms import FailureKind, TaskState
from wfkit.errors import CellError, OptionError
from wfkit.llm.fake import Fail, Say, Script, Use

MODEL = "fake/script"


def told(request: Request) -> list[str]:
    """What tools have said so far."""
    return [message.content for message in request.messages if message.role == "tool"]


def asking(lab: Lab, *tools: Callable[..., Any], **options: Any) -> Workflow:
    """A workflow with one prompt that has these tools. Lists named `seen` are no part of the key."""
    workflow = lab.workflow({})
    given = {"model": MODEL, "retries": 0, "ignore": "seen", **options}
    workflow.add(prompt("told", "Look it up.", tools=list(tools), **given))
    return workflow


def events(workflow: Workflow, run_id: str) -> list[ToolStarted | ToolEnded]:
    found = [entry.event for entry in workflow.store.entries(run_id)]
    return [event for event in found if isinstance(event, ToolStarted | ToolEnded)]


def price(name: str) -> int:
    """The price of a product."""
    return {"kettle": 20, "pot": 30}[name]


async def stock(names: list[str]) -> dict[str, int]:
    """How many are left."""
    await asyncio.sleep(0)
    return dict.fromkeys(names, 3)


def test_a_conversation(any_lab: Lab) -> None:
    """Functions and coroutines are called, results go back in the order of the calls, and the books have all turns."""
    uses = (Use("price", {"name": "kettle"}), Use("stock", {"names": ["pot", "kettle"]}))
    with Script([Say("Let me see.", uses=uses), Use("price", {"name": "pot"}), "20 and 30"]) as script:
        workflow = asking(any_lab, price, stock)
        outcome = run(workflow)
    assert outcome["told"] == "20 and 30"
    assert [request.tools[0].name for request in script.requests] == ["price"] * 3
    assert script.requests[1].messages[1] == Message(
        "assistant", "Let me see.", script.requests[1].messages[1].tool_calls
    )
    assert told(script.requests[2]) == ["20", '{"pot":3,"kettle":3}', "30"]
    assert outcome.report.nodes[0].spent.calls == 3
    found = events(workflow, outcome.run_id)
    assert [type(event).__name__ for event in found].count("ToolStarted") == 3
    assert {(event.tool, event.place) for event in found} == {("price", 0), ("stock", 1)}
    rows = workflow.sql(
        "SELECT tool, state, arguments, result, error, served FROM tool_calls ORDER BY seq DESC LIMIT 1"
    )
    assert rows.values.tolist() == [["price", "ended", '{"name": "pot"}', "30", None, False]]


def test_a_shaped_answer(lab: Lab) -> None:
    """With a schema the last answer is structured, and corrected as any other; a correction may call tools again."""
    schema = {"type": "object", "properties": {"usd": {"type": "integer"}}, "required": ["usd"]}
    use = Use("price", {"name": "kettle"})
    with Script([use, {"usd": "many"}, use, {"usd": 20}]) as script:
        outcome = run(asking(lab, price, schema=schema, repairs=1))
    assert outcome["told"] == {"usd": 20}
    assert [len(told(request)) for request in script.requests] == [0, 1, 1, 2]


def test_errors_are_told(lab: Lab) -> None:
    """Unknown names, broken JSON, wrong types and exceptions go back to the model as results; it may go on."""
    uses = (Use("prize"), Use("price", "{"), Use("price", {"name": 5}), Use("price", {"name": "cup"}))
    with Script([Say("", uses=uses), Use("price", {"name": "pot"}), "30"]) as script:
        outcome = run(asking(lab, price))
    assert outcome["told"] == "30"
    unknown, broken, wrong, raised = told(script.requests[1])
    assert unknown == "Error: UnknownTool: there is no tool 'prize'; there are: price"
    assert "Error: InvalidArguments: the arguments of price are not valid" in broken
    assert "$.name: Input should be a valid string (got 5)" in wrong
    assert raised == "Error: KeyError: 'cup'"


@pytest.mark.parametrize(
    ("use", "kind"), [(Use("prize"), "invalid_output"), (Use("price", {"name": "?"}), "exception")]
)
def test_too_many_errors(lab: Lab, use: Use, kind: str) -> None:
    """Five errors in a row end it: as the model's fault or the tool's, with the last of them."""
    with Script([use] * 6) as script:
        outcome = asking(lab, price, max_turns=20).run("told")
    failure = outcome.failures[0].failure
    assert (failure.error, str(failure.kind)) == ("ToolErrors", kind)
    assert "5 calls of tools in a row went wrong" in failure.message
    assert len(script.requests) == 5


def test_turns_are_bounded(lab: Lab) -> None:
    """`max_turns` replies may call tools; then the question fails, or is asked once more without."""
    use = Use("price", {"name": "pot"})
    with Script([use] * 9) as script:
        outcome = asking(lab, price, max_turns=2).run("told")
        assert outcome.failures[0].failure.error == "TooManyTurns"
        assert len(script.requests) == 3
    with Script(["30"]) as script:  # the turns before are in the call log
        outcome = run(asking(lab, price, max_turns=2, on_max_turns="answer"))
    assert outcome["told"] == "30"
    assert script.requests[0].params == (("tool_choice", "none"),)


def test_code_of_tools_counts(lab: Lab) -> None:
    """An edited tool, or a constant that it reads, is a new key; `why` says which. Nothing else runs it again."""
    cell = "PRICES = {{'pot': {}}}\ndef price(name: str) -> int: return PRICES[name]\nx = {}"
    for usd, other, did_what in ((30, 1, "run"), (30, 2, "hit"), (31, 2, "run")):
        namespace: dict[str, Any] = {}
        exec(compile(cell.format(usd, other), f"<ipython-input-{usd}-{other}>", "exec"), namespace)
        workflow = lab.workflow(namespace)
        with Script([Use("price", {"name": "pot"}), lambda request: told(request)[0]]):
            workflow.add(prompt("told", "Price?", model=MODEL, tools=["price"], namespace=namespace))
            why = workflow.why("told")
            outcome = run(workflow)
        assert did(outcome) == {"told": did_what}
        assert outcome["told"] == str(usd)
        if usd == 31:
            assert [change.path for change in why.changes] == ["told -> price -> PRICES"]


def test_what_tools_read_counts(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, frames read in C by a name the model gave, and variables: a change of one runs the prompt again."""
    monkeypatch.chdir(tmp_path)

    def look(name: str) -> str:
        return f"{len(pd.read_parquet(name))} {Path('note.txt').read_text()} {wfkit.env('WFKIT_TEST_TOOL')}"

    def go() -> tuple[dict[str, str], str]:
        with Script([Use("look", {"name": "rows.parquet"}), lambda request: told(request)[0]]):
            outcome = run(asking(lab, look))
            return did(outcome), outcome["told"]

    monkeypatch.setenv("WFKIT_TEST_TOOL", "a")
    Path("note.txt").write_text("hello")
    pd.DataFrame({"a": [1]}).to_parquet("rows.parquet")
    assert go() == ({"told": "run"}, "1 hello a")
    assert go() == ({"told": "hit"}, "1 hello a")
    Path("note.txt").write_text("bye")
    assert go() == ({"told": "run"}, "1 bye a")
    pd.DataFrame({"a": [1, 2]}).to_parquet("rows.parquet")
    assert go() == ({"told": "run"}, "2 bye a")
    monkeypatch.setenv("WFKIT_TEST_TOOL", "b")
    assert go() == ({"told": "run"}, "2 bye b")
    assert go() == ({"told": "hit"}, "2 bye b")


def test_what_a_failed_tool_read_counts(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a file was not there is what the model was told: when it appears, the prompt runs again."""
    monkeypatch.chdir(tmp_path)

    def look() -> str:
        return Path("late.txt").read_text()

    for expected in ("Error: FileNotFoundError", "here"):
        with Script([Use("look"), lambda request: told(request)[0]]):
            outcome = run(asking(lab, look))
        assert outcome["told"].startswith(expected)
        Path("late.txt").write_text("here")


def test_a_retry_does_not_begin_anew(lab: Lab) -> None:
    """After a failure in a later turn the turns before are served, and their tools are not called again."""
    seen: list[str] = []

    def note(text: str) -> str:
        seen.append(text)
        return f"noted {len(seen)}"

    with Script([Use("note", {"text": "a"}), Fail(), Fail(), Use("note", {"text": "b"}), Fail(), "done"]) as script:
        workflow = asking(lab, note, retries=3)
        outcome = run(workflow)
    assert (outcome["told"], seen, len(script.requests)) == ("done", ["a", "b"], 6)
    served = workflow.sql("SELECT attempt, result FROM tool_calls WHERE served ORDER BY seq")
    assert served.values.tolist() == [[2, "noted 1"], [3, "noted 1"], [4, "noted 1"], [4, "noted 2"]]


def test_requests_are_bounded(lab: Lab) -> None:
    """Turns with tools count beside `1 + retries + repairs`, whatever else goes wrong."""
    use, schema = Use("price", {"name": "pot"}), {"type": "object", "required": ["a"]}
    with Script([use, Fail(), use, {"b": 1}, Fail(), {"b": 1}, {"a": 1}]) as script:
        outcome = asking(lab, price, retries=2, repairs=1, schema=schema).run("told")
    assert outcome.failures[0].failure.kind in {FailureKind.EXHAUSTED, FailureKind.INVALID_OUTPUT}
    assert len(script.requests) == 2 + 1 + 2 + 1


@pytest.mark.parametrize("is_async", [True, False])
def test_deadline(lab: Lab, clock: Clock, is_async: bool) -> None:
    """The timeout of an attempt covers its tools. The next attempt calls the tool again with the same key, and a tool
    that takes none is told of."""
    seen: list[str] = []
    let_go = threading.Event()

    async def slow(idempotency_key: str) -> str:
        seen.append(idempotency_key)
        if len(seen) == 1:
            clock.forward()
            await asyncio.Event().wait()
        return "done"

    def stuck() -> str:
        seen.append("")
        if len(seen) == 1:
            clock.forward()
            let_go.wait(PATIENCE_S)
        return "done"

    tool = slow if is_async else stuck
    with Script([Use(tool.__name__), lambda request: told(request)[0]]):
        workflow = asking(lab, tool, retries=1, timeout=FAR_S, ignore="seen,let_go,clock")
        outcome = run(workflow)
    let_go.set()
    assert (outcome["told"], len(seen), len(set(seen))) == ("done", 2, 1)
    assert [failure.kind for failure in outcome._context.run.failures[0]] == [FailureKind.TIMEOUT]
    begun = [event for event in events(workflow, outcome.run_id) if isinstance(event, ToolStarted)]
    assert [event.again for event in begun] == [False, True]
    assert any("had begun and was not seen to end" in warning for warning in outcome.warnings) is not is_async


def test_interrupt_stops_tools(lab: Lab) -> None:
    """Ctrl-C cancels a coroutine that is a tool; the run goes on with it, and the paid turn is not asked again."""
    seen: list[str] = []

    async def slow() -> str:
        seen.append("began")
        try:
            if len(seen) == 1:
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.Event().wait()
        finally:
            seen.append("ended")
        return "done"

    with Script([Use("slow"), lambda request: told(request)[0]]) as script:
        workflow = asking(lab, slow)
        with pytest.raises(KeyboardInterrupt):
            workflow.run("told")
        stopped = workflow.store.runs(1)[0].run_id
        until(lambda: seen == ["began", "ended"], "the clean-up")  # which the loop does when the user is back already
        outcome = run(workflow, "told")
    assert (outcome.run_id, outcome["told"]) == (stopped, "done")
    assert seen == ["began", "ended", "began", "ended"]
    assert len(script.requests) == 2


def test_side_by_side_and_bounded(lab: Lab) -> None:
    """Calls of one reply run at once, four at a time; their results keep the order of the calls."""
    meet = threading.Barrier(4)

    def wait(number: int) -> int:
        meet.wait(PATIENCE_S)
        return number

    with Script([Say("", uses=tuple(Use("wait", {"number": n}) for n in range(8))), "done"]) as script:
        run(asking(lab, wait, ignore="meet"))
    assert told(script.requests[1]) == [str(n) for n in range(8)]


def test_what_tools_print(lab: Lab) -> None:
    """Calls and what tools print are in the task's log, also after a hit and also of a task that failed."""

    def chat() -> str:
        print("I am here")
        return "fine"

    for _ in range(2):
        with Script([Use("chat"), "done"]):
            workflow = asking(lab, chat)
            run(workflow)
        text = workflow.log("told").text()
        assert "chat({}) -> fine" in text
        assert "I am here" in text
    with Script([Use("chat"), Fail(FailureKind.REFUSED)]):
        workflow = asking(lab, chat, temperature=1)
        assert workflow.run("told").status == "failed"
    assert "I am here" in workflow.log("told").text()


def test_secrets(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in arguments or results is written nowhere: the result is not stored, and that is said."""
    secret = "canary-of-a-tool-7731"
    monkeypatch.setenv("TOOL_API_KEY", secret)

    def show(given: str) -> str:
        return f"it is {secret}, {given}"

    with Script([Use("show", {"given": secret}), Use("show", {"given": "b"}), "done"]):
        workflow = asking(lab, show, ignore="secret")
        with pytest.warns(RuntimeWarning, match="holds a secret"):
            assert workflow.run("told").values() == {"told": "done"}
        results = workflow.sql("SELECT result FROM tool_calls WHERE state = 'ended'")["result"]
    assert list(results) == ["[withheld: it holds a secret]"] * 2
    workflow.close()
    assert not [path for path in lab.root.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_bad_tools(lab: Lab) -> None:
    """What cannot be a tool is told before anything is asked, with the node."""

    def untyped(name):
        return name

    with Script(["never"]) as script:
        for name, problem in (("untyped", "has no type for its argument 'name'"), ("ghost", "is not defined")):
            workflow = lab.workflow({"untyped": untyped})
            workflow.add(prompt("told", "Hello", model=MODEL, tools=[name], namespace={"untyped": untyped}))
            for verb in (workflow.plan, workflow.run):
                with pytest.raises(OptionError, match=f"node 'told': tool '{name}' {problem}"):
                    verb("told")
        assert not script.requests


def test_offline(lab: Lab) -> None:
    """The embedded model calls a tool whose arguments the text gives, and answers from its result."""

    def area(width: int, height: int) -> str:
        return f"The area is {width * height} square metres."

    workflow = lab.workflow({})
    workflow.add(prompt("told", "How large is a room of 6 by 7 metres?", model="offline", tools=[area]))
    assert run(workflow)["told"] == "The area is 42 square metres."


def test_each_item_has_its_own(lab: Lab) -> None:
    """In a map every item has its own conversation; a failed one leaves the others alone."""
    rules = {
        "cup": Use("price", {"name": "cup"}), "pot": Use("price", {"name": "pot"}), "30": "it is 30",
        "KeyError": Fail(FailureKind.REFUSED),
    }  # fmt: skip
    workflow = lab.workflow({"items": ["pot", "cup", "pot"]})
    workflow.add(
        prompt("told", "{{ item }}", model=MODEL, tools=[price], each="item in items", on_error="keep", retries=0,
               namespace={"items": ["pot", "cup", "pot"]})
    )  # fmt: skip
    with Script(rules=rules):
        outcome = run(workflow, "told", inputs={"items": ["pot", "cup", "pot"]})
    assert [str(value) for value in outcome["told"]][::2] == ["it is 30", "it is 30"]
    assert outcome.report.nodes[-1].tasks[TaskState.FAILED] == 1


def test_a_tool_that_names_a_node(lab: Lab) -> None:
    """A tool sees no values of nodes: the error says to pass them."""
    namespace: dict[str, Any] = {}
    exec("def find(name: str) -> str: return clean[name]", namespace)
    workflow = lab.cells({"clean": "{}"}, namespace)
    workflow.add(prompt("told", "{{ clean }}", model=MODEL, tools=["find"], namespace=namespace))
    with pytest.raises(CellError, match="find reads 'clean', which is a node"):
        workflow.plan("told")


def test_fresh_replies(lab: Lab) -> None:
    """A run that is to buy again buys each turn once: after a failure its own turns serve, older ones do not."""
    use = Use("price", {"name": "pot"})
    with Script([use, "old", use, Fail(), "new"]) as script:
        assert run(asking(lab, price, retries=1))["told"] == "old"
        assert run(asking(lab, price, retries=1), force=True, fresh_replies=True)["told"] == "new"
    assert len(script.requests) == 5


def test_files_that_tools_write(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that a tool writes is no read; that a hit does not write it is said. The model is told its short name."""
    monkeypatch.chdir(tmp_path)

    def draw(name: str) -> Any:
        Path(name).write_text("a drawing")
        return wfkit.file(name)

    for expected in ("run", "hit"):
        with Script([Use("draw", {"name": "a.txt"}), lambda request: told(request)[0]]):
            outcome = run(asking(lab, draw))
        assert (did(outcome), outcome["told"]) == ({"told": expected}, "a.txt")
        warned = [warning for warning in outcome.warnings if "let a Python node write it" in warning]
        assert len(warned) == (expected == "run")
        Path("a.txt").unlink(missing_ok=True)
