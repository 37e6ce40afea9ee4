"""The source of a function that is loaded, found and proved: the text is compiled again and must give the very same
code.

A file edited on disk but not loaded again so never passes for the code that would run. Without a proved source there
is none, and the compiled code itself is digested.
"""

from __future__ import annotations

import ast
import dis
import linecache
import sys
import textwrap
import threading
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import field
from types import CodeType
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.keys.code.names import IMPORTERS, Names
from wfkit.keys.code.syntax import Analysis, analyse_function, analysis_of
from wfkit.keys.content.files import unseen
from wfkit.keys.content.plain import branch, digest_of

_FUTURE_FLAGS = 0x1FF0000  # CO_FUTURE_*: the only flags of a code object that its source does not say
_FILES_KEPT = 64

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Source:
    """What a function's own text gives. `proved` is False when it was made from compiled code: then the Python version
    counts too. `decorated`: a decorator may have read its annotations.
    """

    analysis: Analysis
    text: str
    proved: bool = True
    decorated: bool = False


_Codes = dict[tuple[str, int], list[CodeType]]


@dataclass(slots=True)
class _File:
    """A source file taken apart: code objects by (qualified name, first line), syntax trees by (name, first line).

    `apart` are the code objects of statements compiled one by one, as IPython compiles a cell: what a statement calls
    is compiled in another way where the same text imports it.
    """

    lines: list[str]
    tree: ast.Module
    flags: int
    codes: _Codes = field(default_factory=dict)
    trees: dict[tuple[str, int], list[_Definition]] = field(default_factory=dict)
    apart: _Codes | None = None


_lock = threading.RLock()
_files: OrderedDict[tuple[str, int, bytes], _File | None] = OrderedDict()
# By code and file: code objects are equal whatever file they are from.
_known: weakref.WeakKeyDictionary[CodeType, dict[str, Source]] = weakref.WeakKeyDictionary()


def source_of(code: CodeType, module_globals: dict[str, Any] | None = None) -> Source:
    """The source of a function's code. Remembered by the code object, so a later edit of the file changes nothing for
    loaded code.
    """
    with _lock:
        found = _known.setdefault(code, {})
        if code.co_filename not in found:
            found[code.co_filename] = _find(code, module_globals)
        return found[code.co_filename]


def is_in(code: CodeType, text: str) -> bool:
    """Whether a text, compiled as the file of this code, gives the very same code."""
    with _lock:
        file = _file(code.co_filename, text.splitlines(keepends=True), code.co_flags & _FUTURE_FLAGS)
    return file is not None and _same(file, code)


def _find(code: CodeType, module_globals: dict[str, Any] | None) -> Source:
    for fresh in (False, True):
        with unseen():
            if fresh:
                linecache.checkcache(code.co_filename)
            lines = linecache.getlines(code.co_filename, module_globals)
        file = _file(code.co_filename, lines, code.co_flags & _FUTURE_FLAGS) if lines else None
        tree = _tree(file, code) if file is not None else None
        if tree is not None and file is not None:
            decorated = bool(getattr(tree, "decorator_list", ()))
            return Source(analyse_function(tree), _segment(file.lines, tree), decorated=decorated)
    return _compiled(code)


def _file(filename: str, lines: list[str], flags: int) -> _File | None:
    text = "".join(lines)
    key = (filename, flags, digest_of(text.encode("utf-8", "surrogatepass")))
    if key not in _files:
        _files[key] = _take_apart(filename, text, lines, flags)
        while len(_files) > _FILES_KEPT:
            _files.popitem(last=False)
    _files.move_to_end(key)
    return _files[key]


def _take_apart(filename: str, text: str, lines: list[str], flags: int) -> _File | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the user was warned when the file was loaded
            tree = ast.parse(text, filename)
            codes = _codes([text], filename, flags)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    file = _File(lines, tree, flags, codes)
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            file.trees.setdefault(("<lambda>", node.lineno), []).append(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            file.trees.setdefault((node.name, first), []).append(node)
    return file


def _codes(sources: Sequence[str | ast.Module], filename: str, flags: int) -> _Codes:
    found: _Codes = {}
    for source in sources:
        top = compile(source, filename, "exec", flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        for code in inner_codes(top):
            found.setdefault((code.co_qualname, code.co_firstlineno), []).append(code)
    return found


def inner_codes(code: CodeType) -> Iterator[CodeType]:
    """All code objects inside a code object, not itself."""
    stack = [code]
    while stack:
        for constant in stack.pop().co_consts:
            if isinstance(constant, CodeType):
                yield constant
                stack.append(constant)


def _tree(file: _File, code: CodeType) -> _Definition | None:
    """The syntax tree of the code, if the file compiles to the same code there."""
    trees = file.trees.get((code.co_name, code.co_firstlineno), [])
    if not trees or not _same(file, code):
        return None
    if len(trees) == 1:
        return trees[0]
    found = [tree for tree in trees if _at(tree) == _spans(code)]
    return found[0] if len(found) == 1 else None


def _same(file: _File, code: CodeType) -> bool:
    place = code.co_qualname, code.co_firstlineno
    if any(alike(code, other) for other in file.codes.get(place, ())):
        return True
    if file.apart is None:
        statements = [ast.Module([statement], []) for statement in file.tree.body]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file.apart = _codes(statements, code.co_filename, file.flags)
    return any(alike(code, other) for other in file.apart.get(place, ()))


def _at(tree: _Definition) -> tuple[Any, ...] | None:
    """Where the body of a lambda begins and ends."""
    if not isinstance(tree, ast.Lambda):
        return None
    body = tree.body
    return (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)


def _spans(code: CodeType) -> tuple[Any, ...] | None:
    """Where the instructions of a lambda begin and end, without those that belong to no expression."""
    at = [place for place in code.co_positions() if None not in place and (place[2], place[3]) != (0, 0)]
    if not at:
        return None
    starts = [(line, column) for line, _, column, _ in at]
    return min(starts), max((line, column) for _, line, _, column in at)


def alike(one: CodeType, two: CodeType) -> bool:
    """Whether two code objects do the same: instructions, names and constants, also of the functions inside."""
    if one == two:
        return True
    stack = [(one, two)]
    while stack:
        a, b = stack.pop()
        if _facts(a) != _facts(b) or len(a.co_consts) != len(b.co_consts):
            return False
        for x, y in zip(a.co_consts, b.co_consts, strict=True):
            if isinstance(x, CodeType) and isinstance(y, CodeType):
                stack.append((x, y))
            elif _constant(x) != _constant(y):
                return False
    return True


def _facts(code: CodeType) -> tuple[Any, ...]:
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_exceptiontable)
    return (code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, *counts)


def _constant(value: Any) -> tuple[str, str]:
    ordered = sorted(map(repr, value)) if isinstance(value, frozenset) else value
    return type(value).__name__, repr(ordered)


def _segment(lines: list[str], tree: _Definition) -> str:
    first = min([tree.lineno, *(node.lineno for node in getattr(tree, "decorator_list", ()))])
    return textwrap.dedent("".join(lines[first - 1 : tree.end_lineno])).rstrip("\n")


def _compiled(code: CodeType) -> Source:
    """A digest of the compiled code, where there is no source: instructions differ between Python versions, so that
    counts.
    """
    tokens: list[bytes] = []
    uses: set[tuple[str, ...]] = set()
    names = Names()
    for part in (code, *inner_codes(code)):
        constants = [_constant(value) for value in part.co_consts if not isinstance(value, CodeType)]
        tokens.append(digest_of(repr((_facts(part), constants)).encode("utf-8", "surrogatepass")))
        uses.update(_notice(names, part))
    version = digest_of(repr(sys.version_info[:2]).encode())
    digest = branch(b"code", [version, *tokens]).hex()
    return Source(analysis_of(names, digest, uses), f"<{code.co_qualname}: no source; its compiled code counts>", False)


def _notice(names: Names, code: CodeType) -> Iterator[tuple[str]]:
    """Note what instructions import and where they go; the names that they take from outside."""
    constants: list[Any] = []
    for instruction in dis.get_instructions(code):
        name = instruction.argval
        if instruction.opname == "LOAD_CONST":
            constants.append(name)
        elif instruction.opname == "IMPORT_NAME":
            level, parts = constants[-2:]
            for part in parts or ("",):
                names.note_import(level, name, part)
        elif instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            names.note(name)
            names.note_call(name)
            yield (name,)
        elif instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            names.note(name)
            names.note_call(name if name in IMPORTERS else "")
            names.dynamic.update(["sys.modules"] if name == "modules" else [])
