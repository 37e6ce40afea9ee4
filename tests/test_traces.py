"""Promises of `traces.py`: a traceback has the user's lines, libraries shortened with a count, and no line of wfkit."""

from __future__ import annotations

import asyncio
import json
import linecache
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wfkit
from wfkit import traces
from wfkit.errors import UsageFault
from wfkit.traces import users_lines

HERE = Path(__file__).name
RAISED = (ValueError, KeyError, RuntimeError, ZeroDivisionError, ExceptionGroup, UsageFault)


def lines_of(body: Callable[[], Any]) -> str:
    """The traceback of what a body raises."""
    with pytest.raises(RAISED) as caught:
        body()
    found = users_lines(caught.value)
    assert found is not None
    return found


def test_a_library_is_shortened_in_the_middle() -> None:
    """Where it was entered and where it raised are shown, what is between is counted; no folder of this machine."""
    text = lines_of(lambda: json.loads("{"))
    assert HERE in text
    assert 'File "json/__init__.py"' in text
    assert "  ... 1 more line in json\n" in text
    assert 'File "json/decoder.py"' in text
    assert text.endswith("(char 1)\n")


def test_no_line_of_wfkit_nor_of_what_it_calls() -> None:
    """A body that hands something to wfkit sees its own line, and one that wfkit calls again."""

    class Odd:
        def __fspath__(self) -> str:
            raise ValueError("mine")

    text = lines_of(lambda: wfkit.file(Odd()))
    assert "in <lambda>" in text
    assert "in __fspath__" in text
    assert str(Path(wfkit.__file__).parent) not in text


def test_errors_of_wfkit_go_by_their_name() -> None:
    """Not by the module that they are in."""

    def refuse() -> None:
        raise UsageFault("no")

    text = lines_of(refuse)
    assert text.rstrip().split("\n")[-1] == "UsageFault: no"


def test_without_a_line_of_the_users_the_message_is_all() -> None:
    """An error that no line of the user's led to has no traceback."""
    assert users_lines(ValueError("from nowhere")) is None


def test_what_led_to_an_error_is_told() -> None:
    """The chain of the user's own errors stays, with their lines; what a library caught inside it does not."""
    import pandas as pd  # heavy: only here

    def chained() -> None:
        try:
            json.loads("{")
        except ValueError as error:
            raise RuntimeError("bad file") from error

    text = lines_of(chained)
    assert text.index("JSONDecodeError") < text.index("direct cause") < text.index("RuntimeError: bad file")
    text = lines_of(lambda: pd.DataFrame({"x": [1]})["nope"])
    assert "direct cause" not in text
    assert text.count("KeyError: 'nope'") == 1
    assert ".pyx" not in text


def test_each_error_of_a_group_has_its_lines() -> None:
    """What the tasks of a group raised stands under it."""

    async def fails(name: str) -> None:
        raise ValueError(name)

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails("first"))
            group.create_task(fails("second"))

    text = lines_of(lambda: asyncio.run(both()))
    assert text.count("in fails") == 2
    assert "ValueError: first" in text
    assert "ValueError: second" in text


def test_an_endless_recursion_is_short() -> None:
    """Of many lines of the user's the first and the last are shown, the others counted."""

    def ping(n: int) -> int:
        return pong(n) + 1

    def pong(n: int) -> int:
        return ping(n) + 1

    text = lines_of(lambda: ping(0))
    assert len(text.split("\n")) < 50
    assert "more lines\n" in text


@pytest.fixture
def named_cells() -> Iterator[None]:
    known = list(traces._cells)
    traces.call_cells(lambda file: "Cell In[3]" if file == "/tmp/ipykernel_7/42.py" else None)
    yield
    traces._cells[:] = known


@pytest.mark.usefixtures("named_cells")
def test_a_cell_is_called_by_its_number() -> None:
    """Not by the file as which the kernel compiles it."""
    file, source = "/tmp/ipykernel_7/42.py", "def half(n):\n    return n / 0\n"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {}
    exec(compile(source, file, "exec"), namespace)
    text = lines_of(lambda: namespace["half"](1))
    assert 'File "Cell In[3]", line 2, in half\n    return n / 0\n' in text
