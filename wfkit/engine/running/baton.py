"""The baton: whichever thread completes a task carries the run on, so that a chain never waits for another thread.

Any thread may `post`; it puts its events into the outbox and tries the lock. Who has the lock takes turns of the loop;
who has it not leaves, because the holder looks into the outbox again after letting go.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from wfkit.core.effects import Start
from wfkit.core.events import RunEnded
from wfkit.core.promises import Ticket
from wfkit.core.run import Run
from wfkit.core.terms import RunState
from wfkit.engine.running.context import Context
from wfkit.engine.running.loop import Loop, Posted, fault_of
from wfkit.engine.running.seating import Seating
from wfkit.interrupts import Milestone, held_back
from wfkit.own_threads import begin


class Baton:
    """Runs one run to its end.

    `launch`, set before the first `pump`, begins an attempt somewhere else; `when_ended` is called once, after the end.
    `alarm` calls something after some seconds.
    """

    def __init__(
        self, context: Context, seating: Seating, alarm: Callable[[float, Callable[[], object]], None]
    ) -> None:
        self.context = context
        self.finished = Milestone()
        self.fault: BaseException | None = None
        self.launch: Callable[[Start], None] = _nowhere
        self.when_ended: Callable[[], None] = _nothing
        self._loop = Loop(context, seating, lambda delay_s, number: alarm(delay_s, partial(self._ring, number)))
        self._lock = threading.Lock()
        self._outbox: deque[Posted] = deque()

    @property
    def run(self) -> Run:
        """The run as it stands; read it under `reading`."""
        return self.context.run

    @property
    def ticket(self) -> Ticket | None:
        """The receipt of what was written last."""
        return self._loop.ticket

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
            try:
                if self.fault is not None:
                    return None
                launches = self._loop.turn(self._outbox)
                if self.run.status is not RunState.RUNNING and not self.finished.is_set():
                    self.finished.set()
                    self.when_ended()
            except BaseException as error:  # must reach the caller that waits for the run
                self._break_off(error)
                return None
            finally:
                self._lock.release()
            if take and mine is None and launches:
                mine = launches.pop()
            for start in launches:
                self._launch(start)
            if not self._outbox:
                return mine

    def carry(self) -> None:
        """`pump` on a thread of its own. The caller's may be interrupted at any instruction, and half an event applied
        is a broken run."""
        with held_back():
            begin(self.pump, "wfkit-baton")

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

    def _ring(self, number: int) -> None:
        """An alarm went off. It is handed in like an event: whoever has the lock now would not hear it."""
        self.post(Posted((), rings=number))

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


def _nothing() -> None:
    """Nobody needs to know that the run has ended."""


def _nowhere(start: Start) -> None:
    raise RuntimeError(f"nothing was set to launch {start}")
