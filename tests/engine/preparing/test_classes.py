"""Which classes the code of a graph reaches."""

from __future__ import annotations

import enum
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from wfkit.engine.preparing.classes import reached


class Colour(enum.Enum):
    RED = 1


@dataclass
class Inner:
    colour: Colour


class Outer(BaseModel):
    inner: list[Inner]


def make() -> Outer:
    return Outer(inner=[Inner(Colour.RED)])


def test_through_functions_and_fields() -> None:
    """A function leads to the class it makes, and that to the classes of its fields."""
    assert set(reached([make])) >= {Outer, Inner, Colour}


def test_other_values_lead_nowhere() -> None:
    """Numbers, modules and functions without classes give none."""
    assert reached([1, "x", sys, len, lambda: None]) == []


SCRIPT = """
from dataclasses import dataclass
import sys
from wfkit import Workflow

@dataclass
class Point:
    x: int

def make():
    return Point(3)

wf = Workflow("t", store=sys.argv[1], namespace=globals())

@wf.node
def point():
    return make()

run = wf.run()
print(dict(run.report.run.tasks), type(run["point"]).__name__, run["point"].x)
wf.close()
"""


def test_a_cached_instance_comes_back_in_a_new_process(tmp_path: Path) -> None:
    """The second process makes nothing and gets an instance of its own class."""
    file = tmp_path / "flow.py"
    file.write_text(SCRIPT)
    command = [sys.executable, str(file), str(tmp_path / ".wfkit")]
    first = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    second = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Point 3" in first
    assert "Point 3" in second
    assert "cached" in second
