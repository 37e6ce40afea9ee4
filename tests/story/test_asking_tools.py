"""Tools that ask models themselves: guarded, booked under the task of their prompt, paid once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wfkit
from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import Lab, did, run
from tests.story.processes import PATIENCE_S, finish, start
from wfkit import Workflow, prompt
from wfkit.core.terms import FailureKind, RunState
from wfkit.errors import BudgetRefused
from wfkit.llm import registry
from wfkit.llm.fake import Script, Use
from wfkit.llm.provider import Behaviour, Faults, Provider

MODEL, INNER = "fake/agent", "openai/gpt-4o-mini"


def judge(text: str) -> str:
    """What a second model thinks of a text."""
    return str(wfkit.ask(f"Judge: {text}", model=INNER).result())


async def rank(texts: list[str]) -> list[str]:
    """What a second model thinks of many texts."""
    vectors = await wfkit.embed(texts, model="offline")
    assert len(vectors) == len(texts)
    return list(await asyncio.gather(*(wfkit.ask(f"Rank: {text}", model=INNER, max_tokens=20) for text in texts)))


def lazy(text: str) -> str:
    """Makes a question that nobody asks."""
    wfkit.ask(text, model=INNER)
    return "done"


def judged_again(text: str) -> str:
    return str(wfkit.ask(f"Judge again: {text}", model=INNER).result())


def once(text: str) -> str:
    """Asks once."""
    return str(wfkit.ask(text, model=INNER, retries=0).result())


def wrong(text: str) -> str:
    """Asks what cannot be asked."""
    return str(wfkit.ask(text, retires=3).result())


def asking(lab: Lab, *tools: Callable[..., Any], **options: Any) -> Workflow:
    """A workflow with one prompt that has these tools."""
    workflow = lab.workflow({})
    workflow.add(prompt("told", "Look it up.", tools=list(tools), **{"model": MODEL, "retries": 0, **options}))
    return workflow


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """A provider on this machine, with the faults of the test."""
    with Provider(Behaviour(faults=getattr(request, "param", Faults()))) as made:
        monkeypatch.setenv("OPENAI_API_BASE", made.url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        yield made


def test_tools_ask(lab: Lab, provider: Provider) -> None:
    """A function asks with `.result()`, a coroutine with `await`: all is booked under the task of the prompt and is
    part of what its value cost; a run that makes it again buys nothing."""
    uses = [Use("judge", {"text": "a"}), Use("rank", {"texts": ["b", "c"]}), "so be it"]
    with Script(uses, name="agent") as script:
        workflow = asking(lab, judge, rank)
        first = run(workflow)
        assert (first["told"], len(provider.effects()), len(script.requests)) == ("so be it", 3, 3)
        assert first.report.run.spent.calls == 7  # the vectors are a call of the offline model
        asked = workflow.sql("SELECT DISTINCT node, item, attempt FROM calls_latest")
        assert asked[["node", "attempt"]].values.tolist() == [["told", 1]]
        assert workflow.sql("SELECT error FROM tool_calls")["error"].isna().all()
        hit = run(workflow)
        assert (did(hit), hit.report.nodes[0].saved_usd) == ({"told": "hit"}, first.cost_usd)
        again = run(workflow, force=True)
        assert (again["told"], again.cost_usd, len(provider.effects())) == ("so be it", 0, 3)
        assert again.report.nodes[0].saved_usd == first.cost_usd


def test_the_purse_is_the_same(lab: Lab, provider: Provider) -> None:
    """What a tool asks comes from the purse of its node: what is left does not allow one question more, and that stops
    the run. The model is not told, so no answer is made of it."""
    with Script([Use("rank", {"texts": [f"text {n}" for n in range(9)]})], name="agent") as script:
        workflow = asking(lab, rank, max_usd=0.00003)
        outcome = run(workflow)
        assert (outcome.status, len(script.requests)) == (RunState.BUDGET_STOPPED, 1)
    assert "the budget of node 'told' does not allow this call" in outcome.failures[0].failure.message
    assert "rank(" in workflow.log("told").text()
    assert 0 < len(provider.effects()) < 9
    assert outcome.cost_usd is not None
    assert outcome.cost_usd <= 0.00003


@pytest.mark.parametrize("provider", [Faults(script=("500", "ok"))], indirect=True)
def test_an_answer_after_a_failed_question_is_not_kept(lab: Lab, provider: Provider) -> None:
    """The model is told that a question of its tool has failed; what it answers then is told of, and made again by the
    next run."""
    with Script([Use("once", {"text": "a"}), "I could not", "fine"], name="agent"):
        workflow = asking(lab, once)
        outcome = run(workflow)
        assert outcome["told"] == "I could not"
        assert any("one of its tools asked has failed (transient)" in warning for warning in outcome.warnings)
        assert run(workflow)["told"] == "fine"
    assert len(provider.effects()) == 2


def test_a_tool_that_asks_wrongly(lab: Lab) -> None:
    """A question that cannot be asked fails the node, with the words and the line: no model could mend it."""
    with Script([Use("wrong", {"text": "a"})], name="agent"):
        outcome = run(asking(lab, wrong))
    failure = outcome.failures[0].failure
    assert "unknown option `retires`" in failure.message
    assert "def wrong" not in (failure.traceback or "wrong")
    assert "wfkit.ask(text, retires=3)" in (failure.traceback or "")


@pytest.mark.parametrize("provider", [Faults({"hang": 1.0})], indirect=True)
@pytest.mark.parametrize("tool", [judge, rank], ids=["function", "coroutine"])
@pytest.mark.parametrize("whose", ["task", "run"])
def test_a_deadline_gives_them_up(
    lab: Lab, provider: Provider, clock: Clock, tool: Callable[..., Any], whose: str
) -> None:
    """At the deadline of the task or the run the questions of its tools are given up, and booked as calls that may be
    billed; nobody waits for them any more."""
    given = {"text": "a"} if tool is judge else {"texts": ["a"]}
    clock.forward_when(provider.effects)
    with Script([Use(tool.__name__, given)], name="agent"):
        workflow = asking(lab, tool, **({"deadline": FAR_S} if whose == "task" else {}))
        outcome = workflow.run(deadline=FAR_S if whose == "run" else None)
    assert [each.failure.kind for each in outcome.failures] == [FailureKind.TIMEOUT]
    assert len(provider.effects()) == 1
    while workflow.session.guards.pools.statistics()["openai"].in_use:
        workflow.history()


def test_the_plan_knows_what_it_does_not_know(lab: Lab, provider: Provider) -> None:
    """What tools will ask is unknown before they ran, never free: a run with a limit is refused. Then the past
    tells."""
    with Script([Use("judge", {"text": "a"}), "so be it"], name="agent"):
        workflow = asking(lab, judge)
        assert workflow.plan().estimate.usd.expected is None
        with pytest.raises(BudgetRefused, match="what its tools ask is known only when it has run once"):
            workflow.run(max_usd=1.0)
        spent = run(workflow).cost_usd
    assert workflow.plan(force=True).estimate.usd.expected == pytest.approx(float(spent or 0))


def test_a_question_that_nobody_asks(lab: Lab) -> None:
    """A tool that forgets `await` fails its node in words."""
    with Script([Use("lazy", {"text": "a"})], name="agent"):
        outcome = run(asking(lab, lazy))
    assert "nobody has asked: write `await wfkit.ask(...)`" in outcome.failures[0].failure.message


def test_replayed(lab: Lab, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """What tools ask is recorded and replayed; a question that is not on the cassette ends the run as diverged."""
    tape = str(lab.root / "tape.jsonl")
    uses = [Use("judge", {"text": "a"}), "so be it"]
    with Script(uses, name="agent"):
        first = run(asking(lab, judge), record=tape)
    monkeypatch.delenv("OPENAI_API_KEY")
    other = Lab(lab.root / "other")
    with Script(uses, name="agent"):
        assert run(asking(other, judge), replay=tape)["told"] == first["told"]
        monkeypatch.setattr("tests.story.test_asking_tools.judge.__code__", judged_again.__code__)
        outcome = run(asking(other, judge), replay=tape)
    assert outcome.failures[0].failure.kind is FailureKind.DIVERGED
    assert len(provider.effects()) == 1
    other.close()


def test_a_model_of_ones_own_asks(lab: Lab) -> None:
    """What an adapter asks, to answer a prompt, is booked under that prompt, in its cost, and keeps nobody's result
    from the cache; a later hit says what all of it had cost."""

    async def vote(request: Any) -> dict[str, Any]:
        asked = (wfkit.ask(request.messages[0].content, model=f"fake/{name}") for name in ("one", "two"))
        return {"text": "+".join(await asyncio.gather(*asked)), "cost_usd": 0.5}

    wfkit.adapter("vote", vote)
    try:
        with Script(["yes"], name="one"), Script(["no"], name="two"):
            workflow = lab.cells({"told --model vote/x --retries 0": "Go", "other": "2"})
            first = run(workflow)
            assert (first["told"], first.warnings) == ("yes+no", ())
            assert workflow.sql("SELECT node FROM calls_latest")["node"].tolist() == ["told"] * 3
            hit = run(workflow)
            assert (did(hit), hit.report.run.saved_usd) == ({"told": "hit", "other": "hit"}, first.cost_usd)
    finally:
        registry.remove("vote")


def test_not_without_end(lab: Lab) -> None:
    """A model of the user's own that asks itself is stopped, in words, instead of asking for ever."""
    asked: list[str] = []

    async def again(request: Any) -> str:
        asked.append(request.messages[0].content)
        return str(await wfkit.ask(f"{request.messages[0].content}!", model="mirror/x", retries=0))

    wfkit.adapter("mirror", again)
    try:
        outcome = lab.cells({"told": "await wfkit.ask('Hm', model='mirror/x', retries=0)"}, {"wfkit": wfkit}).run()
    finally:
        registry.remove("mirror")
    assert "questions wait for one another" in outcome.failures[0].failure.message
    assert 1 < len(asked) < 10


KILLED = """
import json, os, signal, sys
import wfkit
from wfkit import Workflow, prompt
from wfkit.llm.fake import Script, Use

def judge(text: str) -> str:
    found = wfkit.ask(f"Judge: {text}", model="fake/inner").result()
    with open("../effects.txt", "a") as file:
        file.write(text + "\\n")
    if sys.argv[1] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return found

workflow = Workflow("judged", store=".wfkit", namespace={})
workflow.add(prompt("judged", "Judge it.", model="fake/agent", tools=[judge]))
with Script([Use("judge", {"text": "a"}), "done"][sys.argv[1] != "kill":], name="agent"):
    with Script(["fine"], name="inner") as inner:
        outcome = workflow.run("judged")
        print(json.dumps([outcome["judged"], len(inner.requests), outcome.report.nodes[0].served]))
workflow.close()
"""


@pytest.mark.slow
def test_killed_within_a_tool(tmp_path: Path) -> None:
    """After kill -9 the tool that had begun is called again, and what it had asked is not bought again."""
    folder = tmp_path / "project"
    folder.mkdir()
    process = start(folder, KILLED, "kill")
    assert process.wait(PATIENCE_S) == -signal.SIGKILL
    process.communicate()
    [[answer, asked, served]] = finish(start(folder, KILLED, "go on"))
    assert (tmp_path / "effects.txt").read_text().split() == ["a", "a"]
    assert (answer, asked, served) == ("done", 0, 2)
