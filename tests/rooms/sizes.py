"""How large a room may be: lines, nesting, methods, arguments. The numbers are those of the house style.

A docstring counts as lines: what needs a long one does too much.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.rooms.source import Finding, Function, Source

FILE_LINES = 400
FUNCTION_LINES = 40
CLASS_LINES = 150
METHODS = 12
ARGUMENTS = 6
NESTING = 3
MANY_METHODS = {"Workflow"}  # its verbs are delegated one by one from the verb table: the one named exception

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


def file_lines(source: Source) -> Iterator[Finding]:
    if len(source.lines) > FILE_LINES:
        yield source.finding(FILE_LINES + 1, f"a file has at most {FILE_LINES} lines, not {len(source.lines)}")


def function_lines(source: Source) -> Iterator[Finding]:
    for function in source.nodes(*FUNCTIONS):
        if (lines := _lines(function)) > FUNCTION_LINES:
            rule = f"a function has at most {FUNCTION_LINES} lines, {function.name} has {lines}"
            yield source.finding(function.lineno, rule)


def class_size(source: Source) -> Iterator[Finding]:
    for cls in source.nodes(ast.ClassDef):
        methods = {node.name for node in cls.body if isinstance(node, FUNCTIONS)}
        if (lines := _lines(cls)) > CLASS_LINES and cls.name not in MANY_METHODS:
            yield source.finding(cls.lineno, f"a class has at most {CLASS_LINES} lines, {cls.name} has {lines}")
        if len(methods) > METHODS and cls.name not in MANY_METHODS:
            yield source.finding(cls.lineno, f"a class has at most {METHODS} methods, {cls.name} has {len(methods)}")


def arguments(source: Source) -> Iterator[Finding]:
    for function in _outer_functions(source.tree):
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        if count > ARGUMENTS and not _is_overload(function):
            rule = f"a function takes at most {ARGUMENTS} arguments, {function.name} takes {count}: make them an object"
            yield source.finding(function.lineno, rule)


def nesting(source: Source) -> Iterator[Finding]:
    for function in source.nodes(*FUNCTIONS):
        for line in _too_deep(function.body, 0):
            yield source.finding(line, f"blocks nest at most {NESTING} deep, here {NESTING + 1}: name the inner part")


def _lines(node: Function | ast.ClassDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _outer_functions(node: ast.AST) -> Iterator[Function]:
    """Functions and methods, without those that are written inside another function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            yield child
        else:
            yield from _outer_functions(child)


def _is_overload(function: Function) -> bool:
    return any(ast.unparse(decorator).endswith("overload") for decorator in function.decorator_list)


def _too_deep(body: list[ast.stmt], depth: int) -> Iterator[int]:
    """Lines of the blocks just below the limit; what is deeper still is not told again."""
    for block in (statement for statement in body if isinstance(statement, BLOCKS)):
        if depth == NESTING:
            yield block.lineno
            continue
        for inner in _bodies(block):
            is_elif = isinstance(block, ast.If) and inner is block.orelse and _is_elif(block)
            yield from _too_deep(inner, depth if is_elif else depth + 1)


def _is_elif(block: ast.If) -> bool:
    first = block.orelse[0] if len(block.orelse) == 1 else None
    return isinstance(first, ast.If) and first.col_offset == block.col_offset


def _bodies(block: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements that a block holds, those of its handlers and cases too."""
    for name in ("body", "orelse", "finalbody"):
        yield getattr(block, name, [])
    for part in (*getattr(block, "handlers", ()), *getattr(block, "cases", ())):
        yield part.body
