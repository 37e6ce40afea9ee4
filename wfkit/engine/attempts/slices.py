"""Slices of the items of a map: one after the other on one thread, what they share looked up once, their results kept
in columns.

Every item still has its own context, reads, output, mutation guard and failure. What is out of the ordinary (a problem,
equal items, a file that an item names) goes the way of a single task. Which items make a slice is decided elsewhere.
"""

from __future__ import annotations

import marshal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

from wfkit.core.effects import Start
from wfkit.core.events import Event, Failed, ItemsSucceeded, Succeeded
from wfkit.core.frozen import dataclass
from wfkit.core.result import Result
from wfkit.core.terms import RunState
from wfkit.engine.attempts.bodies import failure_of, merge_reads, mutation_problem, told, unseen_problem
from wfkit.engine.attempts.columns import Columns, Ended, item_name
from wfkit.engine.attempts.inputs import Given, Inputs
from wfkit.engine.preparing.prepare import ReadyNode
from wfkit.engine.running.context import Context, Made
from wfkit.engine.running.map_value import MapValue
from wfkit.errors import ValueFault
from wfkit.executors.capture import Captured, capturing, keep
from wfkit.keys.mutation import changed, is_protected, view
from wfkit.keys.reads import Recorder, named_paths, names_here, names_no_path, record, watch
from wfkit.keys.recorder import expect

SLICE_S = 0.005
RunOne = Callable[[Start, int], Succeeded | Failed]
Post = Callable[[tuple[Event, ...]], object]
_PLAIN = frozenset({dict, list})
_SAFE = frozenset({int, str, float, bool, type(None)})


@dataclass(slots=True)
class Common:
    """What the items of a node have in common while its inputs stay as they are.

    `items` is None for a map over a map, whose items are loaded. `twins` are the keys of several items. `plain` are the
    globals that every body gets as they are, `viewed` those of which each gets a view. `guarded`: there is a shared
    input that a body could change.
    """

    ready: ReadyNode
    given: Given
    items: Sequence[Any] | None
    digests: Sequence[str]
    twins: frozenset[str | None]
    plain: dict[str, Any]
    viewed: dict[str, Any]
    guarded: bool
    run: Callable[[dict[str, Any]], Any]


@dataclass
class Slices:
    """Runs slices of one run. `run_one` runs a task alone, `post` takes what has ended."""

    context: Context
    inputs: Inputs
    run_one: RunOne
    _common: dict[int, Common] = field(default_factory=dict)
    _twins: dict[int, frozenset[str | None]] = field(default_factory=dict)

    def run(self, start: Start, post: Post) -> tuple[Event, ...]:
        """Run the items to their ends; what ended goes out every few milliseconds, the last of it is returned."""
        with capturing():
            watch()
            one, since = _Slice(self, start), time.perf_counter()
            for task in start.tasks:
                if self.context.run.status is not RunState.RUNNING:
                    break
                one.take(task)
                if time.perf_counter() - since > SLICE_S:
                    post(one.flush())
                    since = time.perf_counter()
            return one.flush()

    def common(self, node: int) -> Common:
        """What the items of a node have in common, now. Raises ValueFault when an input is lost."""
        given, items = self.inputs.shared(node), self.inputs.items(node)
        found = self._common.get(node)
        if found is None or found.given is not given or found.items is not items:
            found = self._common[node] = self._look_up(node, given, items)
        return found

    def _look_up(self, node: int, given: Given, items: Sequence[Any] | None) -> Common:
        ready = self.context.prepared.ready[node]
        everything = {**ready.definition.globals, **{name: value for name, (value, _) in given.values.items()}}
        viewed = {name: value for name, value in everything.items() if view(value) is not value}
        return Common(
            ready=ready,
            given=given,
            items=items,
            digests=self.inputs.item_digests(node),
            twins=self._twins_of(node),
            plain={name: value for name, value in everything.items() if name not in viewed},
            viewed=viewed,
            guarded=any(not is_protected(value) for value, _ in given.values.values()),
            run=ready.run,
        )

    def _twins_of(self, node: int) -> frozenset[str | None]:
        found = self._twins.get(node)
        if found is None:
            run = self.context.run
            keys = run.key[run.first[node] : run.first[node] + run.count[node]]
            counts = Counter(keys) if len(set(keys)) < len(keys) else {}
            found = frozenset(key for key, count in counts.items() if count > 1 and key is not None)
            self._twins[node] = found
        return found


class _Slice:
    """One slice on its way."""

    def __init__(self, slices: Slices, start: Start) -> None:
        self._slices, self._start = slices, start
        self._context = context = slices.context
        self._node = node = context.run.node_of[start.tasks[0]]
        self._first = context.run.first[node]
        self._fetched = False
        self._copy, self._project = context.ambient.copy, context.around.project
        self._limit_bytes = context.around.limit_kb * 1024
        definition = context.prepared.ready[node].definition
        self._covered, self._environment = frozenset(definition.files), definition.environment
        self._item = item_name(context, node)
        self._others: list[tuple[int, Result]] = []
        self._failed: list[Failed] = []
        self._columns = self._new_columns()
        self._common: Common | None = None
        self._look()

    def take(self, task: int) -> None:
        """Run an item to its end."""
        common = self._common
        if common is None or common.ready.definition.asks or self._context.run.key[task] in common.twins:
            self._alone(task)
            return
        position = task - self._first
        try:
            item = self._context.item_of(self._node, task) if common.items is None else common.items[position]
        except ValueFault:  # lost: it fails by itself, and tells
            self._alone(task)
            return
        if self._quiet and names_no_path(item, self._here):
            self._run(common, task, item, common.digests[position])
        else:
            self._alone(task)

    def flush(self) -> tuple[Event, ...]:
        """What has ended since the last time."""
        before, columns = self._here, self._columns
        self._look()
        self._columns = self._new_columns()
        if self._common is not None and (not self._quiet or self._here != before):
            columns.add_named(self._named)
        made, odd = columns.finish()
        for ended, value in odd:
            self._result(ended, value)
        events: list[Event] = [made] if made is not None else []
        if self._others:
            tasks, results = zip(*self._others, strict=True)
            events.append(ItemsSucceeded(tasks, self._start.attempt, results, time.time()))
        events += self._failed
        self._others, self._failed = [], []
        return tuple(events)

    def _new_columns(self) -> Columns:
        digests = self._slices.inputs.item_digests(self._node)
        return Columns(self._context, self._node, self._start.attempt, digests)

    def _look(self) -> None:
        """Look up what the items have in common, and whether their code or shared inputs name files."""
        self._here = names_here()
        self._renew()
        self._quiet = self._common is not None and not self._named(None)

    def _renew(self) -> None:
        """Take what the items have in common as it is now. Where it is lost each item fails by itself, and tells."""
        try:
            self._common = common = self._slices.common(self._node)
            if common.items is None and not self._fetched:
                self._fetched = True
                self._context.values.fetch([common.digests[task - self._first] for task in self._start.tasks])
        except ValueFault:
            self._common = None

    def _named(self, item: Any) -> tuple[Any, ...]:
        """Files that the code, the shared inputs or an item name."""
        common = self._common
        assert common is not None
        shared = [value for value, _ in common.given.values.values()]
        return named_paths(common.ready.texts, [*shared, item], self._context.around.project)

    def _alone(self, task: int) -> None:
        event = self._slices.run_one(self._start, task)
        if isinstance(event, Failed):
            self._failed.append(event)
        else:
            self._others.append((task, event.result))
        self._renew()  # it may have changed an input

    def _run(self, common: Common, task: int, item: Any, digest: str) -> None:
        mark = _mark(item)
        names = common.plain.copy()
        for name, value in common.viewed.items():
            names[name] = view(value)
        names[self._item] = item if mark.__class__ is bytes else view(item)
        recorder, captured = Recorder(self._project, self._covered), Captured(self._limit_bytes)
        expect(recorder, self._environment)
        value = error = None
        began = time.perf_counter()
        try:
            value = self._copy().run(record, recorder, keep, captured, common.run, names)
        except BaseException as raised:  # also SystemExit: a body that calls `sys.exit` has failed
            error = raised
        ended = Ended(task, item, time.perf_counter() - began, captured.outputs(), recorder)
        mutated = self._changed(common, item, digest, mark)
        try:
            if error is not None:
                raise error
            if mutated or not self._columns.add(ended, value):
                self._result(ended, value, mutated)
        except BaseException as raised:
            failure = failure_of(raised)
            self._failed.append(Failed(task, self._start.attempt, failure, time.time(), outputs=ended.outputs))
        if mutated:
            self._slices.inputs.drop(self._node)
            self._renew()

    def _changed(self, common: Common, item: Any, digest: str, mark: bytes | bool) -> tuple[str, ...]:
        """Names of inputs that the body has changed in place; then nobody else gets them."""
        names = tuple(common.given.changed()) if common.guarded else ()
        if mark is not True and (mark is False or _mark(item) != mark):
            names = (*names, *changed({self._item: (item, digest)}))
        return names

    def _result(self, ended: Ended, value: Any, mutated: tuple[str, ...] = ()) -> None:
        """A result that is no column: it has a problem."""
        context, ready = self._context, self._context.prepared.ready[self._node]
        reads, problem = told(ready, ended.recorder, value, context.warn)
        if ready.definition.unseen:
            reads = merge_reads(reads, self._named(ended.item))
            problem = problem or unseen_problem(ready, reads)
        if mutated:
            problem = mutation_problem(mutated, self._context.around.strict)
        if type(value) is MapValue:  # a body that hands on what it was given
            value = list(value)
        made = Made(value, reads, problem, ended.outputs, ended.run_s, mutated=mutated)
        self._others.append((ended.task, self._context.result(ended.task, made)))


def _mark(item: Any) -> bytes | bool:
    """What tells whether an item was changed: True if it cannot be, False if only its digest tells."""
    kind = type(item)
    if kind in _SAFE or (kind not in _PLAIN and is_protected(item)):
        return True
    try:
        return marshal.dumps(item, 2)
    except ValueError:
        return False
