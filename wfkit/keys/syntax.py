"""What a piece of source depends on by its text alone: its normal form, the names it takes from outside, what it
imports.

Pure analysis, remembered by the hash of the text: a memo that outlives the process can be put behind `AnalysisMemo`.
Nothing is looked up in any namespace here.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Protocol

from wfkit.keys.names import Names, Scope
from wfkit.keys.normal import normal_form, without_docstring
from wfkit.keys.plain import digest_of
from wfkit.keys.task import SCHEME


@dataclass(frozen=True, slots=True)
class Analysis:
    """`digest` of the normal form (hex). `uses` are outside names with the attributes read from them: ("math", "pi").
    `hints` are names that only annotations need. `imports` are (level, module, name or ""). `dynamic` are calls whose
    reads cannot be known. `binds` are the names that the top level binds; they stand in `uses` too when they are read.
    """

    digest: str
    uses: tuple[tuple[str, ...], ...] = ()
    hints: tuple[str, ...] = ()
    imports: tuple[tuple[int, str, str], ...] = ()
    dynamic: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()


class AnalysisMemo(Protocol):
    """Analyses by the digest of the source text."""

    def get(self, text_digest: str) -> Analysis | None:
        """The analysis of this text, if it is known."""
        ...

    def put(self, text_digest: str, analysis: Analysis) -> None:
        """Remember an analysis. It depends on the text alone, so it is good for ever."""
        ...


class ProcessMemo:
    """A memo that lives as long as the process."""

    def __init__(self) -> None:
        self._known: dict[str, Analysis] = {}

    def get(self, text_digest: str) -> Analysis | None:
        """The analysis of this text, if it is known."""
        return self._known.get(text_digest)

    def put(self, text_digest: str, analysis: Analysis) -> None:
        """Remember an analysis."""
        self._known[text_digest] = analysis


MEMO: AnalysisMemo = ProcessMemo()


def analyse_body(source: str, memo: AnalysisMemo | None = None) -> Analysis:
    """The analysis of the body of a cell. Raises SyntaxError."""
    memo = memo or MEMO
    text_digest = digest_of(f"{SCHEME} body {source}".encode("utf-8", "surrogatepass")).hex()
    known = memo.get(text_digest)
    if known is None:
        tree = ast.parse(source)
        if len(tree.body) > 1:  # a lone text is the value of the cell
            tree.body = without_docstring(tree.body)
        known = analyse(tree, [("", node) for node in tree.body])
        memo.put(text_digest, known)
    return known


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
    return Analysis(
        digest_of(normal_form(tree)).hex(),
        tuple(sorted(names.free())),
        tuple(sorted(names.hints)),
        tuple(sorted(names.imports)),
        tuple(sorted(names.dynamic)),
        tuple(sorted(top.bound)),
    )
