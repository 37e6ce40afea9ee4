"""Tables that a query names: DuckDB, polars and pandas look a name in a text up among the variables around the call.

A word of a text counts only where a variable of that name holds a table, so that prose costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

_LIBRARIES = frozenset({"pandas", "polars", "pyarrow", "numpy", "duckdb", "_duckdb"})


def quoted_names(names: Iterable[str], namespace: Mapping[str, Any], ignore: Collection[str] = ()) -> list[str]:
    """Those of these names that a query would find in this namespace: tables by name, anything by `@name`."""
    marked = [name[1:] for name in names if name.startswith("@") and name[1:] in namespace]
    tables = [name for name in names if name in namespace and _is_table(namespace[name])]
    return sorted({*marked, *tables}.difference(ignore))


def _is_table(value: Any) -> bool:
    library = type(value).__module__.partition(".")[0]
    return library in _LIBRARIES and not isinstance(value, type) and not callable(value)
