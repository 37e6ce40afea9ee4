"""SQL of users: one SELECT over the tables, and nothing else."""

from __future__ import annotations

import warnings

import duckdb
import pytest

from tests.store.database.stories import labels, placed
from wfkit.errors import UsageFault
from wfkit.store.database import fold, sql

REFUSED = [
    "drop table runs",
    "select 1; drop table runs",
    "insert into runs (run_id) values ('x')",
    "attach '/tmp/x.duckdb'",
    "copy runs to '/tmp/runs.csv'",
    "set threads = 1",
    "pragma database_list",
    "install httpfs",
    "call pragma_version()",
    "",
    "-- nothing",
]
UNANSWERABLE = [
    "select * from nope",
    "select nope from runs",
    "selec 1",
    "select * from read_text('/etc/passwd')",
    "select * from '/etc/passwd'",
    "select * from glob('/*')",
    "select * from local_frame",
    "select 1 / 'x'",
    "select * from query('drop table runs')",
]


def test_a_frame(cursor: duckdb.DuckDBPyConnection) -> None:
    """The answer is a DataFrame with the columns of the query."""
    fold.fold(cursor, placed(labels().entries))
    frame = sql.select(cursor, "select node, sum(cost_usd) as usd from costs group by all order by all")
    assert frame.to_dict("list") == {"node": ["label"], "usd": [0.009]}
    assert len(sql.select(cursor, "from tasks_latest")) == 6
    assert len(sql.select(cursor, "show tables")) > 10
    assert not sql.select(cursor, "describe runs").empty


@pytest.mark.parametrize("query", REFUSED)
def test_refused(cursor: duckdb.DuckDBPyConnection, query: str) -> None:
    """Whatever is not one SELECT is refused, with the names of the tables; nothing was done."""
    with pytest.raises(UsageFault, match=r"one SELECT(.|\n)*tables: .*runs_latest"):
        sql.select(cursor, query)
    assert cursor.execute("SELECT count(*) FROM runs").fetchall() == [(0,)]


@pytest.mark.parametrize("query", UNANSWERABLE)
def test_unanswerable(cursor: duckdb.DuckDBPyConnection, query: str) -> None:
    """A query that fails, or reaches for files or variables, says why; the next one is answered."""
    local_frame = [1]
    with pytest.raises(UsageFault, match=r"cannot be answered(.|\n)*tables: .*runs_latest"):
        sql.select(cursor, query)
    assert len(sql.select(cursor, "select 1")) == len(local_frame)


@pytest.mark.parametrize(
    "query",
    [
        "select pg_sleep(3600)",
        'select "PG_Sleep" (1)',
        "select 'ää', sleep_ms(1)",
        "from duckdb_settings()",
        "select current_setting('memory_limit')",
        "from pg_catalog.pg_settings",
        "select * from pragma_version()",
    ],
)
def test_the_database_itself_is_none_of_it(cursor: duckdb.DuckDBPyConnection, query: str) -> None:
    """Its settings are not asked for, and no query waits."""
    with pytest.raises(UsageFault, match="about the database itself, or waits"):
        sql.select(cursor, query)


def test_words_in_texts_are_only_words(cursor: duckdb.DuckDBPyConnection) -> None:
    """A text or a comment may name what may not be called, and the catalog of tables may be read."""
    assert len(sql.select(cursor, "select 'pg_sleep(1)' -- duckdb_settings()")) == 1
    assert not sql.select(cursor, "select table_name from duckdb_tables()").empty


def test_every_view_answers(cursor: duckdb.DuckDBPyConnection) -> None:
    """Each table and view can be asked, empty or not."""
    names = sql.select(cursor, "select name from (show all tables)")["name"]
    for told in (False, True):
        if told:
            fold.fold(cursor, placed(labels().entries))
        for name in names:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                frame = sql.select(cursor, f'select * from "{name}"')
            assert not told or name in {"forgotten", "map_items", "not_kept", "store_format"} or not frame.empty
