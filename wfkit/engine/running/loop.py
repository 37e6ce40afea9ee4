"""The loop: it applies what happened, asks `decide` and does what it says.

One thread at a time is in it: whoever carries the baton. What begins an attempt is not known here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from math import ceil

from wfkit.core import backoff, deadlines, routing
from wfkit.core.apply import apply
from wfkit.core.call import Failure
from wfkit.core.decide import decide
from wfkit.core.effects import Effect, Expire, Finish, Resolve, Skip, Start, Wait
from wfkit.core.events import (
    Dispatched,
    Event,
    Failed,
    ItemsSucceeded,
    Resolved,
    RunEnded,
    Skipped,
    Succeeded,
    Unresolvable,
)
from wfkit.core.frozen import dataclass
from wfkit.core.promises import Ticket
from wfkit.core.run import Run
from wfkit.core.terms import RunState
from wfkit.engine.preparing.unkept import given_up, unkeepable
from wfkit.engine.running.context import Context, unexpected, why_unresolvable
from wfkit.engine.running.seating import Seating
from wfkit.errors import ValueFault
from wfkit.store.secrets import Secrets


@dataclass(slots=True)
class Posted:
    """Events to apply. `ends` is the attempt whose seat comes back with them (`expires`: at its deadline); `durable` is
    called when they are on disk; `rings` is the number of an alarm that went off (0: none)."""

    events: tuple[Event, ...]
    ends: Start | None = None
    durable: Callable[[], None] | None = None
    expires: bool = False
    rings: int = 0


class Loop:
    """The scheduling of one run. `alarm` asks to be called again after some seconds, with a number."""

    def __init__(self, context: Context, seating: Seating, alarm: Callable[[float, int], None]) -> None:
        self.context = context
        self.ticket: Ticket | None = None
        self._seating, self._seats = seating, seating.slots
        self._alarm = alarm
        self._given_up: set[tuple[int, int]] = set()
        self._wakes_at: float | None = None
        self._rings_at = 0.0  # of a clock that nobody sets
        self._due = 0.0  # what was to begin until then may begin, whatever the clock on the wall says
        self._alarms = 0

    @property
    def run(self) -> Run:
        """The run as it stands."""
        return self.context.run

    def turn(self, outbox: deque[Posted]) -> list[Start]:
        """Apply all that was posted and all that follows, and write it to the log; what is to be launched now."""
        log: list[Event] = []
        calls: list[Callable[[], None]] = []
        launches: list[Start] = []
        while True:
            while outbox:
                self._accept(outbox.popleft(), log, calls)
            again_s = self._seating.press()
            if again_s is not None and self.run.nodes_left:
                # On a grid, or every turn would set an alarm of its own; not far off, for an alarm holds the run.
                self._wake(ceil((time.time() + min(again_s, _LOOK_S)) / _GRID_S) * _GRID_S)
            effects = decide(self.run, max(time.time(), self._due), self._seats)
            if not self._perform(effects, log, launches):
                break
        self._due = 0.0
        if log:
            ended = self.run.status is not RunState.RUNNING
            self.ticket = self.context.write(log, durable=bool(calls) or ended)
            for call in calls:
                self.ticket.then(call)
        return launches

    def _accept(self, posted: Posted, log: list[Event], calls: list[Callable[[], None]]) -> None:
        """Apply what was handed in. The next attempt of a failed task is settled here, where the run is at hand.

        After its end a run takes in late values and calls, but no second end and no failure: what was broken off by an
        interrupt has not failed, it runs again when the run is taken up.
        """
        for event in posted.events:
            if posted.expires and isinstance(event, Failed) and self.run.running.get(event.task) != event.attempt:
                return
            kind = type(event)
            if kind in _LAST_WORDS and self.run.status is not RunState.RUNNING:
                continue
            settled = _settled(self.run, event) if isinstance(event, Failed) else event
            if isinstance(settled, Failed):
                log.extend(given_up(self.run, settled))
            self._apply(settled, log)
        if posted.rings and posted.rings == self._alarms:  # an older one rings late: it would only set more of them
            if self._wakes_at is not None and time.monotonic() >= self._rings_at:
                self._due = self._wakes_at  # the clock may have been set back meanwhile
            self._wakes_at = None  # also if it rang too early: then it is set again
        if posted.durable is not None:
            calls.append(posted.durable)
        if posted.ends is not None:
            self._free(posted.ends, posted.expires)

    def _free(self, start: Start, expires: bool) -> None:
        """Give the seat of an attempt back, once: at its deadline, or when it ends."""
        slot = (start.tasks[0], start.attempt)
        if slot in self._given_up:
            self._given_up.discard(slot)
            return
        if expires:
            self._given_up.add(slot)
        spec = self.run.specs[self.run.node_of[start.tasks[0]]]
        self._seats[spec.pool].take(spec.lane, start.attempt, -1)

    def _apply(self, event: Event, log: list[Event]) -> None:
        apply(self.run, event)
        log.append(event)

    def _perform(self, effects: list[Effect], log: list[Event], launches: list[Start]) -> bool:
        """Do the effects; False when there is nothing more to do now."""
        again = False
        for effect in effects:
            kind = type(effect)
            if kind is Start:
                assert isinstance(effect, Start)
                self._apply(Dispatched(effect.tasks, effect.attempt, time.time()), log)
                spec = self.run.specs[self.run.node_of[effect.tasks[0]]]
                self._seats[spec.pool].take(spec.lane, effect.attempt)
                launches.append(effect)
            elif kind is Resolve:
                assert isinstance(effect, Resolve)
                self._apply(_resolve(self.context, effect.node), log)
            elif kind is Skip:
                assert isinstance(effect, Skip)
                self._apply(Skipped(effect.node, effect.because, time.time()), log)
            elif kind is Finish:
                assert isinstance(effect, Finish)
                log.extend(unkeepable(self.run, self.context.problems))
                self._apply(RunEnded(effect.status, time.time()), log)
                return False
            elif kind is Expire:
                self._expire(log)
                return False
            else:
                assert isinstance(effect, Wait)
                self._wake(effect.until)
                return False
            again = True
        return again

    def _expire(self, log: list[Event]) -> None:
        """The run's deadline has passed: what is under way has failed, and what has not begun does not."""
        now, failure = time.time(), deadlines.overdue(self.run)
        for task, attempt in sorted(self.run.running.items()):
            event = Failed(task, attempt, failure, now)
            log.extend(given_up(self.run, event))
            self._apply(event, log)
        while self.run.to_skip:
            self._apply(Skipped(*self.run.to_skip[0], now), log)
        log.extend(unkeepable(self.run, self.context.problems))
        self.context.warn(
            f"the run ended at its deadline of {self.run.deadline_s:g} s: run again, it goes on from there"
        )
        self._apply(RunEnded(RunState.FAILED, now), log)

    def _wake(self, until: float) -> None:
        now = time.time()
        if self._wakes_at is not None and now < self._wakes_at <= until:
            return
        self._wakes_at = until
        self._rings_at = time.monotonic() + until - now
        self._alarms += 1
        self._alarm(until - now + 0.001, self._alarms)


_GRID_S, _LOOK_S = 0.05, 5.0
_LAST_WORDS = (Failed, RunEnded)
_SECRETS = Secrets()


def _settled(run: Run, event: Failed) -> Failed:
    """The failure with the time of the next attempt, if there is one."""
    spec = run.specs[run.node_of[event.task]]
    event = replace(event, failure=_told(event.failure))
    failures = [*run.failures.get(event.task, ()), event.failure]
    dice = backoff.roll(run.started.seed, event.task, event.attempt)
    return deadlines.in_time(run, replace(event, retry_at=routing.retry_at(spec, failures, event.at, dice)))


def _told(failure: Failure) -> Failure:
    """A failure as it may be shown and written: without secrets."""
    lines = failure.traceback
    cleaned = (_SECRETS.redact(failure.message), None if lines is None else _SECRETS.redact(lines))
    return (
        failure if cleaned == (failure.message, lines) else replace(failure, message=cleaned[0], traceback=cleaned[1])
    )


def _resolve(context: Context, node: int) -> Resolved | Unresolvable:
    now = time.time()
    try:
        resolved = context.resolver.resolve(node, context.done, now)
        return resolved if context.places is None else context.places.brought_back(resolved)
    except Exception as error:  # whatever it is, it is this node's failure, not the engine's
        over = context.prepared.ready[node].over
        if isinstance(error, ValueFault) and over is not None:
            context.forget_lost(over)
        return Unresolvable(node, _told(why_unresolvable(context.prepared.ready[node], error)), now)


def completion(start: Start, event: Succeeded | ItemsSucceeded | Failed) -> Posted:
    """The last word of an attempt."""
    return Posted((event,), ends=start)


def fault_of(start: Start, error: BaseException) -> Posted:
    """The last word of an attempt in which wfkit itself failed."""
    now = time.time()
    return Posted(tuple(Failed(task, start.attempt, unexpected(error), now) for task in start.tasks), ends=start)
