"""The desk of one attempt: where the Python code of a node asks models, found through a ContextVar.

It counts what was asked and ends with the attempt. What is asked, and how often, is decided elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, Token
from dataclasses import field
from typing import TYPE_CHECKING, Any, Self

from wfkit.core.events import CallEnded
from wfkit.core.frozen import dataclass
from wfkit.core.policy import Options
from wfkit.core.result import NOTHING_SPENT, Spent
from wfkit.engine.asking.asker import Asker, Asking
from wfkit.engine.asking.purses import Purses
from wfkit.engine.asking.spending import spending
from wfkit.engine.thread import LoopThread
from wfkit.errors import UsageFault
from wfkit.keys.recorder import unwatched
from wfkit.settings import Settings

if TYPE_CHECKING:
    import asyncio


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class House:
    """What the desks of one run share. `sent` tells how many requests a question of a task has sent in this run;
    `seed` makes its waits a function of the log; `answered` is called after each question."""

    asking: Asking
    purses: Purses
    settings: Settings
    loop: LoopThread
    sent: Callable[[int, str], int]
    seed: int = 0
    answered: Callable[[], None] = _nothing


@dataclass(eq=False)
class Desk:
    """Questions of one attempt of a task. Use it as a context around the body. `began` tells since when the task is at
    work (Unix seconds)."""

    house: House
    node: str
    options: Options
    task: int = 0
    attempt: int = 0
    item: int | None = None
    began: float | None = None
    calls: list[CallEnded] = field(default_factory=list)
    unasked: set[int] = field(default_factory=set)
    closed: bool = False
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _turns: dict[str, asyncio.Lock] | None = None
    _token: Token[Desk | None] | None = None

    def __enter__(self) -> Self:
        self._token = current.set(self)
        return self

    def __exit__(self, *error: object) -> None:
        assert self._token is not None
        current.reset(self._token)
        self.close()

    def asker(self) -> Asker:
        """Who asks one question."""
        return Asker(self.house.asking, self.task, self.attempt, self.node, self.item)

    @property
    def spent(self) -> Spent:
        """What all that was asked here did cost."""
        return spending(self.calls) if self.calls else NOTHING_SPENT

    @property
    def place(self) -> str:
        """Whose desk it is, in a message."""
        return f"node {self.node!r}" if self.node else "this cell"

    def turn(self, question: str) -> asyncio.Lock:
        """Equal questions are asked one after the other: the second finds the reply to the first."""
        import asyncio  # the loop that runs this has loaded it

        if self._turns is None:
            self._turns = defaultdict(asyncio.Lock)
        return self._turns[question]

    async def carry(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run what asks, on the loop. Giving up cancels it; an interrupted run lets it end, so that what was paid is
        kept."""
        import asyncio  # the loop that runs this has loaded it

        if (deep := _depth.get() + 1) > DEEPEST:
            work.close()
            raise UsageFault(_TOO_DEEP)
        context = unwatched()
        context.run(_depth.set, deep)
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if self.house.asking.at_work():
                task.cancel()
                await asyncio.wait([task])  # then what it may have cost is in the log
            raise
        finally:
            self.house.answered()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # told by whoever waits; after an interrupt nobody does

    def close(self) -> None:
        """Nothing more is asked here. What is still under way is given up."""
        self.closed = True
        if self.house.asking.at_work():
            self.give_up()

    def give_up(self) -> None:
        """What is under way is not waited for, also where the run has ended: its deadline has passed."""
        self.closed = True
        if self._tasks:
            tasks = list(self._tasks)
            self.house.loop.call_at(0.0, lambda: [task.cancel() for task in tasks])

    def demand_open(self) -> None:
        """Raises UsageFault when the attempt has ended."""
        if self.closed:
            raise UsageFault(
                f"{self.place} has ended, so it cannot ask any more: await every `wfkit.ask` before its body ends"
            )

    def demand_asked(self) -> None:
        """Raises UsageFault when questions were made that nobody has asked."""
        if self.unasked:
            told = "a question" if len(self.unasked) == 1 else f"{len(self.unasked)} questions"
            raise UsageFault(
                f"{self.place} made {told} with `wfkit.ask` that nobody has asked: write `await wfkit.ask(...)` (a cell"
                " may await at its top level, a function with `async def`), or `wfkit.ask(...).result()` where nothing"
                " can be awaited"
            )


DEEPEST = 4
_TOO_DEEP = f"to answer this, {DEEPEST} questions wait for one another: does an adapter ask its own model?"
_depth: ContextVar[int] = ContextVar("wfkit_depth", default=0)
current: ContextVar[Desk | None] = ContextVar("wfkit_desk", default=None)
