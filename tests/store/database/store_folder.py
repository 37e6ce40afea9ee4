"""A store folder with real journals for the tests of the projection, and the processes that share it.

Only what the projection needs: journals by `wfkit.store.journals.journal`, a lease, a database. Nothing runs here.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from wfkit.core.events import Entry
from wfkit.store.database import opening
from wfkit.store.database.database import FILE, Database
from wfkit.store.database.fold import Placed
from wfkit.store.database.lease import Lease
from wfkit.store.journals.journal import Journal, list_journals, read_entries


def write_journal(root: Path, entries: Iterable[Entry]) -> str:
    """A journal of a process that is gone; its id."""
    journal = Journal(root)
    journal.append(list(entries), durable=True)
    journal.close()
    return journal.id


def lines_of(root: Path) -> list[Placed]:
    """All lines of all journals, as a folder gives them to the database."""
    return [(log.journal_id, *line) for log in list_journals(root) for line in read_entries(log.path)]


def open_database(root: Path) -> Database:
    """The database of a store, with a lease of its own."""
    return Database(root / FILE, Lease(root))


def tables(path: Path) -> dict[str, list[str]]:
    """Every row of every table, without the order in which they lie. `folded` counts by its highest offsets."""
    connection = opening.connect(path)
    try:
        names = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        found = {name: sorted(map(repr, connection.execute(f"FROM {name}").fetchall())) for name in names}
        query = 'SELECT journal_id, max("offset") FROM folded GROUP BY ALL'
        found["folded"] = sorted(map(repr, connection.execute(query).fetchall()))
        return found
    finally:
        connection.close()


class Process:
    """Another Python process that says `ready` and then does what it is told by its lines of input."""

    def __init__(self, script: str, *arguments: object) -> None:
        source = textwrap.dedent(script)
        command = [sys.executable, "-c", source, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        """Let it end."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.close()
        self.process.wait()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
