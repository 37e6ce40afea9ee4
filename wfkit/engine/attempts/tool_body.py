"""One call of a tool: its function under the watch of the task, and what of its result a model is told.

Whether it is called at all, and what is logged of it, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from wfkit.core.call import Failure
from wfkit.core.frozen import dataclass
from wfkit.core.terms import FailureKind
from wfkit.define.tools import ToolFunction
from wfkit.engine.asking.desk import Desk
from wfkit.engine.attempts.bodies import Watch, failure_of
from wfkit.engine.attempts.inputs import Given
from wfkit.engine.attempts.tool_text import error_text, text_of
from wfkit.engine.preparing.prepare import ReadyNode
from wfkit.engine.running.context import Made, Surroundings
from wfkit.errors import CallFailed, ValueFault, WfkitError
from wfkit.executors.threads import on_own_thread


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a call: what the model is told, the name of an error, what was read and printed.

    With `ends` the model is not told: no answer could mend it, and the attempt has failed so.
    """

    result: str
    error: str | None
    made: Made
    ends: Failure | None = None


_NOT_ASKED = frozenset({FailureKind.EXCEPTION, FailureKind.UNSTORABLE})  # what goes wrong without a question
_END = frozenset({FailureKind.BUDGET, FailureKind.QUOTA, FailureKind.DIVERGED, FailureKind.CANCELLED})


async def run_tool(
    ready: ReadyNode, around: Surroundings, tool: ToolFunction, given: dict[str, Any], desk: Desk
) -> Came:
    """Call a tool: on the loop if it is a coroutine function, else on a thread of its own. It may raise what it likes;
    cancelling passes. It asks models at the desk, which is closed when this ends.
    """
    watch = Watch(ready, Given(_texts(given), {}), around)
    body = partial(tool.function, **given)
    try:
        if tool.is_async:
            return _came(watch, desk, *await _awaited(watch, desk, body))
        called = partial(_watched, watch, desk, body)
        return await on_own_thread(lambda: _came(watch, desk, *called()), f"wfkit-tool-{tool.name}")
    finally:
        desk.close()  # a thread that nobody waits for goes on, and asks no more


def _watched(watch: Watch, desk: Desk, body: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """What a tool returns, or what it raises."""
    try:
        with watch, desk:
            value = body()
        desk.demand_asked()
        return value, None
    except BaseException as error:  # also SystemExit: a tool that calls `sys.exit` has failed
        return None, error


async def _awaited(watch: Watch, desk: Desk, body: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    import asyncio  # the loop that runs this has loaded it

    try:
        with watch, desk:
            value = await body()
        desk.demand_asked()
        return value, None
    except BaseException as error:  # also SystemExit, which would end the loop of all runs
        this = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and this is not None and this.cancelling():
            raise  # the deadline or an interrupt
        return None, error


def _came(watch: Watch, desk: Desk, value: Any, error: BaseException | None) -> Came:
    """What is told and kept of a call, also of one that failed: the model is told, so what it has read counts."""
    result, name = _told(value, error)
    # Not its value: of a text nothing can be brought back, so a file that it wrote is told of.
    made = watch.made(None, desk.spent)
    made.run_s, made.outputs = watch.run_s, watch.outputs
    failure = None if error is None else failure_of(error)
    is_ours = isinstance(error, WfkitError) and not isinstance(error, CallFailed | ValueFault)
    if failure is not None and (is_ours or failure.kind in _END):
        return Came(result, name, made, failure)
    if failure is not None and failure.kind not in _NOT_ASKED:
        made.problem = made.problem or f"a question that one of its tools asked has failed ({failure.kind})"
    return Came(result, name, made)


def _told(value: Any, error: BaseException | None) -> tuple[str, str | None]:
    """What the model is told, and the name of the error if there was one."""
    if error is None:
        try:
            return text_of(value), None
        except ValueFault as fault:
            error = fault
    failure = failure_of(error)
    return error_text(failure), failure.error


def _texts(given: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The texts among the arguments: a reader that opens in C is seen by the file that one of them names."""
    found: dict[str, tuple[str, str]] = {}
    for name, value in given.items():
        parts = value if isinstance(value, list | tuple) else [value]
        found |= {f"{name}[{n}]": (part, "") for n, part in enumerate(parts) if isinstance(part, str)}
    return found
