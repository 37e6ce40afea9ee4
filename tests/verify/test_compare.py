"""Promises of the comparison: a line a node, the cause before what follows from it, nothing unknown counts as equal.

Standings are made by hand; kernels are in tests/cli/test_verifying and tests/notebook/test_verify.
"""

from __future__ import annotations

from dataclasses import replace

from wfkit.core.standing import NodeStanding, Rerun, Standing, loads
from wfkit.verify.compare import Likeness, Line, compare
from wfkit.verify.verdict import Ended, verdict, view

A = NodeStanding("a", "python", False, "d1", (), ("k1",), ("v1",), (("a → LIMIT", "x", "3"),))
B = NodeStanding("b", "python", True, "d2", ("a",), ("k2", "k3"), ("v2", "v3"))
BOTH = Standing((A, B))


def likeness(here: Standing, fresh: Standing, *, ended: bool = True) -> dict[str, str]:
    return {line.node: str(line.likeness) for line in compare(here, fresh, ended=ended)}


def one(here: NodeStanding, fresh: NodeStanding) -> Line:
    (line,) = compare(Standing((here,)), Standing((fresh,)))
    return line


def test_a_standing_survives_its_way() -> None:
    """Written as JSON and read again it is equal."""
    whole = Standing((A, B), (Rerun("a", 3, 1, 0, "x", "y", ("f.csv",)),), "no")
    assert loads(whole.dumps()) == whole


def test_equal() -> None:
    """The same keys and values."""
    assert likeness(BOTH, BOTH) == {"a": "equal", "b": "equal"}


def test_another_definition_and_what_follows() -> None:
    """The node that was edited differs, with its diff; the one that needs it follows."""
    edited = replace(A, definition="d9", keys=("k9",), values=(None,), parts=(("a → LIMIT", "y", "4"),))
    waiting = replace(B, keys=(), values=())
    lines = compare(BOTH, Standing((edited, waiting)))
    assert [(line.likeness, line.text) for line in lines] == [
        (Likeness.DIFFERS, "not the same: a → LIMIT"),
        (Likeness.FOLLOWS, "because of a"),
    ]
    assert lines[0].changes[0].diff == "-3\n+4"


def test_nodes_of_one_side() -> None:
    """One that no cell defines, one that never ran here; after an error the notebook did not come that far."""
    assert likeness(BOTH, Standing((B,))) == {"a": "absent", "b": "equal"}
    assert likeness(Standing((A,)), BOTH) == {"a": "equal", "b": "new"}
    assert likeness(BOTH, Standing((A,)), ended=False) == {"a": "equal", "b": "not reached"}


def test_the_same_key_with_another_value() -> None:
    """Named with the item, and with the file if both read it with other content."""
    line = one(B, replace(B, values=("v2", "v9")))
    assert (line.likeness, line.text[:40]) == (Likeness.DIFFERS, "item 1: the same key has another value: ")
    before, after = ((("file", "data.csv", digest),) for digest in ("1", "2"))
    line = one(replace(A, reads=before), replace(A, reads=after, values=("v9",)))
    assert line.text == "the same key has another value, because data.csv is not what it was"


def test_another_input() -> None:
    """A variable of the notebook, with both values as they look."""
    rows = NodeStanding("rows", "input", False, "d", (), ("k",), ("v",), (("rows", "v", "[1]"),))
    line = one(rows, replace(rows, keys=("k2",), values=("v2",), parts=(("rows", "v2", "[2]"),)))
    assert (line.likeness, line.text, line.changes[0].diff) == (
        Likeness.DIFFERS, "the variable has another value", "-[1]\n+[2]",
    )  # fmt: skip


def test_what_cannot_be_known_is_no_difference_and_not_equal() -> None:
    """A node without a digest, one that was not run."""
    assert one(A, replace(A, definition=None, keys=(None,), problem="a lock")).likeness is Likeness.UNKNOWN
    assert one(A, replace(A, keys=(), values=())).likeness is Likeness.NOT_REACHED
    assert one(replace(B, keys=("k2",), values=("v2",)), B).text == "1 items here, 2 in the fresh kernel"


def test_bodies_that_were_run_again() -> None:
    """The same value is told, another one is a difference with its cause, a body that failed is unknown."""

    def told(rerun: Rerun) -> Line:
        return compare(Standing((B,)), Standing((B,), (rerun,)))[0]

    assert told(Rerun("b", 2)).text == "2 bodies run again: the same value"
    chance = told(Rerun("b", 2, 1, 1, "0.1", "0.2"))
    assert chance.text.startswith("item 1: the same key gives another value when its body is run again (1 of 2 tasks)")
    assert (chance.likeness, chance.changes[0].diff) == (Likeness.DIFFERS, "-0.1\n+0.2")
    assert "not seen as read: data/a.parquet" in told(Rerun("b", 1, 1, 0, "x", "y", ("data/a.parquet",))).text
    assert told(Rerun("b", 1, fault="KeyError: 3")).likeness is Likeness.UNKNOWN


def test_an_error_comes_first() -> None:
    """It stopped what would have come after it; the nodes until then are compared all the same."""
    ended = Ended(4, 2.0, "cell 3/4: NameError: name 'LIMIT' is not defined")
    found = verdict(BOTH, Standing((A,)), ended, cells=(), ran=(), against="the live kernel")
    assert (found["status"], found["first"]) == ("failed", ended.error)
    assert view(found).exit_code == 1
    gone = verdict(BOTH, None, Ended(4, 2.0, "the kernel died"), cells=(), ran=(), against="x")
    assert (gone["status"], gone["nodes"]) == ("failed", [])
    stopped = verdict(BOTH, None, Ended(4, 2.0, "interrupted", interrupted=True), cells=(), ran=(), against="x")
    assert view(stopped).exit_code == 130
