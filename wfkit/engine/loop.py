"""The loop: it applies what happened, asks `decide` and does what it says. Whoever completes a task carries the baton.

Any thread may `post`; it puts its events into the outbox and tries the lock. Who has the lock applies everything,
decides and starts what
follows; who has it not leaves, because the holder looks into the outbox again after letting go. So a chain never
waits for another thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from wfkit.core import backoff, routing
from wfkit.core.decide import Seats, decide
from wfkit.core.effects import Effect, Finish, Resolve, Skip, Start, Wait
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
from wfkit.core.promises import Ticket
from wfkit.core.run import Run, apply
from wfkit.core.terms import RunState
from wfkit.engine.context import Context, unexpected, why_unresolvable


@dataclass(slots=True)
class Posted:
    """Events to apply; `start` is the one that they end, whose seat comes back; `durable` is called when they are on
    disk."""

    events: tuple[Event, ...]
    ends: Start | None = None
    durable: Callable[[], None] | None = None
    expires: bool = False


class Baton:
    """Runs one run to its end.

    `launch`, set before the first `pump`, begins an attempt somewhere else; `alarm` asks for a `pump` after some time.
    """

    def __init__(
        self,
        context: Context,
        seats: dict[str, Seats],
        alarm: Callable[[float, Callable[[], object]], None],
    ) -> None:
        self.context = context
        self.finished = threading.Event()
        self.fault: BaseException | None = None
        self.ticket: Ticket | None = None
        self._seats = seats
        self.launch: Callable[[Start], None] = _nowhere
        self._alarm = alarm
        self._lock = threading.Lock()
        self._outbox: deque[Posted] = deque()
        self._given_up: set[tuple[int, int]] = set()
        self._wakes_at: float | None = None
        self.when_ended: Callable[[], None] = _nothing

    @property
    def run(self) -> Run:
        """The run as it stands; read it under `reading`."""
        return self.context.run

    def post(self, posted: Posted, take: bool = False) -> Start | None:
        """Hand in what happened. With `take` the caller gets the next task of the pool it just freed, to run it
        itself."""
        self._outbox.append(posted)
        return self.pump(take)

    def pump(self, take: bool = False) -> Start | None:
        """Apply, decide and do until nothing is left, unless another thread is at it."""
        mine: Start | None = None
        while True:
            if not self._lock.acquire(blocking=False):
                return mine
            launches: list[Start] = []
            try:
                if self.fault is not None:
                    return None
                mine = self._turn(launches, take and mine is None) or mine
            except BaseException as error:  # must reach the caller that waits for the run
                self._break_off(error)
                return None
            finally:
                self._lock.release()
            for start in launches:
                self._launch(start)
            if not self._outbox:
                return mine

    def carry(self) -> None:
        """`pump` on a thread of its own. The caller's may be interrupted at any instruction, and half an event applied
        is a broken run."""
        threading.Thread(target=self.pump, name="wfkit-baton", daemon=True).start()

    def interrupt(self) -> None:
        """End the run as interrupted, if it has not ended."""
        self._outbox.append(Posted((RunEnded(RunState.INTERRUPTED, time.time()),)))
        self.carry()

    def reading(self, read: Callable[[Run], object]) -> object:
        """Call `read` with the run while nobody changes it."""
        with self._lock:
            result = read(self.run)
        if self._outbox:
            self.carry()
        return result

    def _launch(self, start: Start) -> None:
        try:
            self.launch(start)
        except Exception as error:  # no thread to be had: the attempt ends, or the run would hang
            self._outbox.append(fault_of(start, error))

    def _break_off(self, error: BaseException) -> None:
        """The engine itself failed: nothing more is applied. What is in the log can be taken up by the next run."""
        self.fault = error
        try:
            self.context.write([RunEnded(RunState.INTERRUPTED, time.time())], durable=True)
        except Exception as second:  # the log itself is what failed; the first error is the one to tell
            error.add_note(f"and the end of the run could not be written: {second}")
        self.finished.set()

    def _turn(self, launches: list[Start], take: bool) -> Start | None:
        log: list[Event] = []
        calls: list[Callable[[], None]] = []
        mine: Start | None = None
        while True:
            while self._outbox:
                self._accept(self._outbox.popleft(), log, calls)
            effects = decide(self.run, time.time(), self._seats)
            if not self._perform(effects, log, launches):
                break
        if take and launches:
            mine = launches.pop()
        if log:
            ended = self.run.status is not RunState.RUNNING
            self.ticket = self.context.write(log, durable=bool(calls) or ended)
            for call in calls:
                self.ticket.then(call)
            if ended and not self.finished.is_set():
                self.finished.set()
                self.when_ended()
        return mine

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
            self._apply(_settled(self.run, event) if isinstance(event, Failed) else event, log)
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
        self._seats[self.run.specs[self.run.node_of[start.tasks[0]]].pool].free += 1

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
                self._seats[self.run.specs[self.run.node_of[effect.tasks[0]]].pool].free -= 1
                launches.append(effect)
            elif kind is Resolve:
                assert isinstance(effect, Resolve)
                self._apply(_resolve(self.context, effect.node), log)
            elif kind is Skip:
                assert isinstance(effect, Skip)
                self._apply(Skipped(effect.node, effect.because, time.time()), log)
            elif kind is Finish:
                assert isinstance(effect, Finish)
                self._apply(RunEnded(effect.status, time.time()), log)
                return False
            else:
                assert isinstance(effect, Wait)
                self._wake(effect.until)
                return False
            again = True
        return again

    def _wake(self, until: float) -> None:
        now = time.time()
        if self._wakes_at is not None and now < self._wakes_at <= until:
            return
        self._wakes_at = until
        self._alarm(until - now + 0.001, self.pump)


_LAST_WORDS = (Failed, RunEnded)


def _nothing() -> None:
    """Nobody needs to know that the run has ended."""


def _nowhere(start: Start) -> None:
    raise RuntimeError(f"nothing was set to launch {start}")


def _settled(run: Run, event: Failed) -> Failed:
    """The failure with the time of the next attempt, if there is one."""
    spec = run.specs[run.node_of[event.task]]
    failures = len(run.failures.get(event.task, ())) + 1
    dice = backoff.roll(run.started.seed, event.task, event.attempt)
    return replace(event, retry_at=routing.retry_at(spec, event.failure, failures, event.at, dice))


def _resolve(context: Context, node: int) -> Resolved | Unresolvable:
    now = time.time()
    try:
        return context.resolver.resolve(node, context.done, now)
    except Exception as error:  # whatever it is, it is this node's failure, not the engine's
        return Unresolvable(node, why_unresolvable(context.prepared.ready[node], error), now)


def completion(start: Start, event: Succeeded | ItemsSucceeded | Failed) -> Posted:
    """The last word of an attempt."""
    return Posted((event,), ends=start)


def fault_of(start: Start, error: BaseException) -> Posted:
    """The last word of an attempt in which wfkit itself failed."""
    now = time.time()
    return Posted(tuple(Failed(task, start.attempt, unexpected(error), now) for task in start.tasks), ends=start)
