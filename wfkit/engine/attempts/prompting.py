"""The attempt of a prompt: render, ask its one question, make the answer a value.

Runs on the loop's thread. How a question reaches a model is in `asking`; when an attempt is made is not decided here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from wfkit.core.call import Failure, Listener
from wfkit.core.effects import Start
from wfkit.core.events import Failed, Succeeded
from wfkit.core.frozen import dataclass
from wfkit.core.result import Output, Result, Spent
from wfkit.core.routing import is_last, place
from wfkit.core.terms import FailureKind
from wfkit.engine.asking.asker import Asker, Asking, Question
from wfkit.engine.asking.line import corrections, judge, most_requests
from wfkit.engine.asking.purses import Purses, Turn
from wfkit.engine.asking.spending import together
from wfkit.engine.attempts.bodies import run_prompt
from wfkit.engine.attempts.desks import Desks
from wfkit.engine.attempts.inputs import Given
from wfkit.engine.attempts.tool_calls import ToolCalls
from wfkit.engine.attempts.twins import Twins
from wfkit.engine.preparing.prepare import ReadyNode
from wfkit.engine.running.context import Context, Made
from wfkit.llm.patience import stood

if TYPE_CHECKING:
    import asyncio


Ended = Callable[[Start, int, Made | None, Failure | None, tuple[Output, ...]], Succeeded | Failed]


@dataclass(frozen=True, slots=True)
class Prompting:
    """Asks the prompts of one run."""

    context: Context
    asking: Asking
    purses: Purses
    desks: Desks
    twins: Twins = field(default_factory=Twins)
    stoppable: set[asyncio.Task[Any]] = field(default_factory=set)

    async def ask(self, start: Start, task: int, given: Given, ended: Ended) -> Succeeded | Failed:
        """How an attempt of a prompt has `ended`. With tools it may act: of equal items only one asks, and the others
        share its result."""

        async def alone() -> Succeeded | Failed:
            return ended(start, task, *await self.attempt(start, task, given))

        run = self.context.run
        key = run.key[task]
        if key is None or not self.context.prepared.ready[run.node_of[task]].tools:
            return await alone()
        came = await self.twins.once(key, self.context.made, alone)
        return Succeeded(task, start.attempt, came, time.time()) if isinstance(came, Result) else came

    async def attempt(
        self, start: Start, task: int, given: Given
    ) -> tuple[Made | None, Failure | None, tuple[Output, ...]]:
        """One attempt of a prompt: what it made, or why it failed, and then what its tools did."""
        run = self.context.run
        node = run.node_of[task]
        ready, spec = self.context.prepared.ready[node], run.specs[node]
        failures = run.failures.get(task, ())
        model, failed = place(spec, failures) or (0, 0)
        item = None if spec.over is None else task - run.first[node]
        asker = Asker(self.asking, task, start.attempt, spec.name, item)
        question = Question(
            judge=lambda reply: judge(ready.schema, bool(ready.tools), reply),
            about=self.purses.about(
                spec.name, ready.node.options, Turn(failed > 0, is_last(spec, failures), run.began.get(task))
            ),
            left=self._requests_left(ready, task),
            hedge_s=ready.model.hedge_s if ready.model else None,
            how=corrections(ready.model, ready.schema),
        )
        began = time.perf_counter()
        tools = ToolCalls(ready, self.context, asker, self.stoppable, lambda: self.desks.of(start, task))
        carry_out = tools.carry_out if ready.tools else None
        desk = self.desks.of(start, task)  # a model of the user's own may ask others to answer
        with self._heard(ready, task) as listener, desk, stood() as loading:
            ask = asker.payer(replace(question, listener=listener)).ask
            answer, failure = await run_prompt(ready, given, ask, model, carry_out)
        run_s = time.perf_counter() - began - loading.seconds  # the next run need not wait for a library
        spent = together([asker.spent, desk.spent]) if desk.calls else asker.spent
        if failure is not None and place(spec, [*failures, failure]) is None and _stands_null(ready, failure):
            return tools.into(without_answer(failure, run_s, spent)), None, ()
        if answer is None:
            return None, failure, tools.outputs
        self.context.tool_calls.pop(task, None)
        return tools.into(Made(answer.value, run_s=run_s, spent=spent)), None, ()

    def _heard(self, ready: ReadyNode, task: int) -> AbstractContextManager[Listener | None]:
        """Who hears the replies while they grow, if anybody does."""
        stream = ready.model is not None and ready.model.stream
        return self.context.live.hearing(ready.node.name, task) if stream else nullcontext()

    def _requests_left(self, ready: ReadyNode, task: int) -> int:
        """How many requests this question may still send: attempts, corrections and other models together, and one for
        each turn in which it has called tools."""
        policy = ready.model
        assert policy is not None
        most = most_requests(policy, ready.node.options.retry.retries)
        turns = min(self.context.run.turns.get(task, 0), policy.max_turns * (1 + len(policy.fallback)))
        return most + turns - self.context.run.requests.get((task, None), 0)


_UNFIT = frozenset({FailureKind.INVALID_OUTPUT, FailureKind.LOW_CONFIDENCE})


def _stands_null(ready: ReadyNode, failure: Failure) -> bool:
    return ready.model is not None and ready.model.on_invalid == "null" and failure.kind in _UNFIT


def without_answer(failure: Failure, run_s: float, spent: Spent) -> Made:
    """What stands for an answer that cannot be used (on_invalid: null): None, with the failure as its output. It is not
    cached, because failures never are: the next run asks again."""
    problem = "an answer could not be used and its value is None (on_invalid: null; `log` says which and why)"
    told = Output("stderr", "text/plain", f"{failure.error}: {failure.message}\n")
    return Made(None, problem=problem, outputs=(told,), run_s=run_s, spent=spent, failure=failure)
