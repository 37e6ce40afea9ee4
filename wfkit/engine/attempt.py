"""Attempts: one task, or a slice of the items of a map, from its inputs to the event that tells how it ended.

Python bodies run on worker threads, coroutines and prompts on the loop's thread. Scheduling is not decided here.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wfkit.core.call import Failure
from wfkit.core.effects import Start
from wfkit.core.events import CallEnded, CallStarted, Failed, ItemsSucceeded, Succeeded
from wfkit.core.result import Result
from wfkit.core.terms import NodeKind
from wfkit.engine.bodies import Given, judge, run_async, run_prompt, run_python
from wfkit.engine.context import Context, Made
from wfkit.engine.loop import Baton, Posted, completion, fault_of
from wfkit.engine.paid_once import Payer, Send, UnderWay, timed_out
from wfkit.engine.spending import spending
from wfkit.engine.thread import LoopThread
from wfkit.executors.threads import Threads
from wfkit.llm.availability import check_model

if TYPE_CHECKING:
    import asyncio

_SLICE_S = 0.005


@dataclass
class Attempts:
    """Begins attempts on threads or on the loop and hands their ends to the baton."""

    context: Context
    threads: Threads
    loop: LoopThread
    send: Send
    under_way: UnderWay
    baton: Baton | None = None
    _given: dict[int, dict[str, tuple[Any, str]]] = field(default_factory=dict)

    def launch(self, start: Start) -> None:
        """Begin an attempt where it belongs and return at once."""
        spec = self.context.run.specs[self.context.run.node_of[start.tasks[0]]]
        if spec.kind is NodeKind.PROMPT or spec.pool == "async":
            self.loop.spawn(self._on_loop(start), self.context.ambient.copy())
            return
        if spec.timeout_s is not None:
            self._set_deadline(start, spec.timeout_s)
        self.threads.submit(lambda: self._on_thread(start))

    def _set_deadline(self, start: Start, timeout_s: float) -> None:
        def expire() -> None:
            baton = self._baton
            if (start.tasks[0], start.attempt) in baton.run.running.items():
                self.threads.replace()
            event = Failed(start.tasks[0], start.attempt, timed_out(timeout_s), time.time())
            baton.post(Posted((event,), ends=start, expires=True))

        self.loop.call_at(timeout_s, expire)

    @property
    def _baton(self) -> Baton:
        assert self.baton is not None
        return self.baton

    def _on_thread(self, first: Start) -> None:
        """Run attempts one after the other, as long as the baton hands this thread the next one."""
        start: Start | None = first
        while start is not None:
            spec = self.context.run.specs[self.context.run.node_of[start.tasks[0]]]
            if start is not first and (spec.pool != "python" or spec.timeout_s is not None):
                self.launch(start)
                return
            try:
                posted = self._run_tasks(start)
            except BaseException as error:  # must end the attempt, or the run would hang
                posted = fault_of(start, error)
            start = self._baton.post(posted, take=True)

    def _run_tasks(self, start: Start) -> Posted:
        if len(start.tasks) == 1:
            return completion(start, self._ended(start, start.tasks[0]))
        done: list[int] = []
        results: list[Result] = []
        failed: list[Failed] = []
        since = time.perf_counter()
        for task in start.tasks:
            event = self._ended(start, task)
            if isinstance(event, Failed):
                failed.append(event)
                continue
            done.append(task)
            results.append(event.result)
            if time.perf_counter() - since > _SLICE_S:
                self._baton.post(Posted((_items(start, done, results), *failed)))
                done, results, failed, since = [], [], [], time.perf_counter()
        events = (_items(start, done, results),) if done else ()
        return Posted((*events, *failed), ends=start)

    def _ended(self, start: Start, task: int) -> Succeeded | Failed:
        """Run one task of a Python node to its end."""
        context = self.context
        node = context.run.node_of[task]
        ready = context.prepared.ready[node]
        twin = context.made.get(context.run.key[task] or "")
        if twin is not None:
            return Succeeded(task, start.attempt, twin, time.time())
        given = self._inputs(node, task)
        made, failure, outputs = context.ambient.copy().run(run_python, ready, given, context.around)
        return self._event(start, task, made, failure, outputs)

    def _event(
        self, start: Start, task: int, made: Made | None, failure: Failure | None, outputs: tuple[Any, ...]
    ) -> Succeeded | Failed:
        if made is None:
            assert failure is not None
            return Failed(task, start.attempt, failure, time.time(), outputs=outputs)
        result = self.context.result(task, made)
        if result.cacheable and self.context.run.specs[self.context.run.node_of[task]].over is not None:
            self.context.made[result.key] = result
        return Succeeded(task, start.attempt, result, time.time())

    def _inputs(self, node: int, task: int) -> Given:
        """The inputs of a task by name; what all tasks of a node share is looked up once."""
        context = self.context
        shared = self._given.get(node)
        if shared is None:
            shared = self._given[node] = self._shared(node)
        each = context.prepared.ready[node].node.each
        if each is None:
            return Given(shared)
        digest = context.inputs_of(node, task)[-1][1]
        return Given({**shared, each.item: (context.item_of(node, task), digest)})

    def _shared(self, node: int) -> dict[str, tuple[Any, str]]:
        context = self.context
        ready = context.prepared.ready[node]
        names = ready.node.parameters if ready.node.parameters is not None else ready.node.names
        result = {}
        for dep in ready.deps:
            name = context.prepared.graph.nodes[dep].name
            if name in names:
                result[name] = (context.value_of(dep), context.done(dep).digest)
        return result

    async def _on_loop(self, start: Start) -> None:
        try:
            event = await self._awaited(start, start.tasks[0])
            posted = completion(start, event)
        except Exception as error:  # must end the attempt, or the run would hang
            posted = fault_of(start, error)
        self._baton.post(posted)

    async def _awaited(self, start: Start, task: int) -> Succeeded | Failed:
        """Run one prompt or coroutine to its end, or to its deadline."""
        import asyncio  # the loop that runs this has loaded it

        context = self.context
        spec = context.run.specs[context.run.node_of[task]]
        work = self._prompt if spec.kind is NodeKind.PROMPT else self._coroutine
        try:
            async with asyncio.timeout(spec.timeout_s):
                return await work(start, task)
        except TimeoutError:
            return Failed(task, start.attempt, timed_out(spec.timeout_s or 0.0), time.time())

    async def _coroutine(self, start: Start, task: int) -> Succeeded | Failed:
        node = self.context.run.node_of[task]
        ready = self.context.prepared.ready[node]
        made, failure, outputs = await run_async(ready, self._inputs(node, task), self.context.around)
        return self._event(start, task, made, failure, outputs)

    async def _prompt(self, start: Start, task: int) -> Succeeded | Failed:
        context = self.context
        node = context.run.node_of[task]
        ready = context.prepared.ready[node]
        calls: list[CallEnded] = []
        payer = Payer(
            store=context.store,
            send=self.send,
            record=lambda event, durable: self._record(event, durable, calls),
            under_way=self.under_way,
            judge=lambda reply: judge(ready, reply),
            check=check_model,
            task=task,
            attempt=start.attempt,
            fresh=context.fresh_replies,
        )
        began = time.perf_counter()
        answer, failure = await run_prompt(ready, self._inputs(node, task), payer.ask)
        run_s = time.perf_counter() - began
        made = None if answer is None else Made(answer.value, run_s=run_s, spent=spending(calls))
        return self._event(start, task, made, failure, ())

    def _record(self, event: CallStarted | CallEnded, durable: bool, calls: list[CallEnded]) -> Awaitable[None]:
        """Log a call's event; what it returns ends when that is on disk, or at once if nobody needs to know."""
        import asyncio  # the loop that runs this has loaded it

        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if isinstance(event, CallEnded):
            calls.append(event)
        if not durable:
            self._baton.post(Posted((event,)))
            future.set_result(None)
            return future

        def on_disk() -> None:
            loop.call_soon_threadsafe(_resolve, future)

        self._baton.post(Posted((event,), durable=on_disk))
        return future


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _items(start: Start, tasks: list[int], results: list[Result]) -> ItemsSucceeded:
    return ItemsSucceeded(tuple(tasks), start.attempt, tuple(results), time.time())
