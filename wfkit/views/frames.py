"""The data of a view as a pandas DataFrame: the one place of this room that imports pandas.

Rows and names of columns come from the view; nothing is computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

_HALVES: Final = re.compile("[\ud800-\udfff]")


def frame(rows: Iterable[Sequence[object]], columns: Sequence[str]) -> pd.DataFrame:
    """A DataFrame of these rows.

    Halves of surrogate pairs, which no column of text can hold, become replacement marks.
    """
    import pandas as pd  # loads on first use: 300 ms

    return pd.DataFrame([[_whole(cell) for cell in row] for row in rows], columns=[_whole(name) for name in columns])


def _whole(cell: Any) -> Any:
    return _HALVES.sub("\N{REPLACEMENT CHARACTER}", cell) if isinstance(cell, str) else cell
