"""Files that are named: readers that open in C are seen by the paths in the text and in the inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wfkit.keys.literals import literal_paths


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with some files."""
    (tmp_path / "data").mkdir()
    for name in ("data/a.parquet", "data/b.parquet", "notes.txt", "README"):
        (tmp_path / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


SOURCES = [
    ("pd.read_parquet('data/a.parquet')", ["data/a.parquet"]),
    ("pq.read_table(\"data/a.parquet\")\nx = 'notes.txt'", ["data/a.parquet", "notes.txt"]),
    (
        "duckdb.sql(\"select * from 'data/a.parquet' join 'data/b.parquet' using (x)\")",
        ["data/a.parquet", "data/b.parquet"],
    ),
    ("duckdb.sql(\"select * from 'data/*.parquet'\")", ["data/*.parquet"]),
    ("ds.dataset('./data/')", ["data/**"]),
    ("x = 'README'", ["README"]),
    ("x = 'data'", []),
    ("x = 'a text with notes.txt in it'", []),
    ("os.path.exists('done.flag')", ["done.flag"]),
    ("x = 'openai/gpt-5-mini'", []),
    ("x = 'https://example.org/a.csv'", []),
    ("x = 1", []),
    ("x = (", []),
]


@pytest.mark.parametrize(("source", "names"), SOURCES)
def test_names_in_a_source(source: str, names: list[str], project: Path) -> None:
    """Existing files, patterns and folders are found; other texts are left alone; a data file that is missing may
    appear.
    """
    assert [read.name for read in literal_paths(source, (), project)] == names


VALUES: list[tuple[Any, list[str]]] = [
    ("notes.txt", ["notes.txt"]),
    (Path("notes.txt"), ["notes.txt"]),
    (["notes.txt", Path("README"), 3], ["README", "notes.txt"]),
    ({"path": "notes.txt"}, []),
    (3, []),
]


@pytest.mark.parametrize(("value", "names"), VALUES)
def test_names_in_values(value: Any, names: list[str], project: Path) -> None:
    """A path that comes in as a text, a Path or a list of them counts, absolute or not."""
    assert [read.name for read in literal_paths("", [value], project)] == names
    assert [read.name for read in literal_paths("", {"x": project / "notes.txt"}, project)] == ["notes.txt"]


def test_content_counts(project: Path) -> None:
    """Each form changes with the content of a file, and a pattern or folder with another file."""

    def found() -> list[str]:
        return [read.digest for read in literal_paths("'data/a.parquet', 'data/*.parquet', 'data/'", (), project)]

    before = found()
    (project / "data" / "a.parquet").write_text("new")
    edited = found()
    (project / "data" / "c.parquet").write_text("")
    added = found()
    assert all(one != two for one, two in zip(before, edited, strict=True))
    assert [one == two for one, two in zip(edited, added, strict=True)] == [False, False, True]
