"""Files that a library opens in C, under paths put together at run time: no old result is served for new content.

Each reader runs in processes of its own on one store: new, unchanged, changed, set back.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet
import pytest

from tests.story.processes import finish, start

SCRIPT = """\
import json, os, sys
from pathlib import Path
import wfkit
from wfkit.define.cell import parse_cell

DATA = Path("da" + "ta")
STEM = "a"
wf = wfkit.Workflow("reads", store=".wfkit")
wf.config("threads", 1)  # DuckDB's default connection is for one thread
for name, (before, body) in json.loads(Path("readers.json").read_text()).items():
    cell = {"Path": Path, "os": os, "DATA": DATA, "STEM": STEM}
    exec(before, cell)
    wf.add(parse_cell(name, body, cell))
outcome = wf.run()
rows = {row.name: row for row in outcome.report.nodes}
for name in wf.nodes:
    known = [known for found in wf.store.known([name]).values() for known in found]
    reads = sorted(read.name for read in known[0].reads if read.kind != "look") if known else None
    print(json.dumps([name, outcome[name], *rows[name].tasks, reads]))
print(json.dumps(["warnings", *outcome.warnings]))
wf.close()
"""
PANDAS = "import pandas as pd\nint(pd.read_{kind}({path})['x'].sum())"
# What stands before the cell, its body, and the one thing that it reads.
READERS = {
    "pandas parquet": (
        "",
        "import pandas as pd\nint(pd.read_parquet(DATA / f'{STEM}.parquet')['x'].sum())",
        "data/a.parquet",
    ),
    "pandas feather": (
        "",
        "import pandas as pd\nint(pd.read_feather(os.path.join(DATA, STEM + '.feather'))['x'].sum())",
        "data/a.feather",
    ),
    "pandas orc": ("", "import pandas as pd\nint(pd.read_orc(DATA / f'{STEM}.orc')['x'].sum())", "data/a.orc"),
    "pandas parquet of a folder": (
        "",
        "import pandas as pd\nint(pd.read_parquet(str(DATA / 'many'))['x'].sum())",
        "data/many/**",
    ),
    "pandas csv by arrow": (
        "",
        "import pandas as pd\nint(pd.read_csv(DATA / f'{STEM}.csv', engine='pyarrow')['x'].sum())",
        "data/a.csv",
    ),
    "arrow parquet": (
        "from pyarrow.parquet import read_table",
        "sum(read_table(DATA / f'{STEM}.parquet')['x'].to_pylist())",
        "data/a.parquet",
    ),
    "arrow parquet file": (
        "import pyarrow.parquet as pq",
        "sum(pq.ParquetFile(os.path.join(DATA, STEM) + '.parquet').read()['x'].to_pylist())",
        "data/a.parquet",
    ),
    "arrow dataset": (
        "import pyarrow.dataset as ds",
        "sum(ds.dataset(DATA / 'many').to_table()['x'].to_pylist())",
        "data/many/**",
    ),
    "arrow csv by its bare name": (
        "from pyarrow.csv import read_csv",
        "sum(read_csv(DATA / f'{STEM}.csv')['x'].to_pylist())",
        "data/a.csv",
    ),
    "arrow file system": (
        "from pyarrow import csv, fs",
        "sum(csv.read_csv(fs.LocalFileSystem().open_input_file(f'{DATA}/{STEM}.csv'))['x'].to_pylist())",
        "data/a.csv",
    ),
    "arrow memory map": (
        "import pyarrow as pa",
        "sum(pa.ipc.open_file(pa.memory_map(f'{DATA}/{STEM}.feather')).read_all()['x'].to_pylist())",
        "data/a.feather",
    ),
    "duckdb query": (
        "import duckdb",
        "int(duckdb.sql(f\"select sum(x) from '{DATA}/{STEM}.parquet'\").fetchall()[0][0])",
        "data/a.parquet",
    ),
    "duckdb function": (
        "import duckdb",
        "int(duckdb.read_parquet(f'{DATA}/{STEM}.parquet').sum('x').fetchall()[0][0])",
        "data/a.parquet",
    ),
    "duckdb connection with a parameter": (
        "import duckdb",
        "int(duckdb.connect().execute('select sum(x) from read_csv(?)', [f'{DATA}/{STEM}.csv']).fetchall()[0][0])",
        "data/a.csv",
    ),
    "duckdb pattern": (
        "import duckdb",
        "int(duckdb.sql(f\"select sum(x) from '{DATA}/many/*.parquet'\").fetchall()[0][0])",
        "data/many/*.parquet",
    ),
    "polars read": (
        "from polars import read_parquet",
        "read_parquet(DATA / f'{STEM}.parquet')['x'].sum()",
        "data/a.parquet",
    ),
    "polars scan": ("import polars as pl", "pl.scan_csv(DATA / f'{STEM}.csv').collect()['x'].sum()", "data/a.csv"),
    "polars pattern": (
        "import polars as pl",
        "pl.scan_parquet(f'{DATA}/many/*.parquet').collect()['x'].sum()",
        "data/many/*.parquet",
    ),
    "polars sql": (
        "import polars as pl",
        "pl.sql(f\"select * from read_csv('{DATA}/{STEM}.csv')\").collect()['x'].sum()",
        "data/a.csv",
    ),
    "numpy load": ("import numpy as np", "int(np.load(DATA / f'{STEM}.npy').sum())", "data/a.npy"),
    "numpy memory map": (
        "import numpy as np",
        "int(np.memmap(os.path.join(DATA, STEM) + '.raw', dtype='int64', mode='r').sum())",
        "data/a.raw",
    ),
    "numpy fromfile": (
        "import numpy as np",
        "int(np.fromfile(DATA / f'{STEM}.raw', dtype='int64').sum())",
        "data/a.raw",
    ),
    "sqlite": (
        "import sqlite3",
        "sqlite3.connect(DATA / f'{STEM}.db').execute('select sum(x) from t').fetchone()[0]",
        "data/a.db",
    ),
}


def write(folder: Path, last: int) -> None:
    """The numbers 1 and `last` in every format."""
    import sqlite3

    import numpy as np

    data = folder / "data"
    (data / "many").mkdir(parents=True, exist_ok=True)
    table = pa.table({"x": [1, last]})
    pa.parquet.write_table(table, data / "a.parquet")
    pa.parquet.write_table(table, data / "many" / "part.parquet")
    pa.orc.write_table(table, data / "a.orc")
    pa.feather.write_feather(table, str(data / "a.feather"), compression="uncompressed")
    (data / "a.csv").write_text(f"x\n1\n{last}\n")
    np.save(data / "a.npy", np.array([1, last]))
    np.array([1, last], dtype="int64").tofile(data / "a.raw")
    (data / "a.db").unlink(missing_ok=True)
    with sqlite3.connect(data / "a.db") as connection:
        connection.execute("create table t (x int)")
        connection.execute("insert into t values (1), (?)", (last,))
    connection.close()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[Any]]]:
    """What each reader did in four processes: for new, the same, changed and old content."""
    folder = tmp_path_factory.mktemp("readers")
    (folder / "pyproject.toml").write_text("")
    (folder / "readers.json").write_text(json.dumps({_name(reader): parts[:2] for reader, parts in READERS.items()}))
    found = []
    for last in (2, 2, 30, 2):
        write(folder, last)
        found.append({name: rest for name, *rest in finish(start(folder, SCRIPT))})
    return found


def _name(reader: str) -> str:
    return reader.replace(" ", "_")


@pytest.mark.parametrize("reader", READERS)
def test_new_content_runs_the_reader(reader: str, runs: list[dict[str, list[Any]]]) -> None:
    """Changed content runs the node, in any process; the same content is a hit, whatever the times of the file say."""
    *_, name = READERS[reader]
    did = [run[_name(reader)] for run in runs]
    assert [row[:2] for row in did] == [[3, "success"], [3, "cached"], [31, "success"], [3, "cached"]]
    folder = name.removesuffix("**")
    assert all(name in reads and all(read.startswith(folder) for read in reads) for *_, reads in did)


def test_nothing_is_warned_about(runs: list[dict[str, list[Any]]]) -> None:
    """All that these readers read was seen."""
    assert [run["warnings"] for run in runs] == [[], [], [], []]
