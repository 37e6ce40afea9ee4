"""Parts of HTML that several views share: sentence, note, table, glyph, stacked bar, folded table.

Made with `markup.tag` only, so every text is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from wfkit.core.terms import TaskState
from wfkit.views import numbers, theme
from wfkit.views.markup import Markup, join, tag

_READABLE: Final = 1500.0  # pixels that still can be read when they are shrunk into an output of 860


def say(text: str) -> Markup:
    """The sentence before a picture."""
    return tag("p", text, class_="wf-say")


def note(text: str) -> Markup | None:
    """A caption below a picture; None for no text."""
    return tag("p", text, class_="wf-note") if text else None


def table(heads: Sequence[str], kinds: str, rows: Sequence[Sequence[object]], foot: Sequence[object] = ()) -> Markup:
    """A table. `kinds` has a letter a column: `n` right-aligned number, `w` long text that wraps, `-` plain."""
    classes = [{"n": "wf-n", "w": "wf-w"}.get(kind) for kind in kinds]

    def line(cells: Sequence[object], name: str = "td") -> Markup:
        scope = "col" if name == "th" else None
        return tag("tr", *(tag(name, cell, class_=css, scope=scope) for cell, css in zip(cells, classes, strict=True)))

    body = tag("tbody", *map(line, rows))
    ending = tag("tfoot", line(foot)) if foot else None
    return tag("table", tag("thead", line(heads, "th")), body, ending, class_="wf-t")


def folded(title: str, content: Markup, *, opened: bool = False) -> Markup:
    """Content one toggle away."""
    return tag("details", tag("summary", title), content, open="" if opened else None)


def glyph(state: str) -> Markup:
    """The glyph of a state in its colour, with its word for screen readers and on hover."""
    return tag("span", theme.GLYPHS.get(state, "o"), class_=f"wf-g {theme.css_class(state)}", title=theme.word(state))


def code(text: object) -> Markup:
    """A name or id."""
    return tag("code", text)


def muted(text: object) -> Markup:
    """Text that stands back."""
    return tag("span", text, class_="wf-muted")


def share_bar(parts: Sequence[tuple[str, float]], whole: float, title: str) -> Markup:
    """A bar in a cell: `parts` are (css class, amount), stacked from the left, of a whole."""
    pieces = [
        tag("i", class_=css, style=f"width:{max(1.0, 100 * amount / whole):.1f}%")
        for css, amount in parts
        if amount > 0 and whole > 0
    ]
    return tag("span", *pieces, class_="wf-track", title=title, role="img", aria_label=title)


def progress_bar(tasks: Mapping[str, int], title: str) -> Markup:
    """The states of a node's tasks as one stacked bar; what has not begun is the empty rest."""
    parts = [(theme.css_class(state), float(tasks.get(state, 0))) for state in theme.STACK]
    return share_bar(parts, float(sum(tasks.values())), title)


def shares(tasks: Mapping[str, int]) -> list[tuple[TaskState, float]]:
    """The states of tasks as shares of all, in the order of a stacked bar; what has not begun is left out."""
    whole = sum(tasks.values())
    return [(state, tasks[state] / whole) for state in theme.STACK if tasks.get(state)]


def drawing(width: float, height: float, title: str, *children: Markup) -> Markup:
    """An inline SVG of its natural size that shrinks with the page, unless it could not be read then: that one is
    scrolled. `title` is read aloud.
    """
    css = "wf-large" if width > _READABLE else None
    size = {"viewBox": f"0 0 {width:.0f} {height:.0f}", "width": f"{width:.0f}", "height": f"{height:.0f}"}
    return tag(
        "svg",
        tag("title", title),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_label=title,
        class_=css,
        **size,
    )


def shown_of(shown: int, whole: int, what: str, rest: str = "") -> str:
    """Says what was cut, `40 of 5,000 nodes shown`; empty if nothing was."""
    if shown >= whole:
        return ""
    return f"{numbers.count(shown)} of {numbers.count(whole)} {what} shown{'; ' + rest if rest else ''}."


def stack(*parts: Markup | None) -> Markup:
    """Parts one below the other."""
    return join(*parts)


def say_text(node: str, text: str) -> Markup:
    """What the model of a node says: plain text, never markup."""
    return tag("p", code(node), ": ", muted(text), class_="wf-say")


def say_error(node: str, message: str) -> Markup:
    """The error of a node, on one line."""
    return tag("p", glyph(TaskState.FAILED), " ", code(node), ": ", message, class_="wf-say")
