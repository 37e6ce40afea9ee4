"""Calling the tools that a model asks for, in one attempt of a prompt: checked, watched, logged before and after.

What a tool reads counts as read by the task. A result that is there from before a crash or a retry serves again. When a
model is asked, and with what, is not known here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from wfkit.core.call import Failure, Request, ToolCall
from wfkit.core.events import ToolEnded, ToolStarted
from wfkit.core.frozen import dataclass
from wfkit.core.result import Output, Read
from wfkit.core.terms import FailureKind, RunState
from wfkit.define.tools import KEY, InvalidArguments, ToolFunction
from wfkit.engine.asking.asker import Asker
from wfkit.engine.asking.desk import Desk
from wfkit.engine.asking.spending import together
from wfkit.engine.attempts.bodies import failure_of
from wfkit.engine.attempts.tool_body import Came, run_tool
from wfkit.engine.attempts.tool_text import bounded, error_text
from wfkit.engine.preparing.prepare import ReadyNode
from wfkit.engine.running.context import Context, Made
from wfkit.errors import CallFailed
from wfkit.keys.reads import ReadChecker
from wfkit.keys.task import task_key
from wfkit.llm.messages import request_digest
from wfkit.store.secrets import WITHHELD

if TYPE_CHECKING:
    import asyncio

AT_ONCE = 4  # tools of one reply that run side by side
MOST_ERRORS = 5  # in a row, then the conversation leads nowhere
_LONGEST_TOLD = 300  # characters of arguments and of a result in the output of a task
_UNKNOWN, _INVALID = "UnknownTool", "InvalidArguments"


@dataclass(frozen=True, slots=True)
class Wish:
    """A call that a model asks for: the `place`-th of the turn that this digest names."""

    turn: str
    place: int
    call: ToolCall


@dataclass(slots=True)
class ToolCalls:
    """The tools of one attempt of a prompt; each call asks models at a desk of its own. `stoppable` are coroutines that
    the end of a run may cancel: while they wait for tools, no paid reply to the prompt is on its way."""

    ready: ReadyNode
    context: Context
    asker: Asker
    stoppable: set[asyncio.Task[Any]]
    new_desk: Callable[[], Desk]
    _made: list[Made] = field(default_factory=list)
    _errors: int = 0

    async def carry_out(self, asked: Request, calls: tuple[ToolCall, ...]) -> list[str]:
        """Call the tools of a reply, some at once: what the model is told of each, in the order of the calls.

        Errors are told to the model. Raises CallFailed when there were too many in a row.
        """
        import asyncio  # the loop that runs this has loaded it

        turn, seats, this = request_digest(asked), asyncio.Semaphore(AT_ONCE), asyncio.current_task()

        async def one(place: int, call: ToolCall) -> tuple[ToolEnded, Made]:
            async with seats:
                return await self._one(Wish(turn, place, call))

        under_way = [asyncio.create_task(one(place, call)) for place, call in enumerate(calls)]
        assert this is not None
        self.stoppable.add(this)
        try:
            done = await asyncio.gather(*under_way)
        finally:
            self.stoppable.discard(this)
            for task in under_way:
                task.cancel()
        for ended, made in done:
            self._made.append(replace(made, outputs=(_line(ended), *made.outputs)))
            self._count(ended)
        return [ended.result for ended, _ in done]

    def into(self, made: Made) -> Made:
        """What the attempt made, with all that its tools read, printed and spent."""
        reads: dict[tuple[str, str], Read] = {}
        problem = made.problem
        for each in self._made:
            problem = problem or each.problem
            for read in each.reads:
                known = reads.setdefault((read.kind, read.name), read)
                if known.digest != read.digest:
                    problem = problem or f"{read.name!r} changed between two calls of its tools"
        found = tuple(sorted(reads.values(), key=lambda read: (read.kind, read.name)))
        spent = together([made.spent, *(each.spent for each in self._made)])
        notes = tuple(dict.fromkeys(note for each in self._made for note in each.notes))
        outputs = (*self.outputs, *made.outputs)
        return replace(made, reads=found, problem=problem, outputs=outputs, notes=notes, spent=spent)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The calls, a line each, and what the tools printed."""
        return tuple(output for each in self._made for output in each.outputs)

    async def _one(self, wish: Wish) -> tuple[ToolEnded, Made]:
        if self.context.run.status is not RunState.RUNNING:
            message = "the run was interrupted before the tool was called"
            raise CallFailed(Failure(FailureKind.CANCELLED, "Interrupted", message))
        calls = self.context.tool_calls.setdefault(self.asker.task, {})
        known = calls.get((wish.turn, wish.place))
        if isinstance(known, ToolEnded) and self._still_holds(known):
            ended = replace(known, attempt=self.asker.attempt, at=time.time(), served=True)
            await self.asker.record(ended, False)
            return ended, Made(None, known.reads, known.problem, spent=known.spent)
        tool = next((tool for tool in self.ready.tools if tool.name == wish.call.name), None)
        if tool is None:
            names = ", ".join(tool.name for tool in self.ready.tools)
            return await self._refused(wish, _UNKNOWN, f"there is no tool {wish.call.name!r}; there are: {names}")
        try:
            arguments = tool.check(wish.call.arguments)
        except InvalidArguments as error:
            return await self._refused(wish, _INVALID, str(error))
        except Exception as error:  # a validator of the user's own
            return await self._refused(wish, type(error).__name__, failure_of(error).message)
        started = self._started(wish, tool, again=isinstance(known, ToolStarted))
        calls[wish.turn, wish.place] = started
        await self.asker.record(started, True)
        key = {} if started.idempotency_key is None else {KEY: started.idempotency_key}
        came = await run_tool(self.ready, self.context.around, tool, {**arguments, **key}, self.new_desk())
        ended = _ended(started, came)
        calls[wish.turn, wish.place] = ended
        await self.asker.record(ended, True)
        if came.ends is not None:
            del calls[wish.turn, wish.place]
            self._made.append(replace(came.made, outputs=(_line(ended), *came.made.outputs)))
            raise CallFailed(came.ends)
        return ended, came.made

    def _still_holds(self, known: ToolEnded) -> bool:
        """Whether an earlier result may serve: it was kept, and what the tool has read is what it was."""
        unchanged = ReadChecker(self.context.around.project, self.context.around.counted).unchanged
        return known.result != WITHHELD and all(map(unchanged, known.reads))

    def _started(self, wish: Wish, tool: ToolFunction, again: bool) -> ToolStarted:
        task, node, key = self.asker.task, self.ready.node.name, None
        if tool.wants_key:
            whose = self.context.run.key[task] or f"{self.context.run.started.run_id}:{task}"
            key = task_key("tool call", (("task", whose), ("turn", wish.turn), ("place", str(wish.place))))
        elif again:
            told = f"its tool {tool.name!r} had begun and was not seen to end; it is called again"
            self.context.warn(f"node {node!r}: {told}: one that takes `{KEY}: str` can tell that it has done its work")
        name, text = wish.call.name, wish.call.arguments
        return ToolStarted(task, self.asker.attempt, wish.turn, wish.place, name, text, time.time(), key, again)

    async def _refused(self, wish: Wish, error: str, message: str) -> tuple[ToolEnded, Made]:
        """A call that is not made: the model is told why."""
        told = error_text(Failure(FailureKind.INVALID_OUTPUT, error, message))
        asker, call = self.asker, wish.call
        now = time.time()
        ended = ToolEnded(
            asker.task, asker.attempt, wish.turn, wish.place, call.name, call.arguments, told, now, error=error
        )
        await asker.record(ended, False)
        return ended, Made(None)

    def _count(self, ended: ToolEnded) -> None:
        self._errors = self._errors + 1 if ended.error is not None else 0
        if self._errors < MOST_ERRORS:
            return
        kind = FailureKind.INVALID_OUTPUT if ended.error in {_UNKNOWN, _INVALID} else FailureKind.EXCEPTION
        hint = "mend the tool, or say in its docstring how it is to be called"
        message = (
            f"{self._errors} calls of tools in a row went wrong, the last of {ended.tool!r}: {ended.result}; {hint}"
        )
        raise CallFailed(Failure(kind, "ToolErrors", message, hint=hint))


def _ended(started: ToolStarted, came: Came) -> ToolEnded:
    return ToolEnded(
        task=started.task,
        attempt=started.attempt,
        turn=started.turn,
        place=started.place,
        tool=started.tool,
        arguments=started.arguments,
        result=came.result,
        at=time.time(),
        run_s=came.made.run_s,
        error=came.error,
        reads=came.made.reads,
        problem=came.made.problem,
        spent=came.made.spent,
    )


def _line(ended: ToolEnded) -> Output:
    """A call as the output of a task shows it."""
    took = (
        "from before" if ended.served else f"{ended.run_s:.1f} s" if ended.run_s >= 1 else f"{ended.run_s * 1e3:.1f} ms"
    )
    arguments, result = (" ".join(bounded(text, _LONGEST_TOLD).split()) for text in (ended.arguments, ended.result))
    return Output("tool", "text/plain", f"{ended.tool}({arguments}) -> {result} ({took})\n")
