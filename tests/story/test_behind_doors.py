"""Doors at readers in C change nothing for who passes them: a notebook's own cells do what they do without wfkit.

The same script is run in a process without wfkit and in one where a body was watched, and must tell the same.
"""

from __future__ import annotations

from pathlib import Path

from tests.story.processes import finish, start

WATCHED = """\
import wfkit
wf = wfkit.Workflow("doors", store=".wfkit")

@wf.node
def one():
    return open("a.txt").read()

assert wf.run()["one"] == "a"
wf.close()
"""
SCRIPT = """\
import inspect, json, sys
from pathlib import Path

Path("a.txt").write_text("a")
if sys.argv[1] == "watched":
    import watched

import duckdb
import pandas as pd
import polars as pl

everywhere = pd.DataFrame({"a": [7]})
everywhere.to_parquet("a.parquet")


def tell(name, ask):
    try:
        found = ask()
    except Exception as error:
        found = [type(error).__name__, str(error).splitlines()[0]]
    print(json.dumps([name, found], default=str))


def queries(name, con):
    mine, query = pd.DataFrame({"a": [5]}), "select * from mine"
    tell(f"{name} sql", lambda mine=mine: con.sql(query).fetchall())
    tell(f"{name} query", lambda mine=mine: con.query(query).fetchall())
    tell(f"{name} from_query", lambda mine=mine: con.from_query(query).fetchall())
    tell(f"{name} execute", lambda mine=mine: con.execute(query).fetchall())
    tell(f"{name} global", lambda: [con.sql(f"from {x}").fetchall() for x in ("everywhere",)])
    tell(f"{name} global, executed", lambda: con.execute("from everywhere").fetchall())
    tell(f"{name} variable of the caller's caller", lambda: con.sql(query).fetchall())
    tell(f"{name} variable of the caller's caller, executed", lambda: con.execute(query).fetchall())
    for word in ("args", "kwargs", "found", "told", "door", "self"):
        tell(f"{name} name of a door: {word}", lambda: con.sql(f"from {word}").fetchall())
        tell(f"{name} name of a door, executed: {word}", lambda: con.execute(f"from {word}").fetchall())
    tell(f"{name} table", lambda mine=mine: con.table("mine").fetchall())
    tell(f"{name} relation", lambda mine=mine: con.sql("select 1 as x").query("v", "from v, mine").fetchall())
    tell(f"{name} view", lambda mine=mine: con.from_df(mine).create_view("w").fetchall())
    tell(f"{name} script", lambda mine=mine: con.execute("create temp table u as from mine; from u").fetchall())
    tell(f"{name} many", lambda mine=mine: con.executemany("insert into u select a + ? from mine", [[1]]).fetchall())
    tell(f"{name} parameter", lambda: con.execute("from read_parquet(?)", ["a.parquet"]).fetchall())
    tell(f"{name} file", lambda: con.sql("from 'a.parquet'").fetchall())
    tell(f"{name} no file", lambda: con.sql("from 'b.parquet'").fetchall())
    setting = "select current_setting('python_scan_all_frames')"
    tell(f"{name} setting", lambda: con.execute(setting).fetchall())


own = duckdb.connect()
queries("module", duckdb)
queries("own", own)
queries("cursor", own.cursor())
queries("all frames", duckdb.connect(config={"python_scan_all_frames": True}))
queries("no frames", duckdb.connect(config={"python_enable_replacements": False}))
tell("read_parquet", lambda: pd.read_parquet("a.parquet").a.tolist())
tell("read_parquet of nothing", lambda: pd.read_parquet("b.parquet"))
tell("polars", lambda: pl.scan_parquet(Path("a.parquet")).collect()["a"].to_list())
tell("polars sql", lambda: pl.sql("select * from frame_of_mine").collect()["a"].to_list())
frame_of_mine = pl.DataFrame({"a": [3]})
tell("polars sql of a table", lambda: pl.sql("select * from frame_of_mine").collect()["a"].to_list())
tell("a signature", lambda: str(inspect.signature(pl.DataFrame.write_parquet)) != "(*args, **kwargs)")
if sys.argv[1] == "watched":
    assert hasattr(duckdb.connect, "__wfkit_door__")
"""


def test_a_notebook_s_own_cells_do_the_same(tmp_path: Path) -> None:
    """DuckDB finds the variables of its caller, and only those, by module, connection and cursor, whatever the user
    has set; pandas and polars read as before; errors are the same.
    """
    (tmp_path / "watched.py").write_text(WATCHED)
    plain = finish(start(tmp_path, SCRIPT, "plain"))
    assert ["own sql", [[5]]] in plain
    assert finish(start(tmp_path, SCRIPT, "watched")) == plain
