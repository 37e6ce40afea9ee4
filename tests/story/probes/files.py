"""Probes of what a body reads: files, folders, patterns, environment variables."""

# ruff: noqa: E501 - an edit is read best beside what it changes

from __future__ import annotations

from tests.story.probes.probe import Must, Probe, probe

RUN, HIT = Must.RUN, Must.HIT
DATA = {"data.csv": "a,b\n1,2\n", "folder/one.txt": "one", "folder/two.txt": "two"}

PROBES: list[Probe] = [
    probe(RUN, "open", "The content of a file that the body opens counts.", "", "open('data.csv').read()", ("1,2", "1,3"), files=DATA),
    probe(RUN, "read_text", "A file read through pathlib counts.", "from pathlib import Path", "Path('data.csv').read_text()",
          ("1,2", "1,3"), files=DATA),
    probe(RUN, "path joined in code", "A file counts whatever made its path up.", "from pathlib import Path\nHERE = Path('folder')",
          "(HERE / ('o' + 'ne.txt')).read_text()", later={"folder/one.txt": "three"}, files=DATA),
    probe(RUN, "file read in a helper", "A file that a helper opens counts.", "def helper():\n    return open('data.csv').read()",
          "helper()", ("1,2", "1,3"), files=DATA),
    probe(RUN, "file read in a module", "A file that a function of a module opens counts.", "import room", "room.f()",
          ("1,2", "1,3"), files={**DATA, "room.py": "def f():\n    return open('data.csv').read()\n"}),
    probe(RUN, "file read on a thread", "A file opened on a thread of the body's own counts.",
          "from concurrent.futures import ThreadPoolExecutor\nfrom pathlib import Path",
          "with ThreadPoolExecutor() as pool:\n    found = list(pool.map(Path.read_text, [Path('data.csv')]))\nfound", ("1,2", "1,3"), files=DATA),
    probe(RUN, "pandas.read_csv", "A file read by pandas counts.", "import pandas as pd", "pd.read_csv('data.csv').b.tolist()",
          ("1,2", "1,3"), files=DATA),
    probe(RUN, "numpy.loadtxt", "A file read by numpy counts.", "import numpy as np", "np.loadtxt('n.txt').tolist()",
          later={"n.txt": "2"}, files={"n.txt": "1"}),
    probe(RUN, "polars.read_csv", "A file that polars opens in Rust counts when its path is written out.", "import polars as pl",
          "pl.read_csv('data.csv')['b'].to_list()", ("1,2", "1,3"), files=DATA),
    probe(RUN, "duckdb", "A file that DuckDB opens in C counts when the query names it.", "import duckdb",
          "duckdb.sql(\"select b from 'data.csv'\").fetchall()", ("1,2", "1,3"), files=DATA),
    probe(RUN, "duckdb pattern", "Files that a pattern in a query finds count.", "import duckdb",
          "duckdb.sql(\"select count(*) from read_csv('folder/*.csv')\").fetchall()",
          files={"folder/a.csv": "x\n1\n"}, later={"folder/b.csv": "x\n2\n"}),
    probe(RUN, "path in a constant", "A file counts when a constant holds its path.", "import polars as pl\nPATH = 'data.csv'",
          "pl.read_csv(PATH)['b'].to_list()", ("1,2", "1,3"), files=DATA),
    probe(RUN, "path deep in a constant", "A file counts when a constant holds its path deep inside.",
          "import polars as pl\nCONFIG = {'in': {'path': 'data.csv'}}", "pl.read_csv(CONFIG['in']['path'])['b'].to_list()",
          ("1,2", "1,3"), files=DATA),
    probe(RUN, "path in a default", "A file counts when a default holds its path.",
          "import polars as pl\ndef helper(path='data.csv'):\n    return pl.read_csv(path)['b'].to_list()", "helper()",
          ("1,2", "1,3"), files=DATA),
    probe(RUN, "path in a dataclass", "A file counts when a field holds its path.",
          "import dataclasses, polars as pl\n@dataclasses.dataclass\nclass C:\n    path: str = 'data.csv'\nc = C()",
          "pl.read_csv(c.path)['b'].to_list()", ("1,2", "1,3"), files=DATA),
    probe(RUN, "listing", "The names in a folder count for os.listdir.", "import os", "sorted(os.listdir('folder'))",
          files=DATA, later={"folder/three.txt": "3"}),
    probe(RUN, "iterdir", "The names in a folder count for Path.iterdir.", "from pathlib import Path",
          "sorted(p.name for p in Path('folder').iterdir())", files=DATA, later={"folder/two.txt": None}),
    probe(RUN, "glob", "Files that a pattern finds count.", "from pathlib import Path",
          "sorted(p.name for p in Path('folder').glob('*.txt'))", files=DATA, later={"folder/three.txt": "3"}),
    probe(RUN, "glob.glob", "Files that glob.glob finds count.", "import glob", "sorted(glob.glob('folder/*.txt'))",
          files=DATA, later={"folder/three.txt": "3"}),
    probe(RUN, "walk", "Folders below a folder count for os.walk.", "import os", "[files for _, _, files in os.walk('folder')]",
          files={"folder/inner/one.txt": "1"}, later={"folder/inner/two.txt": "2"}),
    probe(RUN, "file that appears", "A file that was looked for and not there counts once it is.", "import os",
          "os.path.exists('done.flag')", later={"done.flag": ""}),
    probe(RUN, "file that could not be opened", "A file whose opening failed counts once it is there.", "",
          "try:\n    found = open('late').read()\nexcept OSError:\n    found = None\nfound", later={"late": "x"}),
    probe(RUN, "size of a file", "A file whose size is asked counts.", "import os", "os.path.getsize('data.csv')",
          ("1,2", "1,20"), files=DATA),
    probe(RUN, "sqlite", "A database that sqlite3 opens counts.",
          """
          import contextlib, pathlib, sqlite3
          pathlib.Path('file.db').unlink(missing_ok=True)
          with contextlib.closing(sqlite3.connect('file.db')) as made:
              made.executescript('create table t (a); insert into t values (1);')
          del made
          """, "with contextlib.closing(sqlite3.connect('file.db')) as c:\n    found = c.execute('select a from t').fetchall()\nfound",
          ("values (1)", "values (2)")),
    probe(HIT, "file that is not read", "A file that the body does not open does not count.", "", "open('data.csv').read()",
          files=DATA, later={"folder/one.txt": "three"}),
    probe(HIT, "touched file", "A file that was only touched does not count.", "", "open('data.csv').read()", files=DATA,
          later={"data.csv": "touch"}),
    probe(HIT, "file beside the one that is read", "A new file in the folder does not count where one file is opened.", "",
          "open('folder/one.txt').read()", files=DATA, later={"folder/three.txt": "3"}),
    probe(RUN, "wfkit.env", "An environment variable read through wfkit.env counts.",
          "import os, wfkit\nos.environ['PROBE_RATE'] = '1'", "wfkit.env('PROBE_RATE')", ("= '1'", "= '2'")),
    probe(RUN, "path joined for a reader in C", "A file counts that a reader in C opens under a path made up by code.",
          "import polars as pl\nHERE = 'folder'", "pl.read_csv(HERE + '/' + 'a.csv')['x'].to_list()", ("x\n1", "x\n2"),
          files={"folder/a.csv": "x\n1\n"}),
    probe(RUN, "path joined for pandas in C", "A file counts that pandas opens in C under a path made up by code.",
          "import pandas as pd\nimport pyarrow as pa\nimport pyarrow.parquet\nfrom pathlib import Path\nFOLDER = Path('folder')\nFOLDER.mkdir(exist_ok=True)\npa.parquet.write_table(pa.table({'a': [1]}), 'folder/a.parquet')\ndef helper():\n    return pd.read_parquet(FOLDER / 'a.parquet').a.tolist()",
          "helper()", ("{'a': [1]}", "{'a': [2]}")),
    probe(RUN, "os.environ by name", "A variable that os.environ is asked for by a literal name counts.",
          "import os\nos.environ['PROBE_RATE'] = '1'", "os.environ['PROBE_RATE']", ("= '1'", "= '2'")),
    probe(RUN, "os.getenv", "A variable that os.getenv is asked for by a literal name counts.",
          "import os\nos.environ['PROBE_RATE'] = '1'\ndef helper():\n    return os.getenv('PROBE_RATE')", "helper()", ("= '1'", "= '2'")),
    probe(RUN, "os.environ.get", "A variable that os.environ.get is asked for counts.",
          "import os\nos.environ['PROBE_RATE'] = '1'", "os.environ.get('PROBE_RATE', '')", ("= '1'", "= '2'")),
    probe(RUN, "getenv under a name", "A variable counts also when getenv was imported by name.",
          "import os\nfrom os import getenv\nos.environ['PROBE_RATE'] = '1'", "getenv('PROBE_RATE')", ("= '1'", "= '2'")),
    probe(Must.UNCACHED, "environ as a whole", "A node that takes all of os.environ is refused.",
          "import os\nos.environ['PROBE_RATE'] = '1'", "dict(os.environ).get('PROBE_RATE')", ("= '1'", "= '2'"), forms=("cell",)),
    probe(HIT, "another variable", "Another environment variable does not count.",
          "import os, wfkit\nos.environ['PROBE_RATE'] = '1'\nos.environ['PROBE_OTHER'] = 'a'", "wfkit.env('PROBE_RATE')", ("'a'", "'b'")),
]  # fmt: skip
