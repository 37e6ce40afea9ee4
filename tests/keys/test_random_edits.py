"""Edits at random: whatever changes what a cell computes changes its key, and what only looks different does not.

Seeded, so that a failure is found again. An edit changes one place of the syntax tree of a cell or its node's body.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import pytest

from tests.keys.cells import Notebook
from tests.keys.corpus import CORPUS
from wfkit.keys.code.sources import alike, inner_codes

EDITS_EACH = 24
Place = tuple[ast.AST, Callable[[random.Random], None]]

OPERATORS: tuple[tuple[type[ast.AST], ...], ...] = (
    (ast.Add, ast.Sub, ast.Mult),
    (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
    (ast.And, ast.Or),
    (ast.Is, ast.IsNot),
    (ast.Div, ast.FloorDiv),
)


def other_operator(kind: type[ast.AST], rng: random.Random) -> ast.AST | None:
    """Another operator of the same sort."""
    for group in OPERATORS:
        if kind in group:
            return rng.choice([each for each in group if each is not kind])()
    return None


def other_constant(value: Any) -> Any:
    """A constant near this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value}x" if isinstance(value, str) else 0


def places(tree: ast.Module) -> Iterator[Place]:
    """Everything that can be edited, with what edits it. Hints and docstrings are looks and left out."""
    looks = set(_looks(tree))
    names = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})
    for node in ast.walk(tree):
        if node in looks:
            continue
        if isinstance(node, ast.Constant):
            yield node, lambda _, node=node: setattr(node, "value", other_constant(node.value))
        elif isinstance(node, ast.BinOp | ast.BoolOp) and other_operator(type(node.op), random.Random(0)):
            yield node, lambda rng, node=node: setattr(node, "op", other_operator(type(node.op), rng))
        elif isinstance(node, ast.Compare) and other_operator(type(node.ops[0]), random.Random(0)):
            yield node, lambda rng, node=node: node.ops.__setitem__(0, other_operator(type(node.ops[0]), rng))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node, lambda rng, node=node: setattr(node, "id", rng.choice(names))
        elif isinstance(node, ast.Call) and len(node.args) > 1:
            yield node, lambda rng, node=node: rng.shuffle(node.args)
        elif isinstance(node, ast.FunctionDef) and len(node.body) > 1:
            yield node, lambda rng, node=node: node.body.pop(rng.randrange(len(node.body)))
        elif isinstance(node, ast.IfExp):
            yield node, lambda _, node=node: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))


def _looks(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        hint = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if isinstance(hint, ast.AST):
            yield from ast.walk(hint)


def edited(source: str, rng: random.Random) -> str:
    """The source with one place edited."""
    tree = ast.parse(source)
    _, edit = rng.choice(list(places(tree)))
    edit(rng)
    return ast.unparse(ast.fix_missing_locations(tree))


def computed(cell: str, body: str) -> tuple[str, Notebook | None]:
    """What a body gives as text, an exception by its text, and the notebook if its cell ran."""
    try:
        notebook = Notebook(cell)
    except Exception as error:  # noqa: BLE001 - an edit may break the code in any way
        return f"cell: {error!r}", None
    inside = dict(notebook.namespace)
    try:
        exec(compile(body, "<body>", "exec"), inside)
    except Exception as error:  # noqa: BLE001 - an edit may break the code in any way
        return repr(error), notebook
    return repr(inside["label"]), notebook


def functions(source: str) -> dict[str, CodeType]:
    """The compiled functions of a source by name, those of one name by their order."""
    codes = list(inner_codes(compile(source, "<source>", "exec")))
    return {f"{code.co_qualname} {number}": code for number, code in enumerate(codes)}


def does_other(before: tuple[str, str], after: tuple[str, str]) -> bool:
    """Whether the body, or a function of the cell, was compiled to something else."""
    if not alike(compile(before[1], "<b>", "exec"), compile(after[1], "<b>", "exec")):
        return True
    old, new = functions(before[0]), functions(after[0])
    return any(name not in new or not alike(code, new[name]) for name, code in old.items())


def digest(notebook: Notebook, body: str) -> str | None:
    return notebook.define(body).digest


@pytest.mark.parametrize("name", CORPUS)
def test_an_edit_that_matters_changes_the_key(name: str) -> None:
    """Whenever the value differs, or the code of the body or of a helper, the key differs."""
    cell, body = (ast.unparse(ast.parse(text)) for text in CORPUS[name])
    truth, notebook = computed(cell, body)
    assert notebook is not None, truth
    before = digest(notebook, body)
    assert before is not None, notebook.define(body).problem
    rng, mattered = random.Random(name), 0
    for _ in range(EDITS_EACH):
        in_cell = rng.random() < 0.75
        after = (edited(cell, rng), body) if in_cell else (cell, edited(body, rng))
        value, changed = computed(*after)
        if changed is None or (value == truth and not does_other((cell, body), after)):
            continue
        mattered += 1
        assert digest(changed, after[1]) != before, "\n".join(after)
    assert mattered >= EDITS_EACH // 3


def with_looks(tree: ast.Module, rng: random.Random) -> ast.Module:
    """The same code with docstrings, hints, and another function that nobody calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.decorator_list:
            node.body.insert(0, ast.Expr(ast.Constant(f"Says {rng.random()}.")))
            for argument in node.args.args:
                argument.annotation = ast.Name(rng.choice(["int", "str"]), ast.Load())
    tree.body.append(ast.parse(f"def unrelated():\n    return {rng.random()}").body[0])
    return tree


def with_comments(source: str, rng: random.Random) -> str:
    """The same text with comments behind lines and blank lines between them."""
    lines = []
    for line in source.split("\n"):
        lines += [""] * rng.randrange(3)
        lines.append(f"{line}  # {rng.random()}" if line and not line.endswith("\\") else line)
    return "\n".join(lines)


@pytest.mark.parametrize("name", CORPUS)
def test_an_edit_of_looks_keeps_the_key(name: str) -> None:
    """Comments, layout, quotes, docstrings, hints and unrelated functions never change the key."""
    cell, body = CORPUS[name]
    before = Notebook(cell).digest(body)
    rng = random.Random(name)
    for _ in range(EDITS_EACH // 4):
        text = ast.unparse(ast.fix_missing_locations(with_looks(ast.parse(cell), rng)))
        looks = (with_comments(text, rng), with_comments(ast.unparse(ast.parse(body)), rng))
        assert Notebook(looks[0]).digest(looks[1]) == before, "\n".join(looks)


def test_the_corpus_is_as_large_as_it_says() -> None:
    """At least thirty cells."""
    assert len(CORPUS) >= 30
