"""Promises of `views/markup.py`: what comes from outside is text, wherever it is put.

The corpus of hostile texts lives here, for all tests of views.
"""

from __future__ import annotations

import pytest

from tests.views.allowed import outline
from wfkit.views.markup import Markup, join, label, one_line, tag, visible

HOSTILE = [
    "<script>alert(1)</script>",
    "</style></title></pre><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)//",
    "<a href='javascript:alert(1)'>x</a>",
    "<!--<img src=x onerror=alert(1)>-->",
    "]]><script>alert(1)</script><![CDATA[",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ constructor.constructor('alert(1)')() }}",
    "$\\href{javascript:alert(1)}{x}$ and $0.10",
    "%{customdata[0]} <extra></extra>",
    "a\x00b\x1b[31mc\x08\x7f\x9bd",
    "\u202eright to left\u2066",
    "\ud800 half a pair",
    "line one\nline two\r\n\ttab",
    "日本語のノード 🙂 e\u0301",
    "x" * 5000,
    "",
    " ",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_and_attributes_are_escaped(text: str) -> None:
    """A hostile text makes no element and no attribute, whether it is a child or a value."""
    found = outline(tag("p", text, tag("b", text), title=text))
    assert found.count == {"p": 1, "b": 1}
    assert "".join(found.texts) == visible(text) * 2


def test_markup_is_kept_and_text_is_not() -> None:
    """Only what `tag` made counts as markup; the same characters as text are escaped."""
    made = tag("b", "x")
    assert join(made, "<b>x</b>", None) == "<b>x</b>&lt;b&gt;x&lt;/b&gt;"
    assert isinstance(join(made), Markup)


def test_attributes() -> None:
    """None leaves an attribute out, floats are rounded, `_` is a hyphen and a reserved word ends in one."""
    made = tag("path", d="M0,0", class_="a", stroke_width=1.25, x=2.0, fill=None, name="n")
    assert made == '<path d="M0,0" class="a" stroke-width="1.2" x="2" name="n"></path>'


def test_characters_that_do_something_are_made_visible() -> None:
    """Control and direction characters become a mark; tabs and line ends stay, and `one_line` takes these too."""
    assert visible("a\x1bb\u202ec\td\r\ne") == "a\ufffdb\ufffdc\td\ne"
    assert one_line(" a\n\tb ") == "a b"


def test_labels_of_figures_hold_no_tags() -> None:
    """Plotly reads `<b>` in labels as bold; the label of a name shows it instead."""
    assert label("<b>a</b> & c") == "&lt;b&gt;a&lt;/b&gt; &amp; c"
