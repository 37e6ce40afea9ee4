"""What the tests of the projection share: an empty database in memory, and an empty store folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from wfkit.store.database import opening


@pytest.fixture
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = opening.connect(None)
    opening.create_tables(connection)
    yield connection
    connection.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / ".wfkit"
    folder.mkdir(mode=0o700)
    return folder
