"""The files that a query in SQL names: its quoted texts and its parameters. What it puts together itself is told.

Nothing is parsed beyond that: a text that names no file is no harm, a file that is named and not read costs a rerun.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

_LITERAL = r"'(?:[^']|'')*'"
_QUOTED = re.compile(rf"""({_LITERAL})|"((?:[^"]|"")*)\"""")
_COMMENT = re.compile(rf"""({_LITERAL}|"(?:[^"]|"")*")|--[^\n]*|/\*.*?\*/""", re.DOTALL)
_FUNCTION = re.compile(
    r"""\b"?(read_\w+|\w+_scan|parquet_\w+|glob|sniff_csv|st_read\w*|load_aseprite)"?\s*\(""", re.IGNORECASE
)
_SIMPLE = rf"(?:{_LITERAL}|\?|\$\w+|\"(?:[^\"]|\"\")*\")"
_FIRST = re.compile(rf"\s*(?:{_SIMPLE}|\[\s*{_SIMPLE}(?:\s*,\s*{_SIMPLE})*\s*,?\s*\])\s*[,)]")
_SEARCH = re.compile(r"\b(file_search_path|home_directory)\b", re.IGNORECASE)
_HINT = "name the files with wfkit.file(path), or hand them in as parameters of the query"
# These take tables or Arrow data rather than files.
_NO_FILES = frozenset({"arrow_scan", "arrow_scan_dumb", "pandas_scan", "seq_scan", "python_map_function", "numpy_scan"})


def files_of(query: str, parameters: Any = None) -> tuple[list[str], str | None]:
    """Texts of a query that may name files, and what is wrong when it reads files that nobody can name."""
    texts, problem = _parts(query)
    return [*texts, *_given(parameters)], problem


@lru_cache(maxsize=512)
def _parts(query: str) -> tuple[tuple[str, ...], str | None]:
    bare = _COMMENT.sub(lambda match: match[1] or " ", query)
    texts = []
    for single, double in _QUOTED.findall(bare):
        text = single[1:-1].replace("''", "'") if single else double.replace('""', '"')
        if _may_name(text, quoted=not single):
            texts.append(text)
    return tuple(dict.fromkeys(texts)), _problem(bare)


def _may_name(text: str, quoted: bool) -> bool:
    """Whether a text may be a file; a name in double quotes is a table or column unless it looks like one."""
    if not 0 < len(text) <= 1000 or "\n" in text:
        return False
    return ("." in text or "/" in text) if quoted else True


def _problem(bare: str) -> str | None:
    if _SEARCH.search(bare):
        return f"its query sets where files are looked for, so they cannot be seen: {_HINT}"
    for match in _FUNCTION.finditer(bare):
        if match[1].lower() not in _NO_FILES and not _FIRST.match(bare, match.end()):
            return f"its query calls {match[1]}() with a path that it puts together, which cannot be seen: {_HINT}"
    return None


def _given(parameters: Any) -> Iterator[str]:
    if isinstance(parameters, str | os.PathLike):
        yield os.fsdecode(parameters)
    elif isinstance(parameters, Mapping):
        yield from _given(list(parameters.values()))
    elif isinstance(parameters, list | tuple):
        for part in parameters[:1000]:
            if isinstance(part, str | os.PathLike | list | tuple) and (not isinstance(part, str) or len(part) < 1000):
                yield from _given(part)
