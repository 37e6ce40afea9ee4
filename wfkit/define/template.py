"""The body of a prompt: a Jinja2 template that renders to messages.

Templates are cached by their text. Jinja2 takes 26 ms to import, so a template of text and plain `{{ a.b }}` spots
is not given to it before it is rendered. Which data may enter is in `plain`, how roles are found in `roles`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, NoReturn

from wfkit.core.call import Message
from wfkit.core.graph import near
from wfkit.define.excerpt import excerpt
from wfkit.define.plain import plain
from wfkit.define.roles import NONCE, mark_roles, split_messages, text_before_roles
from wfkit.define.sandbox import environment
from wfkit.errors import TemplateError

LARGEST = 4_000_000  # characters of one rendered prompt
SPOT = re.compile(r"(?<!\{)\{\{[ \t]*([^\W\d]\w*)(?:\.[^\W\d]\w*)*[ \t]*\}\}")
DELIMITER = re.compile(r"\{[{%#]")
WORDS = frozenset(
    {
        *("and", "else", "if", "in", "is", "not", "or", "true", "True", "false", "False", "none", "None"),
        *("caller", "kwargs", "loop", "range", "self", "super", "varargs"),
    }
)
FROM_FILES = ("Include", "Import", "FromImport", "Extends")
# What these hold is text that a filter could change, a role line in it too.
CAPTURES = ("FilterBlock", "AssignBlock", "CallBlock", "Macro")
# What an expression of a template can raise, besides Jinja's own errors.
FAULTS = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
QUOTED = re.compile(r"'([^']+)'")
UNCLOSED = re.compile(r"innermost block that needs to be closed is '(\w+)'")


class Template:
    """A checked prompt. `names` are the variables that it takes from outside, in order of appearance."""

    __slots__ = ("_compiled", "_first_line", "_label", "names", "source")

    def __init__(self, source: str, label: str, first_line: int) -> None:
        self.source = source
        self._label = label
        self._first_line = first_line
        self._compiled: Any = None
        names = _simple_names(source)
        self.names: tuple[str, ...] = self._check() if names is None else names
        index = text_before_roles(source)
        if index is not None:
            self._fail("text stands before the first role line: begin with `system:` or `user:`", index=index)
        if not source.strip():
            self._fail("the prompt is empty: write what the model is asked")

    def prepare(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values that this prompt takes, as plain data: done once for what many items share.

        Raises TemplateError.
        """
        try:
            return {name: plain(values[name], name) for name in self.names if name in values}
        except TemplateError as error:
            self._fail(str(error))

    def render(self, values: Mapping[str, Any]) -> tuple[Message, ...]:
        """The messages for these values (prepared or not). Raises TemplateError, naming line and variable."""
        from jinja2 import TemplateError as JinjaError  # loaded by now, or on first use: 26 ms

        prepared = self.prepare(values)
        try:
            text = _joined(self._template().root_render_func(self._template().new_context(prepared)))
            return split_messages(text)
        except TemplateError as error:
            self._fail(str(error))
        except (JinjaError, *FAULTS) as error:
            message = str(error) or type(error).__name__
            missing = QUOTED.match(message) if message.endswith("is undefined") else None
            hint = f"{near(missing[1], values)}: it is neither a node nor a given value" if missing else ""
            self._fail(f"{message}{hint}", self._line_of(error))

    def _template(self) -> Any:
        if self._compiled is None:
            self._compiled = environment().from_string(mark_roles(self.source))
        return self._compiled

    def _check(self) -> tuple[str, ...]:
        """The names, by Jinja's own parser."""
        from jinja2 import TemplateSyntaxError, meta, nodes  # loads on first use: 26 ms

        try:
            tree = environment().parse(mark_roles(self.source))
            undeclared = meta.find_undeclared_variables(tree)
            self._template()
        except TemplateSyntaxError as error:
            block = UNCLOSED.search(error.message or "")
            if block:
                self._fail(f"`{{% {block[1]} %}}` has no `{{% end{block[1]} %}}`", _opening(self.source, block[1]))
            self._fail(error.message or "not a template", error.lineno)
        except RecursionError:
            self._fail("the prompt is nested too deep: split it up")
        for kind in FROM_FILES:
            for node in tree.find_all(getattr(nodes, kind)):
                self._fail("templates in other files cannot be used so: write `{% include 'file' %}`", node.lineno)
        for kind in CAPTURES:
            for node in tree.find_all(getattr(nodes, kind)):
                self._refuse_roles(node, nodes.TemplateData)
        found = dict.fromkeys(node.name for node in tree.find_all(nodes.Name) if node.name in undeclared)
        return tuple(found)

    def _refuse_roles(self, block: Any, text: type[Any]) -> None:
        for data in block.find_all(text):
            if NONCE in data.data:
                self._fail("role lines stand outside of macro, set, call and filter blocks", block.lineno)

    def _line_of(self, error: BaseException) -> int | None:
        """The line of the template in which an error was raised."""
        trace, line = error.__traceback__, None
        while trace is not None:
            found: Any = trace.tb_frame.f_globals.get("__jinja_template__")
            if found is not None and found is self._compiled:
                line = found.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return line

    def _fail(self, message: str, line: int | None = None, index: int | None = None) -> NoReturn:
        column = None
        if index is not None:
            line, column = self.source.count("\n", 0, index) + 1, index - self.source.rfind("\n", 0, index) - 1
        place = [f"prompt `{self._label}`"] if self._label else []
        if line is None:
            raise TemplateError(f"{', '.join(place)}: {message}" if place else message) from None
        text = self.source.split("\n")[line - 1]
        column = _column(text, message) if column is None else column
        place.append(f"line {line + self._first_line - 1}")
        raise TemplateError(f"{', '.join(place)}: {message}\n{excerpt(text, column)}") from None


@lru_cache(maxsize=2048)
def parse(source: str, label: str = "", first_line: int = 1) -> Template:
    """The template of a prompt, checked. `label` and `first_line` are for its errors. Raises TemplateError."""
    return Template(source, label, first_line)


def _simple_names(source: str) -> tuple[str, ...] | None:
    """The names of a template of text and `{{ a.b }}` only, or None for any other."""
    if DELIMITER.search(SPOT.sub(" ", source)):
        return None
    names = dict.fromkeys(match[1] for match in SPOT.finditer(source))
    return tuple(names) if WORDS.isdisjoint(names) else None


def _joined(pieces: Iterable[str]) -> str:
    found, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > LARGEST:
            raise TemplateError(f"the prompt is longer than {LARGEST:,} characters: put less data into it")
        found.append(piece)
    return "".join(found)


def _opening(source: str, block: str) -> int | None:
    """The line of the last block of this name that is not closed."""
    lines: list[int] = []
    tokens = [token for token in environment().lex(source) if token[1] != "whitespace"]
    for (line, before, _), (_, kind, word) in pairwise(tokens):
        if before == "block_begin" and kind == "name" and word == block:
            lines.append(line)
        if before == "block_begin" and kind == "name" and word == f"end{block}" and lines:
            lines.pop()
    return lines[-1] if lines else None


def _column(text: str, message: str) -> int:
    """Where in its line an error probably is: at the word it quotes, else at the first tag, else at the start."""
    for word in reversed(QUOTED.findall(message)):
        found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)
        if found:
            return found.start()
    tag = DELIMITER.search(text)
    return tag.start() if tag else len(text) - len(text.lstrip())
