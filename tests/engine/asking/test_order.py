"""Promises of the order of questions: what the guards are told of how long a task has been at work."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

import pytest

import wfkit
from tests.engine.lab import Lab, run
from wfkit import prompt
from wfkit.core.call import Request
from wfkit.core.terms import FailureKind
from wfkit.engine.asking import asker
from wfkit.guards.chain import About, Caller, Guards, Send, guarded
from wfkit.llm.fake import Fail, Hang, Say, Script

Ages = dict[str, list[float]]


@pytest.fixture
def ages(monkeypatch: pytest.MonkeyPatch) -> Ages:
    """How old the task of each question was at each of its requests, by the last message of the request."""
    found: Ages = defaultdict(list)

    def noted(send: Send, guards: Guards, about: Callable[[Request], About], caller: Caller) -> Send:
        def told(request: Request) -> About:
            each = about(request)
            found[request.messages[-1].content.split("\n")[0]].append(each.age_s)
            return each

        return guarded(send, guards, told, caller)

    monkeypatch.setattr(asker, "guarded", noted)
    return found


def test_a_later_attempt_is_older(lab: Lab, ages: Ages) -> None:
    """A retry and a repair come from a task that was begun: the guards hear how long ago."""
    workflow = lab.workflow()
    workflow.add(prompt("a", "Number?", model="fake/slow", schema={"type": "integer"}, retries=1, repairs=1))
    answers = [Fail(FailureKind.TRANSIENT, latency_s=0.01), Say("none", latency_s=0.01), Say("7")]
    with Script(answers, name="slow"):
        assert run(workflow)["a"] == 7
    first, retry, *_ = ages["Number?"]
    (repair,) = (age for text, found in ages.items() if text != "Number?" for age in found)
    assert 0 <= first < retry < repair


def test_a_hedge_is_older_than_what_it_doubles(lab: Lab, ages: Ages) -> None:
    """The second request of a question is of a task that is at work, too."""
    with Script([Hang(), Say("yes")]):
        assert run(lab.cells({"said --model fake/script --hedge 0.05s": "Go"}))["said"] == "yes"
    first, second = ages["Go"]
    assert 0 <= first < second


def test_questions_of_python_code_are_as_old_as_their_task(lab: Lab, ages: Ages) -> None:
    """So are those of a later attempt of the task, which begins at a new desk."""
    attempts: list[int] = []
    workflow = lab.workflow()

    @workflow.node(retries=1)
    async def asks() -> str:
        await asyncio.sleep(0.01)
        attempts.append(len(attempts))
        await wfkit.ask(f"Attempt {len(attempts)}?", model="fake/quick")
        if len(attempts) == 1:
            raise OSError
        return "done"

    with Script([Say("yes"), Say("yes")], name="quick"):
        run(workflow)
    (first,), (second,) = ages["Attempt 1?"], ages["Attempt 2?"]
    assert 0 < first < second
