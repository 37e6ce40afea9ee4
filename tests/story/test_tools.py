"""Tools of prompts against the world: kill -9 with an effect log outside the store, a provider's books, a cassette."""

from __future__ import annotations

import signal
import socket
from collections import Counter
from pathlib import Path

import pytest

from tests.story.processes import PATIENCE_S, finish, start
from wfkit import Workflow, prompt
from wfkit.llm.provider import Behaviour, Faults, Provider

# The second tool of the conversation kills its process the first time. Each tool writes what it does to a file of its
# own, outside the store, before anything else can happen.
KILLED = """
import json, os, signal, sys
from pathlib import Path
from wfkit import Workflow, prompt
from wfkit.llm.fake import Script, Say, Use

EFFECTS = "../effects.txt"

def effect(text):
    with open(EFFECTS, "a") as file:
        file.write(text + "\\n")
        file.flush()
        os.fsync(file.fileno())

def book(seat: int) -> str:
    effect(f"book {seat}")
    return f"seat {seat} is booked"

def pay(usd: int, idempotency_key: str) -> str:
    effect(f"pay {usd} {idempotency_key}")
    if sys.argv[1] == "pay":
        os.kill(os.getpid(), signal.SIGKILL)
    return "paid"

def mail(to: str) -> str:
    effect(f"mail {to}")
    if sys.argv[1] == "mail":
        os.kill(os.getpid(), signal.SIGKILL)
    return "sent"

def said(request):
    turns = sum(message.role == "assistant" for message in request.messages)
    return [Use("book", {"seat": 7}), Use("pay", {"usd": 20}), Use("mail", {"to": "ann"}), "all done"][turns]

workflow = Workflow("trip", store=".wfkit", namespace={})
workflow.add(prompt("trip", "Book it.", model="fake/agent", tools=[book, pay, mail]))
with Script([said] * 9, name="agent") as script:
    outcome = workflow.run("trip")
    print(json.dumps([outcome["trip"], len(script.requests), list(outcome.warnings)]))
workflow.close()
"""


@pytest.mark.slow
def test_killed_within_a_tool(tmp_path: Path) -> None:
    """After kill -9 the conversation goes on where it was: turns are not asked again, tools that ended are not called
    again, one that had begun is called again with the same key; one without a key is called again, and that is told.
    """
    folder = tmp_path / "project"
    folder.mkdir()
    for where in ("pay", "mail"):
        process = start(folder, KILLED, where)
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
        process.communicate()
    [[answer, requests, warnings]] = finish(start(folder, KILLED, "nowhere"))
    effects = (tmp_path / "effects.txt").read_text().splitlines()
    assert [line.split()[0] for line in effects] == ["book", "pay", "pay", "mail", "mail"]
    assert effects[1] == effects[2]
    assert (answer, requests) == ("all done", 1)
    assert any("its tool 'mail' had begun and was not seen to end" in warning for warning in warnings)


def wind(place: str = "here", speed: int = 1) -> str:
    """The wind at a place."""
    return f"The wind at {place} blows with {speed} metres a second."


def ask(folder: Path, retries: int, **options: str) -> tuple[str, str]:
    """A run with twelve conversations: its status, and the last words of one."""
    workflow = Workflow("wind", store=folder / ".wfkit", namespace={})
    text = "Tell the wind. Number {{ item }}."
    given = {"model": "openai/gpt-4o-mini", "each": "item in items", "on_error": "keep"}
    workflow.add(prompt("told", text, tools=[wind], max_turns=2, retries=retries, **given))
    try:
        outcome = workflow.run("told", inputs={"items": list(range(12))}, **options)
        return str(outcome.status), str(outcome["told"][0])
    finally:
        workflow.close()


@pytest.mark.parametrize(("retries", "transport"), [(0, "auto"), (2, "litellm")])
def test_the_providers_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retries: int, transport: str) -> None:
    """However retries and turns nest: at most one request, one for each retry and correction, and one for each turn
    with tools. A turn that was answered is not asked again.
    """
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    monkeypatch.setenv("WFKIT_TRANSPORT", transport)
    faults = Faults({"500": 0.25, "null_content": 0.1}, seed=retries)
    with Provider(Behaviour(faults=faults)) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        ask(tmp_path, retries)
        effects = provider.effects()
    assert len(effects) <= 12 * (1 + retries + 1 + 2)
    answered = Counter(effect.messages for effect in effects if effect.status == 200 and effect.outcome == "ok")
    assert max(answered.values()) == 1
    assert len(answered) >= 12


def test_the_budget_holds_between_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each turn passes the purse: what the next may cost at worst is refused before it is sent. With more money the
    conversation goes on from the turn that is paid.
    """
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with Provider() as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        for usd, status, requests in ((0.00015, "budget_stopped", 1), (0.01, "success", 1)):
            seen = len(provider.effects())
            workflow = Workflow("bought", store=tmp_path / ".wfkit", namespace={})
            options = {"model": "openai/gpt-4o-mini", "max_tokens": 150, "retries": 0, "max_usd": usd}
            workflow.add(prompt("told", "Tell the wind.", tools=[wind], **options))
            outcome = workflow.run("told")
            assert (str(outcome.status), len(provider.effects()) - seen) == (status, requests)
            assert outcome.cost_usd is not None
            assert 0 < outcome.cost_usd <= usd
            workflow.close()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["anthropic/claude-3-5-haiku-20241022", "gemini/gemini-2.5-flash"])
def test_other_wires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    """Through litellm, to Anthropic and Google too: a call, its result, an answer in the wanted shape, without tools at
    the last.
    """
    schema = {"type": "object", "properties": {"speed": {"type": "integer"}}, "required": ["speed"]}
    workflow = Workflow("wires", store=tmp_path / ".wfkit", namespace={})
    options = {"schema": schema, "max_turns": 1, "on_max_turns": "answer", "retries": 0, "repairs": 0}
    workflow.add(prompt("told", "Tell the wind. Speed: 5", model=model, tools=[wind], **options))
    with Provider() as provider:
        for name, value in {**provider.environment, "ANTHROPIC_API_KEY": "any", "GEMINI_API_KEY": "any"}.items():
            monkeypatch.setenv(name, value)
        outcome = workflow.run("told")
        assert outcome["told"] == {"speed": 5}
        assert [effect.outcome for effect in provider.effects()] == ["ok", "ok"]
    assert list(workflow.sql("SELECT error FROM tool_calls")["error"]) == [None]
    workflow.close()


def test_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorded conversation replays without key and network; its tools really run, and what they say now counts."""
    tape = tmp_path / "tape.jsonl"
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with Provider() as provider, monkeypatch.context() as there:
        there.setenv("OPENAI_API_BASE", provider.url)
        first = ask(tmp_path / "first", 0, record=str(tape))
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setattr(socket.socket, "connect", _closed)
    assert first[0] == "success"
    assert ask(tmp_path / "second", 0, replay=str(tape)) == first
    monkeypatch.setattr("tests.story.test_tools.wind.__code__", calm.__code__)
    status, _ = ask(tmp_path / "third", 0, replay=str(tape))
    assert status == "partial"


def calm(place: str = "here", speed: int = 1) -> str:
    return f"There is no wind at {place}, whatever {speed} says."


def _closed(*_: object) -> None:
    raise AssertionError("a socket was opened")
