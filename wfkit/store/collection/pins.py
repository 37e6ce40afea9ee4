"""Pins: results that a person wants kept whatever is collected. A pin names a node and a run; the run stays whole, with
all that its values were made of.

One small file a pin below `pins/`. What pins protect from is `collect`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from blake3 import blake3

from wfkit.errors import StoreFault, UsageFault
from wfkit.store.files import make_folder, read_file, sync_folder, write_file

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from wfkit.store.disk import DiskStore

FOLDER = "pins"
_HAVE_VALUE = """
SELECT l.run_id FROM runs_latest l
WHERE starts_with(l.run_id, $2) AND EXISTS (
    FROM tasks_latest t WHERE t.run_id = l.run_id AND t.node = $1 AND t.digest IS NOT NULL
)
ORDER BY l.started_at DESC LIMIT 2
"""


@dataclass(frozen=True, slots=True)
class Pin:
    """The results of a node in a run; `at` is when it was pinned."""

    node: str
    run_id: str
    at: float


def pin(store: DiskStore, node: str, run: str | None, now: float) -> Pin:
    """Keep the results of a node in a run (its id or the beginning of it; None: the newest that has some).

    Raises UsageFault when there are none.
    """

    def ask(cursor: DuckDBPyConnection) -> list[str]:
        return [row[0] for row in cursor.execute(_HAVE_VALUE, [node, run or ""]).fetchall()]

    found = store.database().session.run(ask)
    if not found:
        where = f"run {run!r}" if run else "any run of this store"
        raise UsageFault(f"node {node!r} has no value in {where}; `history` lists the runs")
    if run and len(found) > 1 and run not in found:
        raise UsageFault(f"several runs begin with {run!r}: say more of its id")
    made = Pin(node, found[0] if run not in found else str(run), now)
    make_folder(store.root / FOLDER)
    write_file(_path(store.root, made), orjson.dumps(made))
    return made


def drop(root: Path, node: str, run: str | None = None) -> list[Pin]:
    """Take the pins of a node away (with `run`: those of that run), and return them. Raises UsageFault for none."""
    found = [each for each in listed(root) if each.node == node and each.run_id.startswith(run or "")]
    if not found:
        raise UsageFault(
            f"nothing of node {node!r} is pinned{f' in run {run!r}' if run else ''}; `pin --list` lists all"
        )
    for each in found:
        _path(root, each).unlink(missing_ok=True)
    sync_folder(root / FOLDER)
    return found


def listed(root: Path) -> list[Pin]:
    """All pins, oldest first. Raises StoreFault for one that cannot be read: it may protect what is wanted."""
    folder = root / FOLDER
    paths = folder.glob("[!.]*.json") if folder.is_dir() else ()
    return sorted((_read(path) for path in paths), key=lambda each: each.at)


def _read(path: Path) -> Pin:
    try:
        return Pin(**orjson.loads(read_file(path) or b""))
    except (ValueError, TypeError) as error:
        raise StoreFault(f"the pin {path} is damaged: remove the file, and pin again what it kept") from error


def _path(root: Path, made: Pin) -> Path:
    name = blake3(orjson.dumps([made.node, made.run_id])).hexdigest(length=16)
    return root / FOLDER / f"{name}.json"
