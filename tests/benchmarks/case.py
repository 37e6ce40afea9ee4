"""What a benchmark is made of: contestants who do the same work, and the ratio that wfkit has to keep.

Light on purpose: every measured process imports this file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

Figures = dict[str, float]
Contestant = Callable[[Path], Figures]


@dataclass(frozen=True)
class Limit:
    """`ours.figure` is at most `ratio` times `peer.figure`; without a peer, at most `ratio` itself."""

    ours: str
    figure: str
    ratio: float
    peer: str | None = None


@dataclass(frozen=True)
class Case:
    """Contestants by name; each is called in a new process with a folder and returns its figures.

    `prepared`: the folder is filled by one call that is not measured, and kept for all measured ones. `service` runs
    beside the case and gives environment variables. The table adds `process_ms`, the whole process seen from outside.
    """

    name: str
    title: str
    contestants: Mapping[str, Contestant]
    limits: tuple[Limit, ...] = ()
    repeats: int = 5
    prepared: bool = False
    service: Callable[[], AbstractContextManager[Mapping[str, str]]] = field(default=lambda: nullcontext({}))


def run_names(times: int) -> list[str]:
    """What so many runs in one process are called: the last is the one that counts."""
    return [f"run{number}_ms" for number in range(1, times)] + ["run_ms"]


@contextmanager
def timed(figures: Figures, name: str) -> Iterator[None]:
    """Add the milliseconds of the block to the figures; for `run_ms` also those of the processor, all threads together.

    On a busy machine processor time is steadier, but it does not show waiting for disk or for one another.
    """
    start, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        figures[name] = (time.perf_counter() - start) * 1000
        if name == "run_ms":
            figures["run_cpu_ms"] = (time.process_time() - cpu) * 1000
