"""The same graph as cells for wfkit and as functions of a module for its peers; every node has its own text.

Bodies are trivial arithmetic, so that what is measured is overhead. Nothing is run or timed here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """A node: `n{number}`, which needs at most one other."""

    number: int
    needs: int | None

    @property
    def name(self) -> str:
        return f"n{self.number}"

    def lines(self) -> list[str]:
        """Four lines of Python that no other node has."""
        value = "1" if self.needs is None else f"n{self.needs}"
        return [
            f"# step {self.number}",
            f"base_{self.number} = {value} * 3 + {self.number}",
            f"rest = (base_{self.number} + {self.number % 7}) % 1000003",
            f"rest + {self.number % 5}",
        ]

    def cell(self) -> str:
        """The body of a cell."""
        return "\n".join(self.lines()) + "\n"

    def function(self) -> str:
        """The same body as a function."""
        *body, value = self.lines()
        parameter = "" if self.needs is None else f"n{self.needs}"
        return "\n    ".join([f"def {self.name}({parameter}):", *body, f"return {value}"]) + "\n"


def chain(size: int) -> list[Step]:
    """Every node needs the one before."""
    return [Step(number, number - 1 if number else None) for number in range(size)]


def wide(size: int) -> list[Step]:
    """Every node needs the first."""
    return [Step(number, 0 if number else None) for number in range(size)]


def functions(steps: Sequence[Step], folder: Path) -> list[Callable[..., int]]:
    """The nodes as functions of a module in this folder, written if it is not there."""
    path = folder / "steps.py"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join(step.function() for step in steps), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("steps", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [getattr(module, step.name) for step in steps]


def run_functions(steps: Sequence[Step], calls: Sequence[Callable[..., int]]) -> list[int]:
    """The loop that a user of a cache decorator writes."""
    values: list[int] = []
    for step, call in zip(steps, calls, strict=True):
        values.append(call() if step.needs is None else call(values[step.needs]))
    return values
