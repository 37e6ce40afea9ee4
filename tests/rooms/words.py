"""What things may be called, and what must not be written at all.

Names of files and classes, docstrings of modules, words that promise work instead of doing it, swallowed errors.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.rooms.source import Finding, Source

FILE_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "misc", "manager"}
# "Words (and no others)" of the design: other engines' names for a node, a task, a graph or a run, and empty ones.
CLASS_WORDS = {"Helper", "Helpers", "Job", "Manager", "Misc", "Pipeline", "Stage", "Util", "Utils"}
LATER = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "pragma: no " + "cover")))
CAMEL = re.compile(r"[A-Z][a-z0-9]*")


def file_name(source: Source) -> Iterator[Finding]:
    for part in PurePosixPath(source.path).with_suffix("").parts:
        if part.strip("_") in FILE_NAMES:
            yield source.finding(1, f"nothing is named {part!r}: name it for what a user would say")


def class_name(source: Source) -> Iterator[Finding]:
    for cls in source.nodes(ast.ClassDef):
        for word in CLASS_WORDS.intersection(CAMEL.findall(cls.name)):
            yield source.finding(cls.lineno, f"{word!r} in {cls.name} is not one of the design's words")


def later(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.lines, 1):
        if found := LATER.search(line):
            yield source.finding(number, f"{found[0]!r} promises work: do it, or open an issue")


def module_docstring(source: Source) -> Iterator[Finding]:
    docstring = ast.get_docstring(source.tree) or ""
    if source.text.strip() and len(docstring.splitlines()) < 2:
        yield source.finding(1, "a module says in two lines or more what lives in it and what must not")


def swallowed_error(source: Source) -> Iterator[Finding]:
    for handler in source.nodes(ast.ExceptHandler):
        kind = ast.unparse(handler.type) if handler.type else "everything"
        if kind in {"everything", "Exception", "BaseException"} and all(_does_nothing(s) for s in handler.body):
            yield source.finding(handler.lineno, f"catching {kind} and doing nothing hides errors: name the error")


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )
