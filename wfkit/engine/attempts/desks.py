"""The desks of one run: one for each attempt of a Python node and each call of a tool, closed when that ends or is
given up.

What is asked at a desk is no concern of theirs.
"""

from __future__ import annotations

import time
from dataclasses import field
from weakref import WeakSet

from wfkit.core.effects import Start
from wfkit.core.frozen import dataclass
from wfkit.engine.asking.desk import Desk, House
from wfkit.engine.running.context import Context


@dataclass
class Desks:
    """Makes desks; those of attempts with a deadline are kept, to be closed at it."""

    context: Context
    house: House
    _open: WeakSet[Desk] = field(default_factory=WeakSet)

    def of(self, start: Start, task: int) -> Desk:
        """The desk of an attempt that begins, or of one call of its tools."""
        run = self.context.run
        node = run.node_of[task]
        spec = run.specs[node]
        item = None if spec.over is None else task - run.first[node]
        options = self.context.prepared.ready[node].node.options
        desk = Desk(self.house, spec.name, options, task, start.attempt, item, run.began.get(task, time.time()))
        if spec.is_timed or run.deadline_at is not None:
            self._open.add(desk)
        return desk

    def close(self, task: int, attempt: int) -> None:
        """An attempt is given up, its body left to itself: what it still asks is given up too."""
        for desk in list(self._open):
            if (desk.task, desk.attempt) == (task, attempt):
                desk.close()

    def give_up(self) -> None:
        """The run's deadline has passed: what bodies still ask is given up."""
        for desk in list(self._open):
            desk.give_up()
