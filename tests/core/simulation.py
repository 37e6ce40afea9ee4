"""A tiny engine for tests: it does what `decide` says, by a fake clock, and ends attempts in a random order.

It holds no promise of its own. What it sees at each step is kept, so that tests can judge it: `log` and `starts`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from tests.core.worlds import World
from wfkit.core import events as e
from wfkit.core.apply import apply
from wfkit.core.backoff import roll
from wfkit.core.call import Failure
from wfkit.core.decide import Seats, decide
from wfkit.core.effects import Effect, Finish, Resolve, Skip, Start, Wait
from wfkit.core.result import Result, Stored
from wfkit.core.routing import retry_at
from wfkit.core.run import Run, begin
from wfkit.core.terms import FailureKind, RunState


def result(task: int, attempt: int) -> Result:
    """Some result; its digest names task and attempt."""
    stored = Stored(digest=f"{task}.{attempt}", codec="json", payload="", size=1, inline="0")
    return Result(key=f"k{task}", node="n", definition="d", value=stored, run_s=0.5)


@dataclass
class Simulation:
    """One process that runs a world until nothing is left to do. `run` may be a replayed one."""

    world: World
    order: int = 0
    run: Run = None
    now: float = 1000.0
    alone: bool = False
    log: list[e.Entry] = field(default_factory=list)
    in_flight: list[Start] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.order)
        if self.run is None:
            started = self.world.started()
            self.run = begin(started)
            self.log.append(e.Entry("run", 1, 0, started))

    def emit(self, event: e.Event) -> None:
        """Log an event and apply it."""
        self.log.append(e.Entry("run", self.run.epoch, len(self.log), event))
        apply(self.run, event)

    @cached_property
    def bounded(self) -> list[tuple[e.NodeSpec, int]]:
        """The nodes of which only so many tasks run at once."""
        return [(spec, spec.max_parallel) for spec in self.run.specs if spec.max_parallel is not None]

    def slots(self) -> dict[str, Seats]:
        """The seats of each pool that no attempt sits on."""
        slots = {pool: Seats(size, size) for pool, size in self.world.seats.items()}
        for spec, most in self.bounded:
            slots[spec.pool].lanes[spec.lane] = Seats(most, most, alone=self.alone)
        for start in self.in_flight:
            spec = self.run.specs[self.run.node_of[start.tasks[0]]]
            slots[spec.pool].take(spec.lane, start.attempt)
        return slots

    def step(self) -> bool:
        """Ask once and do it; False at the end."""
        effects = decide(self.run, self.now, self.slots())
        for effect in effects:
            self.do(effect)
        waits = not effects or isinstance(effects[0], Wait)
        if waits and self.in_flight:
            self.complete(self.in_flight.pop(self.random.randrange(len(self.in_flight))))
        elif not effects:
            return False
        return self.run.status is RunState.RUNNING

    def finish(self, limit: int = 100_000) -> Run:
        """Step until the end."""
        steps = 0
        while self.step():
            steps += 1
            assert steps < limit, "the run does not end"
        return self.run

    def do(self, effect: Effect) -> None:
        """What the engine does for an effect."""
        match effect:
            case Resolve(node):
                self.resolve(node)
            case Skip(node, because):
                self.emit(e.Skipped(node, because, self.now))
            case Start():
                self.starts.append(effect)
                self.in_flight.append(effect)
                self.emit(e.Dispatched(effect.tasks, effect.attempt, self.now))
            case Wait(until):
                if not self.in_flight:
                    self.now = until
            case Finish(status):
                self.emit(e.RunEnded(status, self.now))

    def resolve(self, node: int) -> None:
        """Keys, reasons and cached values of a node."""
        if node in self.world.unresolvable:
            failure = Failure(FailureKind.EXCEPTION, "E", "no list")
            return self.emit(e.Unresolvable(node, failure, self.now))
        size = self.world.items[node]
        hit = [(node, item) in self.world.cached for item in range(size)]
        keys = tuple(f"{node}.{item}" for item in range(size))
        reasons = tuple("cached" if h else "never_run" for h in hit)
        values = tuple("v" if h else None for h in hit)
        saved = str(Decimal("0.25") * sum(hit))
        return self.emit(e.Resolved(node, keys, reasons, values, self.now, saved, 0.5 * sum(hit)))

    def complete(self, start: Start) -> None:
        """End an attempt, after some time: its calls, then its failures and values."""
        self.now += self.random.choice([0.0, 0.125, 3.0])
        well = []
        for task in start.tasks:
            node = self.run.node_of[task]
            place = (node, task - self.run.first[node])
            for call in self.world.calls.get(place, ()):
                self.emit(e.CallEnded(task, start.attempt, call, self.now, served=place in self.world.served))
            failures = self.world.failures.get(place, ())
            count = len(self.run.failures.get(task, ()))
            if count < len(failures):
                at = retry_at(
                    self.run.specs[node],
                    failures[: count + 1],
                    self.now,
                    roll(self.world.seed, task, start.attempt),
                )
                self.emit(e.Failed(task, start.attempt, failures[count], self.now, at))
            else:
                well.append(task)
        if len(start.tasks) > 1 and well:
            results = tuple(result(task, start.attempt) for task in well)
            self.emit(e.ItemsSucceeded(tuple(well), start.attempt, results, self.now))
        elif well:
            self.emit(e.Succeeded(well[0], start.attempt, result(well[0], start.attempt), self.now))
