"""What a piece of source depends on by its text alone: its normal form, the names it takes from outside, what it
imports.

Pure analysis, remembered by the text, also beyond the process. Nothing is looked up in any namespace here.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable

import orjson

from wfkit.core.facts import Facts
from wfkit.core.frozen import dataclass
from wfkit.keys.code.names import Names, Scope
from wfkit.keys.code.normal import normal_form, without_docstring
from wfkit.keys.content.plain import digest_of
from wfkit.keys.task import SCHEME


@dataclass(frozen=True, slots=True)
class Analysis:
    """`digest` of the normal form (hex). `uses` are outside names with the attributes read from them: ("math", "pi").
    `hints` are names that only annotations need. `imports` are (level, module, name or ""). `dynamic` are calls whose
    reads cannot be known. `binds` are the names that the top level binds; they stand in `uses` too when they are read.
    `aspects` are looks of functions and classes that this code asks for. `quoted` are names that a query in a
    text may mean.
    """

    digest: str
    uses: tuple[tuple[str, ...], ...] = ()
    hints: tuple[str, ...] = ()
    imports: tuple[tuple[int, str, str], ...] = ()
    dynamic: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()
    aspects: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()


def analyse_body(source: str, facts: Facts | None = None) -> Analysis:
    """The analysis of the body of a cell, remembered in this process and in `facts`. Raises SyntaxError."""
    known = _known.get(source)
    if known is None:
        known = _known[source] = _recalled(source, facts) or _found(source, facts)
    return known


_known: dict[str, Analysis] = {}


def _recalled(source: str, facts: Facts | None) -> Analysis | None:
    fact = facts.recall(_subject(source)) if facts is not None else None
    if fact is None:
        return None
    digest, uses, hints, imports, *names = orjson.loads(fact)
    chains = tuple(map(tuple, uses))
    return Analysis(digest, chains, tuple(hints), tuple(map(tuple, imports)), *map(tuple, names))


def _found(source: str, facts: Facts | None) -> Analysis:
    tree = ast.parse(source)
    if len(tree.body) > 1:  # a lone text is the value of the cell
        tree.body = without_docstring(tree.body)
    found = analyse(tree, [("", node) for node in tree.body])
    if facts is not None:
        parts = (
            found.digest,
            found.uses,
            found.hints,
            found.imports,
            found.dynamic,
            found.binds,
            found.aspects,
            found.quoted,
        )
        facts.remember(_subject(source), json.dumps(parts, separators=(",", ":")))
    return found


def _subject(source: str) -> str:
    return f"{SCHEME} analysis 3 {source}"


def analyse_function(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Analysis:
    """The analysis of a function that exists: its defaults, decorators and annotations were evaluated before, so their
    names are left out.
    """
    return analyse(node, [("function", node)])


def analyse(tree: ast.AST, roots: list[tuple[str, ast.AST]]) -> Analysis:
    """The analysis of a tree whose parts `roots` run."""
    names = Names()
    top = Scope("top", None)
    names.scopes.append(top)
    for role, node in roots:
        if role == "function":
            names.enter_function(node, top)
        else:
            names.stack.append((node, top))
        names.walk()
    return analysis_of(names, digest_of(normal_form(tree)).hex(), names.free(), top.bound)


def analysis_of(names: Names, digest: str, uses: Iterable[tuple[str, ...]], binds: Iterable[str] = ()) -> Analysis:
    """What a walk found, in one order."""
    return Analysis(
        digest,
        tuple(sorted(uses)),
        tuple(sorted(names.hints)),
        tuple(sorted(names.imports)),
        tuple(sorted(names.dynamic)),
        tuple(sorted(binds)),
        tuple(sorted(names.aspects)),
        tuple(sorted(names.quoted)),
    )
