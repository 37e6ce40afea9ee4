"""Files that a body names rather than opens where the hook can see it: paths in its text and in its inputs.

pandas.read_parquet, pyarrow and duckdb open in C. A text that names an existing file, folder or pattern is taken for a
read of it.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from wfkit.core.result import Read
from wfkit.keys.content.files import known_digest, pattern_digest, portable, signature
from wfkit.keys.places import ends_like_data, is_foreign, is_pattern, names_here, rooted

_QUOTED = re.compile(r"""'([^'\n]{1,300})'|"([^"\n]{1,300})\"""")
_LONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # halves of characters that no file name can hold
_LONGEST = 1000
_NUMBERS = frozenset({int, float, bool, complex, bytes, type(None)})


def literal_paths(
    source: str, values: Mapping[str, Any] | Iterable[Any] = (), project: Path | None = None
) -> tuple[Read, ...]:
    """Reads of the files, folders and patterns that texts in `source` or values name: a text, a Path, or a list of
    such.

    Relative names are those of the working directory, as for `open`. A folder that is named with a slash counts with
    all its files.
    """
    given = values.values() if isinstance(values, Mapping) else values
    return named_paths(texts_in((source,)), given, project)


def texts_in(sources: Iterable[str]) -> tuple[str, ...]:
    """The texts in these sources that may name a file: found once, looked at for every task."""
    return tuple(dict.fromkeys(text for source in sources for text in _texts(source)))


def named_paths(texts: Sequence[str], values: Iterable[Any] = (), project: Path | None = None) -> tuple[Read, ...]:
    """Like `literal_paths`, for texts that were found before."""
    values = [value for value in values if type(value) not in _NUMBERS]
    if not texts and not values:
        return ()
    named = dict.fromkeys([*texts, *(text for value in values for text in _from_value(value))])
    if named:
        here = names_here()
        named = dict.fromkeys(text for text in named if text in here or not _is_mere_name(text))
    if not named:  # nearly always
        return ()
    root = rooted(project)
    found = {read.name: read for text in named if (read := _read(text, root)) is not None}
    return tuple(sorted(found.values(), key=lambda read: read.name))


def names_no_path(value: Any, here: frozenset[str]) -> bool:
    """Whether no text in a value can name a file, as long as these are the names in the working directory."""
    if type(value) is dict or type(value) in _NUMBERS:
        return True
    return all(text not in here and _is_mere_name(text) for text in _from_value(value))


@lru_cache(maxsize=4096)
def _texts(source: str) -> tuple[str, ...]:
    """Texts in a source, whole and the quoted pieces inside (a query names its files so)."""
    if "'" not in source and '"' not in source:
        return ()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    found: list[str] = []
    # A piece of an f-string is no path: the slash in f"{folder}/{name}" would be the root of everything.
    pieces = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += [] if id(node) in pieces else [node.value]
            found += [single or double for single, double in _QUOTED.findall(node.value)]
    return tuple(dict.fromkeys(text for text in found if _may_be_path(text)))


def _from_value(value: Any) -> Iterator[str]:
    if type(value) in _NUMBERS:
        return
    parts = value if isinstance(value, list | tuple) else [value]
    for part in parts[:_LONGEST]:
        if isinstance(part, PurePath) or (type(part) is str and _may_be_path(part)):
            yield str(part)


def _may_be_path(text: str) -> bool:
    if not 0 < len(text) <= 300 or "\n" in text or "\x00" in text or "://" in text:
        return False
    return text.isascii() or not _LONE.search(text)


@lru_cache(maxsize=4096)
def _is_mere_name(text: str) -> bool:
    """Whether a text can only name something in the working directory, where a look into its listing tells."""
    if "/" in text or "\\" in text or text.startswith("~") or is_pattern(text):
        return False
    return not ends_like_data(text)


def _read(text: str, root: Path) -> Read | None:
    path = os.path.abspath(os.path.expanduser(text))
    if is_foreign(path):
        return None
    if is_pattern(text):
        return _pattern(path, root) if "/" in text or "." in text else None
    if signature(path) is not None:
        return Read("file", portable(path, root), known_digest(path))
    if os.path.isdir(path):
        is_named = "/" in text.rstrip("/") or text.endswith("/")
        holds_project = f"{root}{os.sep}".startswith(path.rstrip(os.sep) + os.sep)
        return _pattern(os.path.join(path, "**"), root) if is_named and not holds_project else None
    return Read("file", portable(path, root), "") if ends_like_data(text) else None


def _pattern(path: str, root: Path) -> Read | None:
    digest = pattern_digest(path, root)
    return Read("glob", portable(path, root), digest) if digest else None
