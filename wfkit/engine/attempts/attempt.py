"""Attempts: one task, or a slice of the items of a map, from its inputs to the event that tells how it ended.

Python bodies run on worker threads, coroutines and prompts on the loop's thread. Scheduling is not decided here.
"""

from __future__ import annotations

import time
from dataclasses import field
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any
from weakref import ref

from wfkit.core.call import Failure
from wfkit.core.deadlines import Limit, end_of, limit_of
from wfkit.core.effects import Start
from wfkit.core.events import Failed, NodeSpec, Succeeded
from wfkit.core.frozen import dataclass
from wfkit.core.terms import NodeKind, RunState
from wfkit.engine.attempts.bodies import failure_of, run_async, run_python
from wfkit.engine.attempts.desks import Desks
from wfkit.engine.attempts.inputs import Inputs
from wfkit.engine.attempts.prompting import Prompting
from wfkit.engine.attempts.slices import Slices
from wfkit.engine.preparing.prepare import ReadyNode
from wfkit.engine.running.baton import Baton
from wfkit.engine.running.context import Context, Made, unexpected
from wfkit.engine.running.loop import Posted, completion, fault_of
from wfkit.engine.thread import LoopThread
from wfkit.executors.threads import Threads
from wfkit.llm.patience import bearing

if TYPE_CHECKING:
    import asyncio


@dataclass
class Attempts:
    """Begins attempts on threads or on the loop and hands their ends to the baton."""

    context: Context
    baton: Baton
    threads: Threads
    loop: LoopThread
    inputs: Inputs
    prompting: Prompting
    desks: Desks
    _slices: Slices | None = None
    _coroutines: set[asyncio.Task[None]] = field(default_factory=set)
    _at_work: set[int] = field(default_factory=set)

    def launch(self, start: Start) -> None:
        """Begin an attempt where it belongs and return at once."""
        spec = self._spec(start)
        if spec.kind is NodeKind.PROMPT or spec.pool == "async":
            self.loop.spawn(self._on_loop(start), self.context.ambient.copy())
        else:
            if spec.is_timed and (limit := limit_of(self.context.run, start.tasks[0], time.time())):
                self._set_deadline(start, limit)
            self.threads.submit(partial(self.context.ambient.copy().run, self._on_thread, start))

    def _spec(self, start: Start) -> NodeSpec:
        return self.context.run.specs[self.context.run.node_of[start.tasks[0]]]

    def stop(self) -> None:
        """Cancel the coroutines of a run that has ended: an interrupt or its deadline has left them behind. Bodies that
        hang past the deadline keep their threads, others take their place."""
        if self.context.run.deadline_at is not None and self.context.run.status is RunState.FAILED:
            for _ in self._at_work:
                self.threads.replace()
            self.desks.give_up()
        if self._coroutines or self.prompting.stoppable:
            left = (self._coroutines, self.prompting.stoppable)
            self.loop.call_at(0.0, lambda: [task.cancel() for tasks in left for task in tasks])

    def _set_deadline(self, start: Start, limit: Limit) -> None:
        here = ref(self)  # a timer may outlive its run by hours: it must not keep the run's values

        def expire() -> None:
            if (attempts := here()) is not None:
                attempts.expire(start, limit)

        self.loop.call_at(max(0.0, limit.at - time.time()), expire)

    def expire(self, start: Start, limit: Limit) -> None:
        """Give up an attempt that is past its deadline; its thread is left to it."""
        if self._wanted(start):
            self.threads.replace()
        self.desks.close(start.tasks[0], start.attempt)
        event = Failed(start.tasks[0], start.attempt, limit.failure(), time.time())
        self.baton.post(Posted((event,), ends=start, expires=True))

    def _wanted(self, start: Start) -> bool:
        """Whether the run still waits for this attempt: it was neither given up nor interrupted."""
        run = self.context.run
        return run.status is RunState.RUNNING and run.running.get(start.tasks[0]) == start.attempt

    def _on_thread(self, first: Start) -> None:
        """Run attempts one after the other, as long as the baton hands this thread the next one."""
        start: Start | None = first
        while start is not None:
            spec = self._spec(start)
            if start is not first and (spec.pool != "python" or spec.is_timed):
                self.launch(start)
                return
            self._at_work.add(get_ident())
            try:
                posted = self._run_tasks(start) if self._wanted(start) else Posted((), ends=start)
            except BaseException as error:  # must end the attempt, or the run would hang
                posted = fault_of(start, error)
            self._at_work.discard(get_ident())
            start = self.baton.post(posted, take=True)

    def _run_tasks(self, start: Start) -> Posted:
        if len(start.tasks) == 1:
            return completion(start, self._run_task(start, start.tasks[0]))
        slices = self._slices = self._slices or Slices(self.context, self.inputs, self._run_task)
        events = slices.run(start, lambda ended: self.baton.post(Posted(ended)))
        return Posted(events, ends=start)

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
            return self._ended(start, task, None, failure_of(error))
        desk = self.desks.of(start, task)
        made, failure, outputs = context.ambient.copy().run(run_python, ready, given, context.around, desk)
        self.inputs.renew(node, given, made)
        return self._ended(start, task, made, failure, outputs)

    def _ended(
        self, start: Start, task: int, made: Made | None, failure: Failure | None, outputs: tuple[Any, ...] = ()
    ) -> Succeeded | Failed:
        if made is None:
            assert failure is not None
            return Failed(task, start.attempt, failure, time.time(), outputs=outputs)
        try:
            result = self.context.result(task, made)
        except Exception as error:  # a value that behaves badly fails its task, not its neighbours
            return Failed(task, start.attempt, unexpected(error), time.time(), outputs=made.outputs)
        if result.cacheable and self._spec(start).over is not None:
            # Of equal items that ran side by side the first to end counts, or their values could differ.
            result = self.context.made.setdefault(result.key, result)
        return Succeeded(task, start.attempt, result, time.time(), made.failure)

    async def _on_loop(self, start: Start) -> None:
        """Run one prompt or coroutine to its end, or to its deadline."""
        import asyncio  # the loop that runs this has loaded it

        spec, this = self._spec(start), asyncio.current_task()
        assert this is not None
        if _can_be_cancelled(spec, self.context.prepared.ready[self.context.run.node_of[start.tasks[0]]]):
            self._coroutines.add(this)
        now = time.time()
        limit, latest = limit_of(self.context.run, start.tasks[0], now), end_of(self.context.run)
        try:
            async with asyncio.timeout(None if limit is None else limit.at - now) as timeout:
                with bearing(timeout, None if latest is None else latest.at - now):
                    posted = completion(start, await self._awaited(start, start.tasks[0]))
        except TimeoutError:
            limit = latest if latest is not None and time.time() >= latest.at else limit
            assert limit is not None  # nothing else raises it here: what a body raises is its failure
            posted = completion(start, Failed(start.tasks[0], start.attempt, limit.failure(), time.time()))
        except BaseException as error:  # CancelledError and SystemExit too, or the run would hang and the loop end
            posted = fault_of(start, error)
        self._coroutines.discard(this)
        self.baton.post(posted)

    async def _awaited(self, start: Start, task: int) -> Succeeded | Failed:
        node = self.context.run.node_of[task]
        ready = self.context.prepared.ready[node]
        try:
            given = self.inputs.of(node, task)
        except Exception as error:  # an input that is lost
            return self._ended(start, task, None, failure_of(error))
        if ready.node.kind is NodeKind.PROMPT:
            return await self.prompting.ask(start, task, given, self._ended)
        made, failure, outputs = await run_async(ready, given, self.context.around, self.desks.of(start, task))
        self.inputs.renew(node, given, made)
        return self._ended(start, task, made, failure, outputs)


def _can_be_cancelled(spec: NodeSpec, ready: ReadyNode) -> bool:
    """A prompt stops by itself, when its request is answered; a stream that is broken off is no longer written."""
    return spec.kind is not NodeKind.PROMPT or (ready.model is not None and ready.model.stream)
