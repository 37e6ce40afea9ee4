"""`decide`: it reads only, keeps to the seats, obeys priorities, and sleeps no longer than it must."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.simulation import Simulation
from tests.core.test_apply import BROKEN, ORDERS, run_of
from tests.core.worlds import World, worlds
from wfkit.core import events as e
from wfkit.core.apply import apply
from wfkit.core.backoff import roll
from wfkit.core.decide import Seats, decide, final_state
from wfkit.core.effects import Finish, Resolve, Skip, Start, Wait
from wfkit.core.policy import RetryPolicy
from wfkit.core.run import Run, begin
from wfkit.core.terms import FailureKind, NodeKind, OnError, RunState, TaskState

PYTHON = {"python": Seats(1, 1)}


def startable(run: Run, pool: str, now: float, seats: Seats) -> list[int]:
    """Priorities of all tasks of a pool that could start now, by looking at every task."""
    full = {lane for lane, places in seats.lanes.items() if places.free <= 0}
    due = {task: at for heap in run.retry.values() for at, task in heap}
    queued = [t for t, state in enumerate(run.state) if state is TaskState.QUEUED or due.get(t, now + 1) <= now]
    specs = [run.specs[run.node_of[task]] for task in queued]
    return [spec.priority for spec in specs if spec.pool == pool and spec.lane not in full]


@given(worlds(), ORDERS)
def test_decide_only_reads(world: World, order: int) -> None:
    """Asking changes nothing: the run before and after is equal in every part, and asked twice it answers the same."""
    live = Simulation(world, order)
    while True:
        before = copy.deepcopy(live.run)
        first = decide(live.run, live.now, live.slots())
        assert live.run == before
        assert decide(live.run, live.now, live.slots()) == first
        if not live.step():
            break


@given(worlds(), ORDERS)
def test_seats_and_priorities(world: World, order: int) -> None:
    """A pool never holds more attempts than seats; what starts has the highest priority of what could start there."""
    live = Simulation(world, order)
    while live.run.status is RunState.RUNNING:
        slots = live.slots()
        for effect in decide(live.run, live.now, slots):
            if isinstance(effect, Start):
                spec = live.run.specs[live.run.node_of[effect.tasks[0]]]
                assert spec.priority == max(startable(live.run, spec.pool, live.now, slots[spec.pool]))
        live.step()
        assert all(seats.free >= 0 for seats in live.slots().values())


@given(worlds(), ORDERS)
def test_a_map_keeps_to_its_own_bounds(world: World, order: int) -> None:
    """Of a node with `max_parallel` no more attempts are under way than it says, also when some are retries; with
    `batch_size` no attempt has more items than that, and only the last ones and retries have fewer."""
    live = Simulation(world, order)
    while live.run.status is RunState.RUNNING:
        live.step()
        at_work = [live.run.node_of[start.tasks[0]] for start in live.in_flight]
        for node, spec in enumerate(live.run.specs):
            assert spec.max_parallel is None or at_work.count(node) <= spec.max_parallel
    for start in live.starts:
        spec = live.run.specs[live.run.node_of[start.tasks[0]]]
        assert len(start.tasks) <= (spec.batch_size or 256)


@given(worlds(), ORDERS)
def test_what_stops_begins_nothing_after_a_failure(world: World, order: int) -> None:
    """Of a map that stops no item has its first attempt after another has failed for good; those that were never begun
    are cancelled, and the node has failed. Others do all their items."""
    live = Simulation(world, order)
    run = live.finish()
    over: set[int] = set()
    for entry in live.log:
        if isinstance(entry.event, e.Failed) and entry.event.retry_at is None:
            over.add(run.node_of[entry.event.task])
        if isinstance(entry.event, e.Dispatched) and entry.event.attempt == 1:
            node = run.node_of[entry.event.tasks[0]]
            assert not (run.specs[node].stops and node in over)
    for node, spec in enumerate(run.specs):
        states = {run.state[task] for task in run.tasks(node)}
        assert TaskState.CANCELLED not in states or (spec.stops and TaskState.FAILED in states)


def test_a_full_lane_does_not_hold_up_the_pool() -> None:
    """A node at its bound lets nodes of lower priority pass; when a place of its own comes free it is first again."""
    node = {"kind": NodeKind.PYTHON, "deps": (0,), "over": 0}
    specs = (
        e.NodeSpec("items", NodeKind.PYTHON),
        e.NodeSpec("few", priority=5, max_parallel=1, batch_size=1, **node),
        e.NodeSpec("many", **node),
    )
    live = Simulation(World(specs, items=(1, 3, 3), seats={"python": 3}))
    while len(live.starts) < 4:
        live.step()
    assert [live.run.specs[live.run.node_of[s.tasks[0]]].name for s in live.starts[1:4]] == ["few", "many", "many"]
    live.complete(live.in_flight.pop(0))
    [again] = decide(live.run, live.now, live.slots())
    assert live.run.specs[live.run.node_of[again.tasks[0]]].name == "few"


@given(worlds(), ORDERS)
def test_no_free_seat_while_something_could_run(world: World, order: int) -> None:
    """When `decide` has nothing to start, no pool has both a free seat and a task that could take it."""
    live = Simulation(world, order)
    while live.run.status is RunState.RUNNING:
        effects = decide(live.run, live.now, live.slots())
        if not any(isinstance(effect, Start) for effect in effects):
            for pool, seats in live.slots().items():
                assert not seats.free or not startable(live.run, pool, live.now, seats)
        live.step()


@given(worlds(), ORDERS)
def test_retries_start_when_due(world: World, order: int) -> None:
    """An attempt after a failure starts, and no earlier than the failure said."""
    live = Simulation(world, order)
    live.finish()
    due: dict[int, float] = {}
    for entry in live.log:
        if isinstance(entry.event, e.Failed) and entry.event.retry_at is not None:
            due[entry.event.task] = entry.event.retry_at
        if isinstance(entry.event, e.Dispatched):
            for task in entry.event.tasks:
                assert entry.event.at >= due.pop(task, 0.0)
    assert not due


@given(worlds(), ORDERS)
def test_waits_obey_the_formula(world: World, order: int) -> None:
    """retry_at - at = max(Retry-After, dice * min(max_delay, base * 2**n)), base at least 1 s when rate limited."""
    live = Simulation(world, order)
    live.finish()
    count: dict[int, int] = {}
    for event in (entry.event for entry in live.log if isinstance(entry.event, e.Failed)):
        n = count[event.task] = count.get(event.task, 0) + 1
        if event.retry_at is None:
            continue
        policy = live.run.specs[live.run.node_of[event.task]].retry
        base = max(policy.base_s, 1.0) if event.failure.kind is FailureKind.RATE_LIMITED else policy.base_s
        jitter = roll(world.seed, event.task, event.attempt) * min(policy.max_delay_s, base * 2 ** (n - 1))
        assert event.retry_at - event.at == pytest.approx(max(event.failure.retry_after_s or 0, jitter), abs=1e-6)


def test_resolves_and_skips_come_first() -> None:
    """Nodes that are ready to be resolved or must be skipped are named at once, whatever the seats."""
    run = begin(
        e.RunStarted("r", "w", (), (e.NodeSpec("a", NodeKind.PYTHON), e.NodeSpec("b", NodeKind.PYTHON)), "g", 0)
    )
    assert decide(run, 0, {}) == [Resolve(0), Resolve(1)]
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON), e.NodeSpec("b", NodeKind.PYTHON, deps=(0,)))
    apply(run, e.Dispatched((0,), 1, 0.0))
    apply(run, e.Failed(0, 1, BROKEN, 0.0))
    assert decide(run, 0, {}) == [Skip(1, 0)]


def test_an_urgent_retry_goes_before_a_calm_queue() -> None:
    """A due retry of an urgent node takes the only seat; a calm retry leaves it to an urgent task."""
    for urgent in (0, 1):
        specs = [e.NodeSpec(f"n{n}", NodeKind.PYTHON, priority=5 if n == urgent else 0) for n in range(2)]
        run = begin(e.RunStarted("r", "w", (), tuple(specs), "g", 0.0))
        apply(run, e.Resolved(0, (None,), ("never_run",), (None,), 0.0))
        apply(run, e.Dispatched((0,), 1, 0.0))
        apply(run, e.Failed(0, 1, BROKEN, 0.0, retry_at=1.0))
        apply(run, e.Resolved(1, (None,), ("never_run",), (None,), 0.0))
        assert decide(run, 1.0, PYTHON) == [Start((urgent,), 2 if urgent == 0 else 1)]


def test_at_equal_priority_a_due_retry_goes_first() -> None:
    """A due retry does not wait behind the rest of a long map."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON, over=0, timeout_s=1.0), sizes=(9,))
    apply(run, e.Dispatched((0,), 1, 0.0))
    apply(run, e.Failed(0, 1, BROKEN, 0.0, retry_at=1.0))
    assert decide(run, 0.5, PYTHON) == [Start((1,), 1)]
    assert decide(run, 1.0, PYTHON) == [Start((0,), 2)]


@given(worlds(), ORDERS)
def test_retries_go_alone(world: World, order: int) -> None:
    """Where retries of a lane go one at a time, no second one is under way, and the run ends all the same."""
    live = Simulation(world, order, alone=True)
    lanes = [spec.lane for spec, _ in live.bounded]
    while live.run.status is RunState.RUNNING:
        live.step()
        again = [start for start in live.in_flight if live.run.failures.get(start.tasks[0])]
        at_work = [live.run.specs[live.run.node_of[start.tasks[0]]].lane for start in again]
        assert all(at_work.count(lane) <= 1 for lane in lanes)


def test_first_attempts_take_the_places_of_retries_that_would_wait() -> None:
    """Of three due retries one begins, then what never ran; when it has ended the next one."""
    run = run_of(e.NodeSpec("a", NodeKind.PROMPT, over=0, pool="p", model="p/m", retry=RetryPolicy(1)), sizes=(5,))
    for task in range(3):
        apply(run, e.Dispatched((task,), 1, 0.0))
        apply(run, e.Failed(task, 1, BROKEN, 0.0, retry_at=1.0))
    lane = Seats(5, 5, alone=True)
    seats = {"p": Seats(5, 5, lanes={"p p/m": lane})}
    begun = []
    while starts := [effect for effect in decide(run, 2.0, seats) if isinstance(effect, Start)]:
        apply(run, e.Dispatched(starts[0].tasks, starts[0].attempt, 2.0))
        seats["p"].take("p p/m", starts[0].attempt)
        begun.append((starts[0].tasks[0], starts[0].attempt))
    assert begun == [(0, 2), (3, 1), (4, 1)]
    seats["p"].take("p p/m", 2, -1)
    assert decide(run, 2.0, seats) == [Start((1,), 2)]
    lane.retrying, lane.alone = 1, False
    assert decide(run, 2.0, seats) == [Start((1,), 2)]


def test_it_sleeps_until_the_first_due_time() -> None:
    """With nothing to start it names the earliest due time; a due retry without a seat waits for an event."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON, over=0, retry=RetryPolicy(1)), sizes=(2,))
    for task, at in ((0, 9.0), (1, 4.0)):
        apply(run, e.Dispatched((task,), 1, 0.0))
        apply(run, e.Failed(task, 1, BROKEN, 0.0, retry_at=at))
    assert decide(run, 1.0, PYTHON) == [Wait(4.0)]
    assert decide(run, 5.0, PYTHON) == [Start((1,), 2)]
    assert decide(run, 5.0, {"python": Seats(0, 1)}) == []


@given(st.integers(1, 2000), st.integers(1, 8))
def test_slices_cover_a_map_once(size: int, seats: int) -> None:
    """The slices of a mapped Python node are its items in order, each once, never more than fair for the seats."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON, over=0), sizes=(size,))
    seen: list[int] = []
    while len(seen) < size:
        [start] = decide(run, 0.0, {"python": Seats(1, seats)})
        assert isinstance(start, Start)
        assert 1 <= len(start.tasks) <= max(1, min(256, (size - len(seen)) // (2 * seats)))
        seen += start.tasks
        apply(run, e.Dispatched(start.tasks, start.attempt, 0.0))
    assert seen == list(range(size))


def test_a_slice_holds_items_of_one_attempt() -> None:
    """After an adoption a slice never mixes fresh items with interrupted ones, and takes them off the queue's head."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON, over=0), sizes=(8,))
    apply(run, e.Dispatched((0, 1, 2), 1, 0.0))
    apply(run, e.Adopted(2, 1.0))
    seats = {"python": Seats(1, 1)}
    taken = []
    while decide(run, 1.0, seats):
        [start] = decide(run, 1.0, seats)
        assert isinstance(start, Start)
        taken.append((start.attempt, start.tasks))
        apply(run, e.Dispatched(start.tasks, start.attempt, 1.0))
    assert all(attempt == (2 if min(tasks) < 3 else 1) for attempt, tasks in taken)
    assert sorted(task for _, tasks in taken for task in tasks) == list(range(8))


def test_a_slice_ends_where_the_attempt_number_changes() -> None:
    """Interrupted items of attempts 1, 2, 1 start as 1, then 2, then 1: what is dispatched is the head of the queue."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON, over=0), sizes=(6,))
    apply(run, e.Dispatched(tuple(range(6)), 1, 0.0))
    apply(run, e.Failed(1, 1, BROKEN, 0.0, retry_at=1.0))
    apply(run, e.Dispatched((1,), 2, 1.0))
    apply(run, e.Adopted(2, 2.0))
    started = []
    for _ in range(3):
        [start] = decide(run, 2.0, PYTHON)
        assert isinstance(start, Start)
        apply(run, e.Dispatched(start.tasks, start.attempt, 2.0))
        started.append(start)
    assert started[:2] == [Start((0,), 2), Start((1,), 3)]
    assert started[2].attempt == 2
    assert run.running == {0: 2, 1: 3, **dict.fromkeys(started[2].tasks, 2)}


def test_only_small_python_items_come_in_slices() -> None:
    """Prompts, items with a deadline and single nodes are started one by one."""
    for spec in (
        e.NodeSpec("a", NodeKind.PROMPT, over=0, pool="openai"),
        e.NodeSpec("a", NodeKind.PYTHON, over=0, timeout_s=1.0),
    ):
        run = run_of(spec, sizes=(100,))
        assert decide(run, 0.0, {spec.pool: Seats(1, 1)}) == [Start((0,), 1)]


def test_nothing_after_the_end() -> None:
    """An ended run has no effects; an adopted one of which nothing is left is finished again."""
    run = begin(e.RunStarted("r", "w", (), (), "g", 0.0))
    assert decide(run, 0.0, {}) == [Finish(RunState.SUCCESS)]
    apply(run, e.RunEnded(RunState.INTERRUPTED, 1.0))
    assert decide(run, 1.0, {}) == []
    apply(run, e.Adopted(2, 2.0))
    assert decide(run, 2.0, {}) == [Finish(RunState.SUCCESS)]


@pytest.mark.parametrize(
    ("on_error", "over", "expected"),
    [
        (OnError.FAIL, None, RunState.FAILED),
        (OnError.FAIL, 0, RunState.FAILED),
        (OnError.SKIP, None, RunState.PARTIAL),
        (OnError.KEEP, 0, RunState.PARTIAL),
        (OnError.SKIP, 0, RunState.PARTIAL),
    ],
)
def test_outcome_of_a_run(on_error: OnError, over: int | None, expected: RunState) -> None:
    """A failure fails the run unless its node tolerates it; then the run is partial."""
    run = run_of(e.NodeSpec("a", NodeKind.PYTHON, over=over, on_error=on_error))
    apply(run, e.Dispatched((0,), 1, 0.0))
    apply(run, e.Failed(0, 1, BROKEN, 1.0))
    assert final_state(run) is expected
