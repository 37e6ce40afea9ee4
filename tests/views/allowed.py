"""What the HTML of a view may consist of: elements, attributes and values that can run, load and link nothing.

A parser, not a search: what a browser would see as an element is what counts.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

ELEMENTS = {
    "div", "p", "span", "b", "i", "code", "pre", "ins", "del", "table", "thead", "tbody", "tfoot", "tr", "th", "td",
    "details", "summary", "svg", "g", "path", "rect", "circle", "text", "title", "style", "img",
}  # fmt: skip
OF_A_PAGE = {"html", "head", "body", "meta", "main", "header", "section", "h1", "h2"}
VOID = {"meta", "img"}
ATTRIBUTES = {
    "class", "title", "role", "aria-label", "scope", "open", "alt", "xmlns", "viewbox", "width", "height", "x", "y",
    "cx", "cy", "r", "rx", "d", "transform", "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity",
    "stroke-dasharray", "text-anchor", "style", "src",
}  # fmt: skip
META = {"charset", "http-equiv", "content", "name", "lang"}
VALUES = {
    "style": re.compile(r"width:\d+(\.\d+)?%"),
    "src": re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+"),
    "fill": re.compile(r"none|var\(--wf-[a-z]+\)"),
    "stroke": re.compile(r"none|var\(--wf-[a-z]+\)"),
    "d": re.compile(r"[-MLCHVhvlcz0-9., ]+"),
    "transform": re.compile(r"translate\([-0-9. ]+\)"),
    "class": re.compile(r"[a-z0-9_ -]+"),
    "xmlns": re.compile(re.escape("http://www.w3.org/2000/svg")),
}


class Outline(HTMLParser):
    """Reads HTML and keeps what breaks the rules, the visible text, and how many elements of each name there are."""

    def __init__(self, *, page: bool = False) -> None:
        super().__init__(convert_charrefs=True)
        self.elements = ELEMENTS | (OF_A_PAGE if page else set())
        self.attributes = ATTRIBUTES | (META if page else set())
        self.wrong: list[str] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.count: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.elements:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            rule = VALUES.get(name)
            if name not in self.attributes or (rule and not rule.fullmatch(value or "")):
                self.wrong.append(f"<{tag} {name}={value!r}>")
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"comment {data!r}")

    def handle_pi(self, data: str) -> None:
        self.wrong.append(f"instruction {data!r}")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)


def outline(html: str, *, page: bool = False) -> Outline:
    """The outline of well-formed, harmless HTML; fails with what is not."""
    found = Outline(page=page)
    found.feed(html)
    found.close()
    assert not found.wrong, found.wrong[:5]
    assert not found.open, found.open
    return found
