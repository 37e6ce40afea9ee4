"""A desk for questions of a cell that is no node: guarded, written to the log and paid once like those of a run, but
part of none.

Budgets of a run hold for each such question by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wfkit.core.events import CallEnded, Entry
from wfkit.core.policy import Options
from wfkit.engine.asking.asker import Called
from wfkit.engine.asking.desk import Desk, House
from wfkit.engine.asking.purses import Purses, open_day
from wfkit.engine.execute import Session, asking_of, cassette_of
from wfkit.engine.thread import shared


def open_desk(session: Session, told: Callable[[Sequence[CallEnded], int | None], object]) -> Desk:
    """The desk of one question. When it is answered, or has failed, its calls are `told`, and how many recordings of
    the cassette nothing has asked for so far (None without one that is played)."""

    def write(event: Called, on_disk: object) -> None:
        ticket = session.store.append([Entry("", 1, 0, event)], durable=on_disk is not None)
        if callable(on_disk):
            ticket.then(on_disk)

    cassette = cassette_of(session, session.settings.cassette)

    def answered() -> None:
        told(desk.calls, None if cassette is None else cassette.left())
        if cassette is not None and not session.under_way.futures:  # the last of those that were asked together
            cassette.save()

    asking = asking_of(
        session,
        write=write,
        at_work=lambda: not desk.closed,
        kept=lambda _task, _digest: None,
        cassette=cassette,
    )
    open_day(session.today, session.settings, session.store)
    purses = Purses(None, session.settings, session.today)
    desk = Desk(House(asking, purses, session.settings, shared, _none_sent, answered=answered), "", Options())
    return desk


def _none_sent(_task: int, _question: str) -> int:
    """No question of a cell was sent before: a cell has no attempts."""
    return 0
