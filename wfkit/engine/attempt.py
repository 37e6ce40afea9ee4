"""Attempts: one task, or a slice of the items of a map, from its inputs to the event that tells how it ended.

Python bodies run on worker threads, coroutines and prompts on the loop's thread. Scheduling is not decided here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from wfkit.core.call import Failure
from wfkit.core.effects import Start
from wfkit.core.events import Failed, ItemsSucceeded, NodeSpec, Succeeded
from wfkit.core.result import Result
from wfkit.core.terms import NodeKind
from wfkit.engine.asking import Asking
from wfkit.engine.bodies import failure_of, run_async, run_python
from wfkit.engine.context import Context, Made
from wfkit.engine.inputs import Inputs
from wfkit.engine.loop import Baton, Posted, completion, fault_of
from wfkit.engine.paid_once import timed_out
from wfkit.engine.thread import LoopThread
from wfkit.executors.threads import Threads

_SLICE_S = 0.005


@dataclass
class Attempts:
    """Begins attempts on threads or on the loop and hands their ends to the baton."""

    context: Context
    baton: Baton
    threads: Threads
    loop: LoopThread
    inputs: Inputs
    asking: Asking

    def launch(self, start: Start) -> None:
        """Begin an attempt where it belongs and return at once."""
        spec = self._spec(start)
        if spec.kind is NodeKind.PROMPT or spec.pool == "async":
            self.loop.spawn(self._on_loop(start), self.context.ambient.copy())
            return
        if spec.timeout_s is not None:
            self._set_deadline(start, spec.timeout_s)
        self.threads.submit(lambda: self._on_thread(start))

    def _spec(self, start: Start) -> NodeSpec:
        return self.context.run.specs[self.context.run.node_of[start.tasks[0]]]

    def _set_deadline(self, start: Start, timeout_s: float) -> None:
        def expire() -> None:
            if (start.tasks[0], start.attempt) in self.baton.run.running.items():
                self.threads.replace()
            event = Failed(start.tasks[0], start.attempt, timed_out(timeout_s), time.time())
            self.baton.post(Posted((event,), ends=start, expires=True))

        self.loop.call_at(timeout_s, expire)

    def _on_thread(self, first: Start) -> None:
        """Run attempts one after the other, as long as the baton hands this thread the next one."""
        start: Start | None = first
        while start is not None:
            spec = self._spec(start)
            if start is not first and (spec.pool != "python" or spec.timeout_s is not None):
                self.launch(start)
                return
            try:
                posted = self._run_tasks(start)
            except BaseException as error:  # must end the attempt, or the run would hang
                posted = fault_of(start, error)
            start = self.baton.post(posted, take=True)

    def _run_tasks(self, start: Start) -> Posted:
        if len(start.tasks) == 1:
            return completion(start, self._run_task(start, start.tasks[0]))
        done: list[int] = []
        results: list[Result] = []
        failed: list[Failed] = []
        since = time.perf_counter()
        for task in start.tasks:
            event = self._run_task(start, task)
            if isinstance(event, Failed):
                failed.append(event)
                continue
            done.append(task)
            results.append(event.result)
            if time.perf_counter() - since > _SLICE_S:
                self.baton.post(Posted((_items(start, done, results), *failed)))
                done, results, failed, since = [], [], [], time.perf_counter()
        events = (_items(start, done, results),) if done else ()
        return Posted((*events, *failed), ends=start)

    def _run_task(self, start: Start, task: int) -> Succeeded | Failed:
        """Run one task of a Python node to its end."""
        context = self.context
        node = context.run.node_of[task]
        ready = context.prepared.ready[node]
        twin = context.made.get(context.run.key[task] or "")
        if twin is not None:
            return Succeeded(task, start.attempt, twin, time.time())
        try:
            given = self.inputs.of(node, task)
        except Exception as error:  # an input that is lost fails this task, not its neighbours
            return self._ended(start, task, None, failure_of(error, ready))
        made, failure, outputs = context.ambient.copy().run(run_python, ready, given, context.around)
        return self._ended(start, task, made, failure, outputs)

    def _ended(
        self, start: Start, task: int, made: Made | None, failure: Failure | None, outputs: tuple[Any, ...] = ()
    ) -> Succeeded | Failed:
        if made is None:
            assert failure is not None
            return Failed(task, start.attempt, failure, time.time(), outputs=outputs)
        result = self.context.result(task, made)
        if result.cacheable and self._spec(start).over is not None:
            self.context.made[result.key] = result
        return Succeeded(task, start.attempt, result, time.time())

    async def _on_loop(self, start: Start) -> None:
        """Run one prompt or coroutine to its end, or to its deadline."""
        import asyncio  # the loop that runs this has loaded it

        spec = self._spec(start)
        try:
            async with asyncio.timeout(spec.timeout_s):
                posted = completion(start, await self._awaited(start, start.tasks[0]))
        except TimeoutError:
            event = Failed(start.tasks[0], start.attempt, timed_out(spec.timeout_s or 0.0), time.time())
            posted = completion(start, event)
        except Exception as error:  # must end the attempt, or the run would hang
            posted = fault_of(start, error)
        self.baton.post(posted)

    async def _awaited(self, start: Start, task: int) -> Succeeded | Failed:
        node = self.context.run.node_of[task]
        ready = self.context.prepared.ready[node]
        try:
            given = self.inputs.of(node, task)
        except Exception as error:  # an input that is lost
            return self._ended(start, task, None, failure_of(error, ready))
        if ready.node.kind is NodeKind.PROMPT:
            made, failure = await self.asking.ask(start, task, given)
            return self._ended(start, task, made, failure)
        made, failure, outputs = await run_async(ready, given, self.context.around)
        return self._ended(start, task, made, failure, outputs)


def _items(start: Start, tasks: list[int], results: list[Result]) -> ItemsSucceeded:
    return ItemsSucceeded(tuple(tasks), start.attempt, tuple(results), time.time())
