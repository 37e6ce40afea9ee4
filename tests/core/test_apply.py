"""`apply` and `replay`: whatever happens, in whatever order, the log tells the same run again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.simulation import Simulation, result
from tests.core.worlds import World, worlds
from wfkit.core import events as e
from wfkit.core.apply import apply, replay
from wfkit.core.call import Failure
from wfkit.core.policy import RetryPolicy
from wfkit.core.run import Run, begin
from wfkit.core.terms import ENDED, FailureKind, NodeKind, OnError, RunState, TaskState
from wfkit.errors import StoreFault

ORDERS = st.integers(0, 1000)
BROKEN = Failure(FailureKind.EXCEPTION, "E", "no")


def blocked(run: Run) -> set[int]:
    """Nodes that cannot run, by plain search: below a node that did not end well."""
    bad = {n for n, state in enumerate(run.node_state) if state is TaskState.FAILED}
    bad |= {n for n, state in enumerate(run.node_state) if state is TaskState.SKIPPED and run.first[n] >= 0}
    below: set[int] = set()
    for n, spec in enumerate(run.specs):
        if any(dep in bad or dep in below for dep in spec.deps):
            below.add(n)
    return below


@given(worlds(), ORDERS, st.data())
def test_replay_equals_the_live_run(world: World, order: int, data: st.DataObject) -> None:
    """A replayed log equals the run that wrote it, at every prefix."""
    cut = data.draw(st.integers(1, 60))
    live = Simulation(world, order)
    while len(live.log) < cut and live.step():
        assert replay(live.log) == live.run
    assert replay(live.log) == live.run


@given(worlds(), ORDERS)
def test_every_task_ends(world: World, order: int) -> None:
    """A run comes to an end with every task ended; a node ended, and counted, exactly once."""
    run = Simulation(world, order).finish()
    assert run.status in {RunState.SUCCESS, RunState.FAILED, RunState.PARTIAL, RunState.BUDGET_STOPPED}
    assert not run.running
    assert set(run.state) <= ENDED
    assert set(run.node_state) <= ENDED
    assert run.nodes_left == 0


@given(worlds(), ORDERS)
def test_nothing_runs_before_its_inputs(world: World, order: int) -> None:
    """A node is resolved, and so started, only when all that it needs ended well."""
    live = Simulation(world, order)
    seen = 0
    while live.step():
        done = {n for n, state in enumerate(live.run.node_state) if state in {TaskState.SUCCESS, TaskState.CACHED}}
        for start in live.starts[seen:]:
            assert set(live.run.specs[live.run.node_of[start.tasks[0]]].deps) <= done
        seen = len(live.starts)


@given(worlds(), ORDERS)
def test_skips_exactly_below_failures(world: World, order: int) -> None:
    """A node is skipped if and only if something above it did not end well; everything else runs."""
    run = Simulation(world, order).finish()
    assert set(run.skipped_for) == blocked(run)
    for node, because in run.skipped_for.items():
        assert run.node_state[node] is TaskState.SKIPPED
        assert run.first[node] == -1
        assert run.node_state[because] in {TaskState.FAILED, TaskState.SKIPPED}
        assert because in run.specs[node].deps


@given(worlds(), ORDERS)
def test_siblings_finish(world: World, order: int) -> None:
    """A failed item or node stops nothing beside it, but in a map that is to stop: whatever the script lets succeed has
    a value."""
    run = Simulation(world, order).finish()
    for node, spec in enumerate(run.specs):
        failed = any(run.state[task] is TaskState.FAILED for task in run.tasks(node))
        for item, task in enumerate(run.tasks(node)):
            if world.failures.get((node, item), ()) or (spec.stops and failed and not run.attempt[task]):
                continue
            assert run.state[task] in {TaskState.SUCCESS, TaskState.CACHED}
            assert run.value[task] is not None


@given(worlds(), ORDERS)
def test_attempts_are_bounded(world: World, order: int) -> None:
    """A task has at most one attempt and its retries, numbered from 1 without a gap; a cached one has none."""
    live = Simulation(world, order)
    run = live.finish()
    for task, attempt in enumerate(run.attempt):
        assert attempt <= 1 + run.specs[run.node_of[task]].retry.retries
        numbers = [start.attempt for start in live.starts if task in start.tasks]
        assert numbers == list(range(1, attempt + 1))
        assert (attempt == 0) == (run.state[task] in {TaskState.CACHED, TaskState.CANCELLED})


@given(worlds(with_calls=True), ORDERS, ORDERS, st.data())
def test_nothing_acknowledged_runs_again(world: World, order: int, after: int, data: st.DataObject) -> None:
    """After a crash at any point and an adoption what the log holds stays, the rest ends, the policy still bounds."""
    before = Simulation(world, order)
    before.finish()
    log = before.log[: data.draw(st.integers(1, len(before.log)))]
    run = replay(log)
    kept = {task: value for task, value in enumerate(run.value) if value is not None}
    due = {task: at for heap in run.retry.values() for at, task in heap}
    second = Simulation(world, after, run=run, now=before.now + 1, log=list(log))
    second.emit(e.Adopted(epoch=2, at=second.now))
    second.finish()
    assert not {task for start in second.starts for task in start.tasks} & set(kept)
    assert all(run.value[task] == value for task, value in kept.items())
    assert set(run.state) <= ENDED
    for task, failures in run.failures.items():
        assert len(failures) <= 1 + run.specs[run.node_of[task]].retry.retries
    assert all(at <= second.now for at in due.values())
    assert replay(second.log) == run


@given(worlds(), ORDERS, ORDERS, st.data())
def test_a_crash_changes_no_outcome(world: World, order: int, after: int, data: st.DataObject) -> None:
    """The states after a crash and an adoption are those of an undisturbed run. Of a map that stops at a failure it is
    the state of the map: which of its items had begun by then, and so which failure is told, is a matter of order."""
    whole = Simulation(world, order)
    whole.finish()
    log = whole.log[: data.draw(st.integers(1, len(whole.log)))]
    second = Simulation(world, after, run=replay(log), now=whole.now + 1, log=list(log))
    second.emit(e.Adopted(epoch=2, at=second.now))
    second.finish()

    def states(run: Run) -> list[list[TaskState]]:
        return [[run.state[task] for task in run.tasks(node)] for node, spec in enumerate(run.specs) if not spec.stops]

    ended = {second.run.status, whole.run.status}
    assert states(second.run) == states(whole.run)
    assert second.run.node_state == whole.run.node_state
    stops = any(spec.stops for spec in world.specs)
    assert len(ended) == 1 or (stops and ended == {RunState.FAILED, RunState.BUDGET_STOPPED})


def run_of(*specs: e.NodeSpec, sizes: tuple[int, ...] | None = None) -> Run:
    """A run whose nodes without dependencies are resolved and whose tasks are queued."""
    run = begin(e.RunStarted("r", "w", (), specs, "g", 0.0))
    for node in list(run.to_resolve):
        size = sizes[node] if sizes else 1
        apply(run, e.Resolved(node, (None,) * size, ("never_run",) * size, (None,) * size, 0.0))
    return run


def test_terminal_states_are_final() -> None:
    """The late value of an attempt that already failed changes neither state nor value."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON))
    apply(run, e.Dispatched((0,), 1, 0.0))
    apply(run, e.Failed(0, 1, BROKEN, 1.0))
    apply(run, e.Succeeded(0, 1, result(0, 1), 2.0))
    assert run.state == [TaskState.FAILED]
    assert run.value == [None]
    assert run.node_state == [TaskState.FAILED]


def test_a_late_slice_of_an_older_attempt_is_ignored() -> None:
    """Values of attempt 1 that come while attempt 2 runs do not end attempt 2."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON, over=0), sizes=(2,))
    apply(run, e.Dispatched((0, 1), 1, 0.0))
    apply(run, e.Adopted(2, 1.0))
    apply(run, e.Dispatched((0, 1), 2, 1.0))
    apply(run, e.ItemsSucceeded((0, 1), 1, (result(0, 1), result(1, 1)), 2.0))
    assert run.state == [TaskState.RUNNING] * 2
    apply(run, e.ItemsSucceeded((0, 1), 2, (result(0, 2), result(1, 2)), 3.0))
    assert run.value == ["0.2", "1.2"]
    assert run.node_state == [TaskState.SUCCESS]


def test_a_late_failure_of_an_older_attempt_is_ignored() -> None:
    """A failure of attempt 1 that comes while attempt 2 runs neither ends attempt 2 nor counts."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON))
    apply(run, e.Dispatched((0,), 1, 0.0))
    apply(run, e.Adopted(2, 1.0))
    apply(run, e.Dispatched((0,), 2, 1.0))
    apply(run, e.Failed(0, 1, BROKEN, 2.0))
    assert run.state == [TaskState.RUNNING]
    assert not run.failures


def test_an_event_twice_counts_once() -> None:
    """A value or a failure that is told twice does not end a node twice."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON), e.NodeSpec("b", NodeKind.PYTHON, deps=(0,)))
    apply(run, e.Dispatched((0,), 1, 0.0))
    for _ in range(2):
        apply(run, e.Succeeded(0, 1, result(0, 1), 1.0))
    assert run.nodes_left == 1
    assert list(run.to_resolve) == [1]


def test_an_empty_map_succeeds() -> None:
    """A map over nothing is a value, an empty one: those who need it run."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON, over=0), e.NodeSpec("b", NodeKind.PYTHON, deps=(0,)), sizes=(0, 1))
    assert run.node_state[0] is TaskState.SUCCESS
    assert list(run.to_resolve) == [1]


@pytest.mark.parametrize(
    ("on_error", "over", "expected"),
    [
        (OnError.FAIL, None, TaskState.FAILED),
        (OnError.SKIP, None, TaskState.SKIPPED),
        (OnError.KEEP, None, TaskState.FAILED),
        (OnError.FAIL, 0, TaskState.FAILED),
        (OnError.SKIP, 0, TaskState.SUCCESS),
        (OnError.KEEP, 0, TaskState.SUCCESS),
    ],
)
def test_on_error(on_error: OnError, over: int | None, expected: TaskState) -> None:
    """A map that skips or keeps its failed items ends well; a single node that fails never does."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON, over=over, on_error=on_error))
    apply(run, e.Dispatched((0,), 1, 0.0))
    apply(run, e.Failed(0, 1, BROKEN, 1.0))
    assert run.node_state == [expected]


def test_a_retry_waits_and_is_taken_from_its_place() -> None:
    """A failed task with a due time is retrying; it may be dispatched though an earlier one is still due."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON, over=0, retry=RetryPolicy(1)), sizes=(3,))
    for task in range(3):
        apply(run, e.Dispatched((task,), 1, 0.0))
        apply(run, e.Failed(task, 1, BROKEN, 0.0, retry_at=10.0 - task))
    assert run.state == [TaskState.RETRYING] * 3
    apply(run, e.Dispatched((0,), 2, 10.0))
    assert run.state[0] is TaskState.RUNNING
    assert sorted(run.retry["python", 0]) == [(8.0, 2), (9.0, 1)]


def test_retries_stay_in_order_when_one_is_taken_out() -> None:
    """The due times of the others come in order, whichever retry was dispatched."""
    times = [1.0, 10.0, 2.0, 11.0, 12.0, 3.0, 4.0]
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON, over=0), sizes=(len(times),))
    apply(run, e.Dispatched(tuple(range(len(times))), 1, 0.0))
    for task, at in enumerate(times):
        apply(run, e.Failed(task, 1, BROKEN, 0.0, retry_at=at))
    apply(run, e.Dispatched((1,), 2, 0.0))
    came = []
    while run.retry["python", 0]:
        at, task = run.retry["python", 0][0]
        came.append(at)
        apply(run, e.Dispatched((task,), 2, at))
    assert came == [1.0, 2.0, 3.0, 4.0, 11.0, 12.0]


@pytest.mark.parametrize("lost", [0, 1], ids=["beginning", "middle"])
def test_a_log_with_a_gap(lost: int) -> None:
    """A log of which an event is lost is refused, with what to do: it is no run."""
    started = e.RunStarted("r", "w", ("a",), (e.NodeSpec("a", NodeKind.PYTHON),), "g", 1.0)
    events = (started, e.Resolved(0, ("k",), ("never_run",), (None,), 1.0), e.Dispatched((0,), 1, 1.0))
    entries = [e.Entry("r", 1, seq, event) for seq, event in enumerate(events)]
    with pytest.raises(StoreFault, match="wfkit doctor"):
        replay(entries[:lost] + entries[lost + 1 :])


def test_a_chain_of_20000_needs_no_recursion() -> None:
    """A chain beyond Python's recursion limit runs; if its head fails it is skipped to its end; it replays."""
    size = 20_000
    specs = tuple(e.NodeSpec(f"n{n}", NodeKind.PYTHON, deps=(n - 1,) if n else ()) for n in range(size))
    run = Simulation(World(specs, (1,) * size)).finish(limit=5 * size)
    assert run.node_state == [TaskState.SUCCESS] * size
    broken = Simulation(World(specs, (1,) * size, failures={(0, 0): (BROKEN,)}))
    assert broken.finish(limit=5 * size).node_state == [TaskState.FAILED] + [TaskState.SKIPPED] * (size - 1)
    assert replay(broken.log) == broken.run
