"""Questions inside Python nodes: paid once, guarded, counted and bounded like prompts, by the provider's own books."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import wfkit
from tests.engine.lab import Lab, agree, did, run
from wfkit import Workflow
from wfkit.core.terms import FailureKind, RunState
from wfkit.define.cell import parse_cell
from wfkit.errors import BudgetRefused, CallFailed, DefinitionError, UsageFault
from wfkit.llm.fake import Fail, Hang, Script
from wfkit.llm.provider import Faults, Provider

MODEL, SECOND = "openai/gpt-4o-mini", "openai/gpt-4o"
MANY = "import asyncio\nanswers = await asyncio.gather(*(wfkit.ask(f'number {n}', model=M) for n in range(COUNT)))\n"


class Label(BaseModel):
    """What the answers of these stories look like."""

    label: str


@pytest.fixture
def script() -> Iterator[Script]:
    """A model that says yes."""
    with Script(rules={"": "yes"}, name="asked") as made:
        yield made


def cells(lab: Lab, model: str = "fake/asked", **bodies: str) -> Workflow:
    """A workflow of cells in a notebook that has imported wfkit."""
    return lab.cells(bodies, {"wfkit": wfkit, "M": model, "COUNT": 100, "Label": Label})


def at_once(workflow: Workflow) -> int:
    """How many requests were under way at once, at most."""
    calls = workflow.sql("SELECT started_at, ended_at FROM calls_latest")
    changes = sorted([*((at, 1) for at in calls["started_at"]), *((at, -1) for at in calls["ended_at"])])
    return max(accumulate(change for _, change in changes))


def error(outcome: Any) -> str:
    """The message of the only failure."""
    return str(outcome.failures[0].failure.message)


def test_a_hundred_at_once(lab: Lab, openai: Callable[..., Provider]) -> None:
    """A body asks a hundred questions in one gather: each is bought once, as many at a time as the pool has seats, and
    booked under its node; the log tells the live run."""
    provider = openai(latency_s=0.01)
    workflow = cells(lab, MODEL, told=f"{MANY}len(answers)")
    workflow.config("concurrency", 7)
    outcome = run(workflow)
    assert (outcome["told"], len(provider.effects())) == (100, 100)
    assert at_once(workflow) <= 7
    node = next(row for row in outcome.report.nodes if row.name == "told")
    assert (node.spent.calls, node.spent.unpriced) == (100, 0)
    assert outcome.warnings == ()  # what wfkit does to ask is no read of the body, and no use of the network
    assert node.spent.cost_usd == outcome.report.run.spent.cost_usd > 0
    shown = workflow.show("cost").data().iloc[0]
    assert (shown["node"], shown["calls"], shown["cost_usd"]) == ("told", 100, float(node.spent.cost_usd))


def test_paid_once_whatever_the_code_becomes(any_lab: Lab, script: Script) -> None:
    """An edit of the code asks nothing again that was asked; another question costs itself alone; a hit asks nothing
    and says what it saved."""
    workflow = cells(any_lab, told=f"{MANY}len(answers)")
    run(workflow)
    workflow.namespace["COUNT"] = 101
    outcome = run(workflow)
    assert (did(outcome), outcome["told"], len(script.requests)) == ({"told": "run"}, 101, 101)
    assert next(row for row in outcome.report.nodes if row.name == "told").served == 100
    outcome = run(workflow)
    assert (did(outcome), len(script.requests)) == ({"told": "hit"}, 101)


def test_fresh_replies_are_bought_again(lab: Lab, script: Script) -> None:
    """`fresh_replies` asks anew what a body asks, as it does for prompts."""
    workflow = cells(lab, told="await wfkit.ask('now?', model=M)")
    run(workflow)
    run(workflow, force=True)
    assert len(script.requests) == 1
    run(workflow, force=True, fresh_replies=True)
    assert len(script.requests) == 2


def test_values_of_a_schema(lab: Lab, script: Script) -> None:
    """With a schema the answer is a value of it, after a correction if need be; `full` tells who answered at what
    cost."""
    with Script([{"other": 1}, {"label": "good"}], name="shaped"):
        workflow = cells(
            lab,
            told="await wfkit.ask('How is it?', model='fake/shaped', schema=Label)",
            whole="found = await wfkit.ask([('system', 'Be brief.'), ('user', 'Hm?')], model=M, full=True)\n"
            "(found.value, found.model, found.usage.output_tokens, str(found.cost_usd))",
        )
        outcome = run(workflow)
        assert outcome["told"] == Label(label="good")
        assert outcome["whole"] == ("yes", "fake/asked", 1, "0")
        assert [message.role for message in script.requests[-1].messages] == ["system", "user"]


@pytest.mark.parametrize(
    ("faults", "count"), [({"500": 0.4, "429": 0.2}, 8), ({"500": 1.0}, 2)], ids=["some fail", "all fail"]
)
def test_never_more_requests_than_allowed(
    lab: Lab, openai: Callable[..., Provider], faults: dict[str, float], count: int
) -> None:
    """Retries and fallbacks together stay within their number, a question; one that fails for good fails its task, and
    no retry of the task comes on top."""
    provider = openai(faults=Faults(faults, retry_after_s=0.0, seed=3))
    ask = f"wfkit.ask(f'number {{n}}', model=M, fallback={SECOND!r}, retries=1)"
    questions = f"*({ask} for n in range({count}))"
    body = f"import asyncio\nstr(await asyncio.gather({questions}, return_exceptions=True))"
    run(cells(lab, MODEL, told=body))
    asked = Counter(effect.prompt for effect in provider.effects())
    assert len(asked) == count
    assert max(asked.values()) <= 1 + 1 + 1 + 1  # the first, a retry, a correction, another model


def test_what_is_wrong_is_not_asked_again(lab: Lab, openai: Callable[..., Provider]) -> None:
    """A request that is refused as wrong is sent once; the failure tells why, as data."""
    provider = openai(faults=Faults({"400": 1.0}))
    outcome = run(cells(lab, MODEL, told="await wfkit.ask('Hm?', model=M, retries=3)"))
    assert (outcome.failures[0].failure.kind, len(provider.effects())) == (FailureKind.INVALID_REQUEST, 1)


def test_a_group_that_fails(lab: Lab) -> None:
    """In a task group the failure of a question is that of the node, with its kind: here the one that stops a run."""
    body = "import asyncio\nasync with asyncio.TaskGroup() as group:\n"
    with Script([Fail(FailureKind.QUOTA)] * 2, name="asked"):
        made = "    made = [group.create_task(wfkit.ask(text, model=M)) for text in 'ab']\n1"
        outcome = run(cells(lab, told=body + made))
    assert outcome.status == RunState.BUDGET_STOPPED


def test_a_failure_may_be_caught(lab: Lab) -> None:
    """A body may catch the failure of a question and go on."""
    body = "from wfkit.errors import CallFailed\ntry:\n    told = await wfkit.ask('Hm?', model=M, retries=0)\n"
    with Script([Fail(FailureKind.TRANSIENT)], name="asked"):
        outcome = run(cells(lab, told=f"{body}except CallFailed as error:\n    told = error.failure.kind.value"))
    assert outcome["told"] == "transient"


def test_code_without_await(lab: Lab, script: Script) -> None:
    """A plain function asks by `.result()`, also in a map and on threads that know their node; a question that nobody
    awaits fails its node in words, and `.result()` where one can await does not wait for itself."""
    workflow = cells(
        lab,
        **{
            "items": "['a', 'b']",
            "plain --each 'item in items'": "wfkit.ask(item, model=M).result()",
            "threaded": "import asyncio\nawait asyncio.to_thread(lambda: wfkit.ask('c', model=M).result())",
            "grouped": "import asyncio\nasync with asyncio.TaskGroup() as group:\n"
            "    made = [group.create_task(wfkit.ask(text, model=M)) for text in 'de']\n[one.result() for one in made]",
            "forgotten": "wfkit.ask('f', model=M)\n1",
            "looped": "[word async for word in wfkit.ask('h', model=M)]",
            "stuck": "async def stuck_(): return wfkit.ask('g', model=M).result()\nawait stuck_()",
        },
    )
    outcome = run(workflow, "plain", "threaded", "grouped")
    assert (list(outcome["plain"]), outcome["threaded"], outcome["grouped"]) == (["yes", "yes"], "yes", ["yes", "yes"])
    assert {row.name: row.spent.calls for row in outcome.report.nodes if row.spent.calls} == {
        "plain": 2, "threaded": 1, "grouped": 2,
    }  # fmt: skip
    assert "nobody has asked: write `await wfkit.ask(...)`" in error(run(workflow, "forgotten"))
    assert "write `await wfkit.ask(...)`" in error(run(workflow, "stuck"))
    assert "write `wfkit.ask(..., stream=True)` to hear an answer word by word" in error(run(workflow, "looped"))
    assert len(script.requests) == 5


def test_the_default_model_counts(lab: Lab, script: Script) -> None:
    """A body that asks the model of the settings runs again when they name another; one that names its model does
    not."""
    workflow = cells(lab, by_default="await wfkit.ask('Who?')", named="await wfkit.ask('Who?', model=M)")
    assert did(run(workflow)) == {"by_default": "run", "named": "run"}
    assert did(run(workflow)) == {"by_default": "hit", "named": "hit"}
    workflow.config("model", "fake/asked")
    assert "The setting 'model' was 'offline'" in workflow.why("by_default").text()
    assert did(run(workflow)) == {"by_default": "run", "named": "hit"}


@pytest.mark.usefixtures("noon")
@pytest.mark.parametrize("whose", ["node", "question", "run", "day"])
def test_no_question_spends_more_than_it_may(lab: Lab, openai: Callable[..., Provider], whose: str) -> None:
    """Budgets of a question, a node, a run and a day hold for what code asks; the run says which one stopped it, and
    what was paid is not bought again."""
    provider = openai()
    line = "told --max-usd 0.00003" if whose == "node" else "told"
    own = ", max_usd=0.000001" if whose == "question" else ""
    ask = f"wfkit.ask(f'number {{n}}', model=M, max_tokens=20{own})"
    body = f"import asyncio\nstr(await asyncio.gather(*({ask} for n in range(9)), return_exceptions=False))"
    workflow = cells(lab, MODEL, **{line: body})
    if whose in {"run", "day"}:
        workflow.config("max_usd" if whose == "run" else "max_usd_per_day", 0.00003)
    outcome = run(workflow)
    assert outcome.status == RunState.BUDGET_STOPPED
    names = {"node": "node 'told'", "question": "this question", "run": "the run", "day": "today"}
    assert f"the budget of {names[whose]}" in error(outcome)
    assert (len(provider.effects()) == 0) == (whose == "question")


def test_a_deadline_gives_questions_up(lab: Lab) -> None:
    """At the deadline of its node, or its own, a question is given up; its request is in the books as one that may
    have been billed."""
    with Script([Hang(), Hang(), Hang()], name="asked"):
        workflow = cells(
            lab,
            **{
                "slow --timeout 0.05": "await wfkit.ask('Hm?', model=M)",
                "blocked --timeout 0.05": "wfkit.ask('Ho?', model=M).result()",
                "own": "await wfkit.ask('Ha?', model=M, deadline=0.05)",
            },
        )
        outcome = workflow.run()
        assert {each.failure.kind for each in outcome.failures} == {FailureKind.TIMEOUT}
        while workflow.session.guards.pools.statistics()["fake"].in_use:  # they are given up on another thread
            workflow.history()
        agree(workflow, outcome)


def test_the_plan_knows_what_it_does_not_know(lab: Lab, openai: Callable[..., Provider]) -> None:
    """What code will ask is unknown before it has run, never 0: a run with a limit is refused, unless the node has one;
    afterwards the past tells."""
    openai()
    workflow = cells(lab, MODEL, told="await wfkit.ask('Hm?', model=M)", plain="1")
    assert "?" in workflow.plan("told").text()
    with pytest.raises(BudgetRefused, match="told: what its code asks is known only when it has run once"):
        workflow.run("told", max_usd=1.0)
    workflow.add(parse_cell("told --max-usd 0.5", "await wfkit.ask('Hm?', model=M)", workflow.namespace))
    assert workflow.plan("told", max_usd=1.0).refused is None
    first = run(workflow, "told", max_usd=1.0)
    workflow.add(parse_cell("told", "await wfkit.ask('Hm?', model=M) + '!'", workflow.namespace))
    foreseen = next(row for row in workflow.plan("told").rows if row.node == "told").estimate
    assert foreseen.usd.expected == pytest.approx(float(first.cost_usd))
    assert workflow.plan("plain").estimate.usd.high == 0


def test_recorded_and_replayed(lab: Lab, openai: Callable[..., Provider], monkeypatch: pytest.MonkeyPatch) -> None:
    """What code asks is recorded and replayed, failures and retries included, whatever the order in which the replies
    came; the file is the same each time."""
    provider = openai(faults=Faults(script=("ok", "429", "500"), retry_after_s=0.0))
    body = "import asyncio\nstr(await asyncio.gather(*(wfkit.ask(f'number {n}', model=M) for n in range(5))))"
    tape = lab.root / "tape.jsonl"
    first = run(cells(lab, MODEL, told=body), record=str(tape))
    assert first.status == "success", first.failures
    monkeypatch.delenv("OPENAI_API_KEY")
    sent = len(provider.effects())
    other = Lab(lab.root / "other")
    again = run(cells(other, MODEL, told=body), replay=str(tape))
    assert (again["told"], len(provider.effects())) == (first["told"], sent)
    assert not again.unused_recordings
    gone = run(cells(other, MODEL, told=body.replace("number", "nummer")), replay=str(tape))
    assert gone.failures[0].failure.kind is FailureKind.DIVERGED
    other.close()


def test_a_cell_that_is_no_node(lab: Lab, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain cell asks too, guarded and written down: what it has paid for serves the node that is made of it."""
    workflow = cells(lab, told="await wfkit.ask('Hm?', model=M)")
    monkeypatch.setattr("wfkit.public._current", [workflow])

    async def cell() -> list[str]:
        return await asyncio.gather(wfkit.ask("Hm?", model="fake/asked"), wfkit.ask("Ho?", model="fake/asked"))

    assert asyncio.run(cell()) == ["yes", "yes"]
    assert wfkit.ask("Ho?", model="fake/asked").result() == "yes"
    assert (run(workflow)["told"], len(script.requests)) == ("yes", 2)
    asked = workflow.sql("SELECT node, state, served FROM calls_latest WHERE run_id = '' ORDER BY served")
    assert asked.values.tolist() == [[None, "ended", False]] * 2 + [[None, "ended", True]]
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    workflow.config("max_usd", 0.0000001)
    question = wfkit.ask("Ha?", model=MODEL)
    with pytest.raises(CallFailed, match="does not allow this call"):
        question.result()


def test_a_cell_that_is_no_node_is_recorded(
    lab: Lab, openai: Callable[..., Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What plain cells ask is on the cassette when they have their answers, also if no run follows; it replays."""
    provider = openai()
    tape = lab.root / "tape.jsonl"
    texts = [f"number {number}" for number in range(5)]

    async def cell() -> list[str]:
        return await asyncio.gather(*(wfkit.ask(text, model=MODEL) for text in texts))

    workflow = cells(lab)
    monkeypatch.setattr("wfkit.public._current", [workflow])
    workflow.config("cassette", f"record:{tape}")
    first = asyncio.run(cell())
    assert len(tape.read_text("utf-8").splitlines()) == 1 + len(texts) == 1 + len(provider.effects())
    other = Lab(lab.root / "other")
    replaying = cells(other)
    monkeypatch.setattr("wfkit.public._current", [replaying])
    monkeypatch.delenv("OPENAI_API_KEY")
    replaying.config("cassette", f"replay:{tape}")
    assert asyncio.run(cell()) == first
    assert len(provider.effects()) == len(texts)
    other.close()


@pytest.mark.parametrize(
    ("prompt", "said", "problem"),
    [
        ("", {}, "the prompt is empty"),
        (3, {}, "a prompt is a text"),
        ([("robot", "Hm?")], {}, "the role 'robot'"),
        ("Hm?", {"temperature": 9}, "`temperature` .argument. must be a number from 0 to 2"),
        ("Hm?", {"modle": "offline"}, "unknown option `modle`.*model"),
        ("Hm?", {"model": "offline", "fallback": "offline"}, "falls back to itself"),
        ("Hm?", {"schema": 3}, "`schema` .argument. is int, not a schema"),
        ("Hm?", {"schema": "Label"}, "takes the class or the types themselves, without quotes"),
        ("Hm?", {"schema": dict}, "is the class dict, not a schema"),
        ("Hm?", {"tools": [len]}, "option `tools` .argument. is for nodes"),
    ],
)
def test_bad_questions(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, prompt: Any, said: dict[str, Any], problem: str
) -> None:
    """What cannot be asked is refused where it is said, before anything is sent."""
    monkeypatch.setattr("wfkit.public._current", [cells(lab)])
    with pytest.raises((UsageFault, DefinitionError), match=problem):
        wfkit.ask(prompt, **said)


def test_threads_that_nobody_knows(lab: Lab, script: Script) -> None:
    """On a thread that does not know its node a question is refused in words, before the call: it would be nobody's.
    Where the error ends that thread alone, what the body has made is told and not kept."""
    body = "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as pool:\n"
    ask = "    told = list(pool.map(lambda text: wfkit.ask(text, model=M).result(), 'ab'))"
    outcome = run(cells(lab, told=body + ask))
    assert "`asyncio.gather` asks many at once" in error(outcome)
    body = (
        "import threading\nfound = []\ndef ask():\n    try:\n        found.append(wfkit.ask('a', model=M).result())\n"
    )
    body += "    except Exception:\n        pass\n"
    body += "thread = threading.Thread(target=ask)\nthread.start()\nthread.join()\nfound"
    workflow = cells(lab, told=body)
    assert any("was refused its question to a model" in warning for warning in run(workflow).warnings)
    assert did(run(workflow)) == {"told": "run"}
    assert script.requests == []


def test_questions_of_a_desk_that_is_closed(lab: Lab, script: Script, tmp_path: Path) -> None:
    """A thread that outlives its body cannot ask in its name."""
    kept: list[Any] = []
    workflow = cells(lab, **{"told --ignore kept": "import contextvars\nkept.append(contextvars.copy_context())\n1"})
    workflow.namespace["kept"] = kept
    run(workflow)
    with pytest.raises(UsageFault, match="node 'told' has ended"):
        kept[0].run(wfkit.ask, "Hm?", model="fake/asked")
    assert script.requests == []
