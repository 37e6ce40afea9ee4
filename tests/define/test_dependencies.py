"""Dependencies: a node needs others, never itself."""

from __future__ import annotations

import pytest

from wfkit.core.node import Each
from wfkit.core.terms import NodeKind
from wfkit.define.dependencies import outside_names
from wfkit.errors import CellError, OptionError, TemplateError


def test_the_item_comes_from_the_map() -> None:
    """The item of a mapped node is no dependency; what it is mapped over may be one besides."""
    assert outside_names("n", NodeKind.PYTHON, ("row", "rows", "x"), Each("row", "rows")) == ("rows", "x")
    assert outside_names("n", NodeKind.PYTHON, ("row",), None) == ("row",)


def test_a_node_never_needs_itself() -> None:
    """Found when the node is defined, in the words of its kind."""
    with pytest.raises(CellError, match="before it assigns it"):
        outside_names("n", NodeKind.PYTHON, ("n",), None)
    with pytest.raises(TemplateError, match="its own answer"):
        outside_names("n", NodeKind.PROMPT, ("n",), None)
    with pytest.raises(OptionError, match="names the node itself"):
        outside_names("n", NodeKind.PROMPT, (), Each("n", "rows"))
