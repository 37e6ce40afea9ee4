"""The code cells of a notebook's document, numbered as they are executed: empty ones do not count.

Takes the parsed JSON; reading and checking files is not done here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wfkit.verify.hidden import Cell


def code_cells(document: Mapping[str, Any]) -> list[Cell]:
    """Its code cells, in order, without surrounding blank lines."""
    cells: list[Cell] = []
    for cell in document.get("cells", ()):
        source = cell.get("source", "")
        text = (source if isinstance(source, str) else "".join(source)).strip()
        if cell.get("cell_type") == "code" and text:
            cells.append(Cell(len(cells) + 1, text, cell.get("execution_count"), cell.get("id")))
    return cells
