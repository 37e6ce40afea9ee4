"""Promises of hidden state: of the cells that ran and the file, the one that explains a difference is named.

Sources only; live kernels are in tests/notebook/test_verify.
"""

from __future__ import annotations

import pytest

from wfkit.verify.hidden import Cell, Ran, bound, hints, missing_name, names_of, unsaved

LIMIT, BODY = Cell(1, "LIMIT = 3", 1), Cell(2, "%%wf_node a\nLIMIT", 2)

BINDS = [
    ("a = 1\nb: int = 2\n(c, *d) = e = f(g)", "a b c d e"),
    ("import os.path, re as r\nfrom x import y as z", "os r z"),
    ("def f():\n    inner = 1\nclass K:\n    field = 2", "f K"),
    ("for i in x:\n    j = i\nwith open(p) as q: pass", "i j q"),
    ("%matplotlib inline\n!ls\na = 1", "a"),
    ("%%wf_node label --model offline\nx = {{ y }}", "label"),
    ("a = (", ""),
]


@pytest.mark.parametrize(("source", "names"), BINDS)
def test_what_a_cell_binds(source: str, names: str) -> None:
    """Names at the top level, of magics only the node's."""
    assert bound(source) == set(names.split())


def test_the_name_that_is_missing() -> None:
    """Of Python's error, and of ours."""
    assert missing_name("cell 3/4: NameError: name 'LIMIT' is not defined") == "LIMIT"
    assert missing_name("node 'a': it needs 'rows', which is neither a node nor a variable") == "rows"
    assert missing_name("cell 1/1: ValueError: no") is None
    assert names_of(["label → helper clean → LIMIT", "label"]) == ["LIMIT", "label"]


def test_a_deleted_cell_is_named() -> None:
    """The execution that defined a name which no cell defines any more."""
    (hint,) = hints(["LIMIT"], [BODY], [Ran(1, "LIMIT = 3"), Ran(2, BODY.source)])
    assert hint == "`LIMIT` is known to the live kernel only: In [1] defined it, and no cell does any more"


def test_an_edited_cell_is_named() -> None:
    """A cell whose text is not what ran."""
    (hint,) = hints(["LIMIT"], [LIMIT, BODY], [Ran(1, "LIMIT = 4"), Ran(2, BODY.source)])
    assert hint == "cell 1, which defines `LIMIT`, was edited after it ran here as In [1]"


def test_a_cell_that_never_ran_is_named() -> None:
    """It is in the file, and the live kernel knows nothing of it."""
    assert hints(["LIMIT"], [LIMIT, BODY], [Ran(1, BODY.source)]) == ["cell 1 defines `LIMIT` and has not run here"]


def test_another_order_is_named() -> None:
    """Two cells bind a name, and the first one ran last."""
    cells = [LIMIT, Cell(2, "LIMIT = 9"), BODY]
    ran = [Ran(1, "LIMIT = 9"), Ran(2, "LIMIT = 3"), Ran(3, BODY.source)]
    assert hints(["LIMIT"], cells, ran) == ["another order: cell 1 ran here after cell 2, and both define `LIMIT`"]
    (general,) = hints(["x"], cells, ran)
    assert general == "another order: cell 1 ran as [2], after cell 2, which ran as [1]"
    saved = [Cell(1, "a", 5), Cell(2, "b", None), Cell(3, "c", 2)]
    assert hints(["x"], saved, []) == ["another order: cell 1 ran as [5], after cell 3, which ran as [2]"]


def test_equal_cells_are_no_other_order() -> None:
    """A notebook says `%wf run` after each edit: run from top to bottom, it is in order."""
    texts = ["%wf run", "x = 1", "%wf run"]
    cells = [Cell(number, text) for number, text in enumerate(texts, 1)]
    assert hints(["y"], cells, [Ran(count, text) for count, text in enumerate(texts, 1)]) == []


def test_nothing_hidden_gives_no_hint() -> None:
    """What ran is what stands there."""
    assert hints(["LIMIT", "a"], [LIMIT, BODY], [Ran(1, "LIMIT = 3"), Ran(2, BODY.source)]) == []


def test_cells_that_are_not_saved() -> None:
    """What ran after the file was written and is not in it; what ran before may have been deleted."""
    ran = [Ran(1, "old = 1", 10.0), Ran(2, "LIMIT = 3\n", 30.0), Ran(3, "new = 1", 30.0), Ran(4, "unknown = 1")]
    assert unsaved([LIMIT, BODY], ran, 20.0) == [ran[2]]
