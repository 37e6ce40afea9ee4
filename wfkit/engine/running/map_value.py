"""The value of a mapped node as its users see it: a list with its holes, its frame and which items it is made of.

Plain data; how such a value is put together is in `context`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from wfkit.core.call import Failure
from wfkit.core.frozen import dataclass
from wfkit.core.scope import Sample


@dataclass(frozen=True, slots=True)
class ItemFailure:
    """A hole in the value of a map with `on_error: keep`: why item number `item`, called `key` if a key column names
    the items, has no value. `kind` is a FailureKind, `error` the class of the exception."""

    item: int
    error: str
    message: str
    kind: str = ""
    key: str | None = None
    attempts: int = 1


def hole(item: int, failure: Failure, key: str | None, attempts: int) -> ItemFailure:
    """The hole that a failed item leaves."""
    return ItemFailure(item, failure.error, failure.message, str(failure.kind), key, attempts)


class Failures(list[ItemFailure]):
    """The items that failed, in order; `.frame()` is a DataFrame of them, which a notebook shows."""

    def frame(self) -> Any:
        """A pandas DataFrame with a row a failed item: item, key, kind, error, message, attempts."""
        import pandas as pd  # heavy: only when a frame is wanted

        return pd.DataFrame([asdict(each) for each in self], columns=list(_COLUMNS))

    def _repr_html_(self) -> str:
        html: str = self.frame().to_html(index=False)
        return html


_COLUMNS = ("item", "key", "kind", "error", "message", "attempts")


class MapValue(list[Any]):
    """The value of a mapped node: results in item order. `.failures` lists the holes; `.frame()` is a DataFrame of
    the rest; `.sample` says which items these are if they are not all."""

    __wfkit_map__ = True  # its digest is that of the list

    def __init__(self, values: Iterable[Any] = (), sample: Sample | None = None) -> None:
        super().__init__(values)
        self.sample = sample

    @property
    def failures(self) -> Failures:
        """The items that failed."""
        return Failures(value for value in self if isinstance(value, ItemFailure))

    def frame(self) -> Any:
        """A pandas DataFrame with one row for each result that is not a hole."""
        import pandas as pd  # heavy: only when a frame is wanted

        rows = [value for value in self if not isinstance(value, ItemFailure)]
        return pd.DataFrame([_row(value) for value in rows])


def _row(value: Any) -> Any:
    for method in ("model_dump", "_asdict"):
        if hasattr(value, method):
            return getattr(value, method)()
    return value if isinstance(value, dict) else {"value": value}
