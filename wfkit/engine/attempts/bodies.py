"""How one body runs: what it is given, what is watched meanwhile, and what came out.

The line that wraps a question to a model is in `asking.line`. Nothing here knows of runs, retries or threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

from wfkit.core.call import Failure, Request
from wfkit.core.result import NOTHING_SPENT, Read, Spent
from wfkit.core.terms import FailureKind
from wfkit.define.answer_json import InvalidOutput
from wfkit.engine.asking import line
from wfkit.engine.asking.desk import Desk
from wfkit.engine.asking.line import Send
from wfkit.engine.attempts.inputs import Given
from wfkit.engine.preparing.prepare import ReadyNode
from wfkit.engine.running.context import Made, Surroundings
from wfkit.errors import CallFailed, ValueFault
from wfkit.executors.capture import capture
from wfkit.keys.artifacts import left_behind, made_by
from wfkit.keys.mutation import view
from wfkit.keys.places import absolute
from wfkit.keys.reads import Recorder, named_paths, recording
from wfkit.keys.recorder import expect
from wfkit.llm.structured import Answer
from wfkit.llm.turns import CarryOut
from wfkit.traces import users_lines


class Watch:
    """Records what a body reads and prints, and how long it takes; `made` turns it into what is stored."""

    def __init__(self, ready: ReadyNode, given: Given, surroundings: Surroundings) -> None:
        self.ready = ready
        self.given = given
        self._project = surroundings.project
        self._strict, limit_kb = surroundings.strict, surroundings.limit_kb
        self._recording = recording(surroundings.project, ready.definition.files)
        self._capture = capture(limit_kb * 1024)
        self.outputs: tuple[Any, ...] = ()

    def __enter__(self) -> Self:
        self._before = self._named()
        self._captured = self._capture.__enter__()
        self._recorder = self._recording.__enter__()
        expect(self._recorder, self.ready.definition.environment)
        self._began = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self.run_s = time.perf_counter() - self._began
        self._recording.__exit__(None, None, None)  # an error of the body is no concern of the recording
        self._capture.__exit__(*error)
        self.outputs = self._captured.outputs()

    def _named(self) -> tuple[Read, ...]:
        """Files that texts in the code or in the inputs name: readers that open in C are seen no other way."""
        values = [value for value, _ in self.given.values.values()]
        return named_paths(self.ready.texts, values, self._project)

    def _not_own(self, named: tuple[Read, ...]) -> tuple[Read, ...]:
        """Without the files that the body wrote: what it read of them before, the recorder knows."""
        recorder = self._recorder
        if not named or not recorder.writes:
            return named
        return tuple(read for read in named if not recorder.is_own(absolute(read.name, self._project)))

    def made(self, value: Any, spent: Spent = NOTHING_SPENT) -> Made:
        """What the body left behind. An input changed in place is a problem that names it."""
        files = made_by(self._recorder, value)
        reads, problem = self._recorder.finish()
        named = self._named()
        if named or self._before:
            named = self._not_own(named)
            late = [read.name for read in self._not_own(self._before) if read not in named]
            if late:
                problem = problem or f"the file {late[0]!r} changed while the body ran"
            reads = merge_reads(reads, named)
        mutated = self.given.changed()
        if mutated:
            problem = mutation_problem(mutated, self._strict)
        problem = problem or unseen_problem(self.ready, reads)
        notes = notes_of(self.ready, self._recorder, files)
        return Made(value, (*reads, *files), problem, self.outputs, self.run_s, spent, mutated, notes)


def told(
    ready: ReadyNode, recorder: Recorder, value: Any, warn: Callable[[str], None]
) -> tuple[tuple[Read, ...], str | None]:
    """What a body read and made, why its result must not be cached, if so; what it did besides is told."""
    files = made_by(recorder, value)
    reads, problem = recorder.finish()
    for note in notes_of(ready, recorder, files):
        warn(f"node {ready.node.name!r}: {note}")
    return (*reads, *files), problem


def unseen_problem(ready: ReadyNode, reads: Sequence[Read]) -> str | None:
    """Why a result must not be cached whose code names a reader that nobody sees at work, and no file."""
    unseen = ready.definition.unseen
    if not unseen or any(read.digest and read.kind in ("file", "glob") for read in reads):
        return None
    return f"it calls {unseen[0]}, which opens files where they cannot be seen: name them with wfkit.file(path)"


def notes_of(ready: ReadyNode, recorder: Recorder, files: tuple[Read, ...]) -> tuple[str, ...]:
    """What the user should know of a body that did more than read and return."""
    if not (recorder.writes or recorder.notes):
        return ()
    found, left = [], left_behind(recorder, files)
    who, keep = ("one of its tools", "let a Python node write it and") if ready.tools else ("its body", "")
    if left:
        again = f"which a hit does not write again: {keep} return wfkit.file({left[0]!r})".replace("  ", " ")
        found.append(f"{who} wrote {left[0]!r}, {again}")
    cache = ready.node.options.cache
    if recorder.notes and cache.enabled and cache.ttl_s is None:
        did = "starts a process" if any(kind == "process" for kind, _ in recorder.notes) else "asks the network"
        found.append(f"{who} {did}: what that reads is not looked at again; `cache: 1h` or `cache: off` limits it")
    return tuple(found)


def mutation_problem(mutated: Sequence[str], strict: bool) -> str:
    """The sentence for inputs that a body has changed. Raises ValueFault with it if that is an error."""
    names = ", ".join(repr(name) for name in mutated)
    problem = f"its body changed its input {names} in place: work on a copy"
    if strict:
        raise ValueFault(f"{problem} (setting strict)")
    return problem


def merge_reads(seen: tuple[Read, ...], named: tuple[Read, ...]) -> tuple[Read, ...]:
    """What was seen, and what is named besides."""
    if not named:
        return seen
    known = {(read.kind, read.name) for read in seen}
    return (*seen, *(read for read in named if (read.kind, read.name) not in known))


def namespace(ready: ReadyNode, given: Given) -> dict[str, Any]:
    """The fresh globals of a Python body: what its definition digested, and its inputs. A frame or an array of the
    notebook comes as a view too: a body that changed it would change what other nodes were keyed by."""
    known = {name: view(value) for name, value in ready.definition.globals.items()}
    return known | given.views()


def run_python(
    ready: ReadyNode, given: Given, around: Surroundings, desk: Desk
) -> tuple[Made | None, Failure | None, tuple[Any, ...]]:
    """Run a synchronous body. Either what it made or why it failed, and what it printed."""
    watch = Watch(ready, given, around)
    try:
        with watch, desk:
            value = ready.node.value if ready.node.label.startswith("<input") else ready.run(namespace(ready, given))
        desk.demand_asked()
        return watch.made(value, desk.spent), None, ()
    except BaseException as error:  # also SystemExit: a body that calls `sys.exit` has failed
        return None, failure_of(error), watch.outputs


async def run_async(
    ready: ReadyNode, given: Given, around: Surroundings, desk: Desk
) -> tuple[Made | None, Failure | None, tuple[Any, ...]]:
    """Like `run_python` for a body with top-level await or an async function."""
    import asyncio  # the loop that runs this has loaded it

    watch = Watch(ready, given, around)
    try:
        with watch, desk:
            value = await ready.run(namespace(ready, given))
        desk.demand_asked()
        return watch.made(value, desk.spent), None, ()
    except BaseException as error:  # also SystemExit, which would end the loop of all runs
        this = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and this is not None and this.cancelling():
            raise  # the deadline or an interrupt, not something that the body awaited and somebody cancelled
        return None, failure_of(error), watch.outputs


async def run_prompt(
    ready: ReadyNode, given: Given, send: Send, model: int = 0, carry_out: CarryOut | None = None
) -> tuple[Answer | None, Failure | None]:
    """Render a prompt and ask. `send` is already guarded and paid once; `model` 1 is the first of `fallback`;
    `carry_out` calls its tools."""
    try:
        assert ready.model is not None
        request = request_of(ready, given, model)
        return await line.wrapped(ready.model, ready.schema, send, carry_out)(request), None
    except Exception as error:
        return None, failure_of(error)


def request_of(ready: ReadyNode, given: Given, model: int = 0) -> Request:
    """The request of a prompt with these inputs."""
    assert ready.model is not None
    messages = ready.template.render({name: value for name, (value, _) in given.values.items()})
    return line.request(ready.model, ready.schema, messages, model, [tool.tool for tool in ready.tools])


def failure_of(error: BaseException) -> Failure:
    """An error as data. The traceback has the user's own lines, and none of ours."""
    if isinstance(error, CallFailed):
        return _placed(error.failure, error)
    if isinstance(error, BaseExceptionGroup) and (failed := error.subgroup(CallFailed)) is not None:
        return _placed(_first_of(failed).failure, error)  # what a task group makes of a question that failed
    if isinstance(error, InvalidOutput):
        return Failure(FailureKind.INVALID_OUTPUT, "WrongValue", str(error))
    if isinstance(error, ValueFault):
        return Failure(FailureKind.UNSTORABLE, type(error).__name__, str(error))
    return Failure(FailureKind.EXCEPTION, type(error).__name__, _message(error), traceback=users_lines(error))


def _placed(failure: Failure, error: BaseException) -> Failure:
    """The failure of a question, with the line of the body that asked it."""
    return failure if failure.traceback else replace(failure, traceback=users_lines(error))


def _first_of(group: BaseExceptionGroup[CallFailed]) -> CallFailed:
    found = group.exceptions[0]
    return _first_of(found) if isinstance(found, BaseExceptionGroup) else found


def _message(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # an exception's own __str__ may raise
        return type(error).__name__
