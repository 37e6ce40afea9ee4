"""The desks of one run: one for each attempt of a Python node, closed when the attempt ends or is given up.

What is asked at a desk is no concern of theirs.
"""

from __future__ import annotations

import time
from dataclasses import field
from weakref import WeakValueDictionary

from wfkit.core.effects import Start
from wfkit.core.frozen import dataclass
from wfkit.engine.asking.desk import Desk, House
from wfkit.engine.running.context import Context


@dataclass
class Desks:
    """Makes desks; those of attempts with a deadline are kept, to be closed at it."""

    context: Context
    house: House
    _open: WeakValueDictionary[tuple[int, int], Desk] = field(default_factory=WeakValueDictionary)

    def of(self, start: Start, task: int) -> Desk:
        """The desk of an attempt that begins."""
        run = self.context.run
        node = run.node_of[task]
        spec = run.specs[node]
        item = None if spec.over is None else task - run.first[node]
        options = self.context.prepared.ready[node].node.options
        desk = Desk(self.house, spec.name, options, task, start.attempt, item, run.began.get(task, time.time()))
        if spec.is_timed or run.deadline_at is not None:
            self._open[task, start.attempt] = desk
        return desk

    def close(self, task: int, attempt: int) -> None:
        """An attempt is given up, its body left to itself: what it still asks is given up too."""
        desk = self._open.get((task, attempt))
        if desk is not None:
            desk.close()

    def give_up(self) -> None:
        """The run's deadline has passed: what bodies still ask is given up."""
        for desk in list(self._open.values()):
            desk.give_up()
