"""Python text to a syntax tree and to code, with errors that name the line of the cell and say what to do.

The only place of this room that calls the parser and the compiler; nothing is run here.
"""

from __future__ import annotations

import ast
import re
from types import CodeType

from wfkit.define.excerpt import excerpt
from wfkit.errors import CellError

ROLE = re.compile(r"^[ \t]*(?:system|user|assistant):[ \t]*$", re.MULTILINE)
SHELL = re.compile(r"^\s*(?:[\w, ]+=\s*)?!")
MAGIC = re.compile(r"^\s*(?:[\w, ]+=\s*)?%%?[a-zA-Z]")
HELP = re.compile(r"^\s*(?:\?{1,2}\w|[\w.]+\?{1,2}\s*$)")


def parse_python(source: str, first_line: int = 1, node: str = "") -> ast.Module:
    """The tree of a body; its line numbers are those of the cell, whose line `first_line` is the body's first.

    Raises CellError.
    """
    try:
        return ast.parse("\n" * (first_line - 1) + source)
    except SyntaxError as error:
        column = error.offset - 1 if error.offset else None
        raise CellError(_problem(error, source, first_line, node, column)) from None
    except UnicodeEncodeError as error:
        line = first_line + source[: error.start].count("\n")
        raise CellError(f"{_place(node, line)}a character that is none ({source[error.start]!r}): remove it") from None
    except (RecursionError, MemoryError):
        raise CellError(_too_deep(node)) from None
    except ValueError as error:  # a null byte
        raise CellError(f"{_place(node)}{error}: remove what is no text") from None


def compile_python(tree: ast.Module, source: str, label: str, first_line: int = 1, node: str = "") -> CodeType:
    """The code of a parsed body, where await is allowed at top level. Raises CellError."""
    try:
        code: CodeType = compile(tree, label, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        column = _characters(_line(source, first_line, error.lineno), error.offset)
        raise CellError(_problem(error, source, first_line, node, column)) from None
    except (RecursionError, MemoryError):
        raise CellError(_too_deep(node)) from None
    return code


def _problem(error: SyntaxError, source: str, first_line: int, node: str, column: int | None) -> str:
    text = _line(source, first_line, error.lineno)
    same_line = error.end_lineno in (None, error.lineno)
    width = (error.end_offset or 0) - (error.offset or 0) if same_line else 1
    head = f"{_place(node, error.lineno)}{error.msg}"
    hint = _hint(error.msg or "", text, source)
    shown = excerpt(text, column, width) if text else ""
    return "\n".join(part for part in (head, shown, hint) if part)


def _hint(message: str, text: str, source: str) -> str:
    if "'return' outside" in message:
        return "a node is no function: end the body with the value, or assign it to a variable named like the node"
    if "'yield" in message and "outside" in message:
        return "a node has one value: collect what you would yield in a list"
    if "'await' outside" in message or "outside async function" in message:
        return "await works at top level and in `async def`: make the function around it async"
    if SHELL.match(text):
        return "shell lines do not work in a node: use subprocess.run([...], capture_output=True, text=True).stdout"
    if MAGIC.match(text):
        return "magics do not work in a node: put them in a cell of their own"
    if HELP.match(text):
        return "help with ? does not work in a node: ask in a cell of its own"
    if ROLE.search(source) or "{{" in source:
        return "if this is a prompt, say which model to ask: --model default"
    return ""


def _place(node: str, line: int | None = None) -> str:
    parts = ([f"node `{node}`"] if node else []) + ([f"line {line}"] if line else [])
    return f"{', '.join(parts)}: " if parts else ""


def _line(source: str, first_line: int, line: int | None) -> str:
    lines = source.split("\n")
    index = (line or 0) - first_line
    return lines[index] if 0 <= index < len(lines) else ""


def _characters(text: str, offset: int | None) -> int | None:
    """The compiler counts bytes from 1; a caret needs characters from 0."""
    return len(text.encode()[: offset - 1].decode(errors="ignore")) if offset else None


def _too_deep(node: str) -> str:
    return f"{_place(node)}the body is nested too deep for Python: split it up"
