"""What a body reads is seen, charged to the right body, named portably, and looked at again before a result is used."""

from __future__ import annotations

import contextvars
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from wfkit.core.result import Read
from wfkit.keys import audit
from wfkit.keys.reads import ReadChecker, env, ignore_under, literal_paths, recording, unchanged
from wfkit.own_threads import begin


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project folder that is the working directory, with a file."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.csv").write_text("a")
    monkeypatch.chdir(folder)
    return folder


def reads_of(body: Callable[[], Any], project: Path) -> tuple[list[tuple[str, str, bool]], str | None]:
    """Kind, name and whether there is content, of all reads of a body; and the problem."""
    with recording(project) as recorder:
        body()
    reads, problem = recorder.finish()
    return [(read.kind, read.name, read.digest != "") for read in reads], problem


def test_open_in_every_way(project: Path) -> None:
    """open, pathlib, os.open, a descriptor and a parent's path: one read each file, named from the project."""

    def body() -> None:
        Path("data/a.csv").read_text()
        with open("data/../data/a.csv") as file:  # noqa: PTH123 - the spelling is tested
            file.read()
        descriptor = os.open(project / "data" / "a.csv", os.O_RDONLY)
        with open(descriptor) as file:  # noqa: PTH123
            file.read()

    assert reads_of(body, project) == ([("file", "data/a.csv", True)], None)


def test_names_outside_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the user outside the project is named from home, others by their path."""
    home = project.parent / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    (home / "x.txt").write_text("x")
    (project.parent / "y.txt").write_text("y")

    def body() -> None:
        (home / "x.txt").read_text()
        (project.parent / "y.txt").read_text()

    names = [name for _, name, _ in reads_of(body, project)[0]]
    assert names == [str(project.parent / "y.txt"), "~/x.txt"]


def test_missing_file(project: Path) -> None:
    """A file that was looked for and not found is a read without digest: it must run again when the file is there."""

    def body() -> None:
        with pytest.raises(FileNotFoundError):
            Path("gone.txt").read_text()

    assert reads_of(body, project) == ([("file", "gone.txt", False)], None)
    read = Read("file", "gone.txt", "")
    assert unchanged(read, project)
    (project / "gone.txt").write_text("now")
    assert not unchanged(read, project)


def test_own_files_are_no_reads(project: Path) -> None:
    """What the body wrote before it read it is its own; the writes are told."""
    with recording(project) as recorder:
        Path("out.txt").write_text("x")
        Path("out.txt").read_text()
    assert recorder.finish() == ((), None)
    assert [Path(path).name for path in recorder.writes] == ["out.txt"]


def test_read_then_written(project: Path) -> None:
    """A file that the body reads and then changes makes its result uncacheable."""

    def body() -> None:
        Path("data/a.csv").read_text()
        Path("data/a.csv").write_text("b")

    found, problem = reads_of(body, project)
    assert found == [("file", "data/a.csv", True)]
    assert problem == "the file 'data/a.csv' changed while the body was reading it"


def test_changed_within_the_clock_tick(project: Path) -> None:
    """A change that neither size nor time shows is found: a file as young as that is digested when it is opened."""
    path = project / "data" / "a.csv"
    os.utime(path, (time.time(), time.time() + 3600))  # young, however long this machine takes

    def body() -> None:
        path.read_text()
        found = path.stat()
        path.write_text("b")
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    assert "changed while" in str(reads_of(body, project)[1])


@pytest.mark.parametrize("mode", ["r+", "a+"])
def test_update_is_a_read(mode: str, project: Path) -> None:
    """A file opened to be read and changed counts as read."""

    def body() -> None:
        with open("data/a.csv", mode) as file:  # noqa: PTH123
            file.read()

    assert ("file", "data/a.csv", True) in reads_of(body, project)[0]


def test_folders(project: Path) -> None:
    """A look into a folder counts by the names in it."""

    def body() -> None:
        os.listdir("data")  # noqa: PTH208 - this way is tested
        list(Path("data").glob("*.csv"))
        list(os.scandir("data"))

    assert reads_of(body, project)[0] == [("glob", "data/", True)]
    with recording(project) as recorder:
        body()
    (read,) = recorder.finish()[0]
    assert unchanged(read, project)
    (project / "data" / "b.csv").write_text("")
    assert not unchanged(read, project)


def test_sqlite(project: Path) -> None:
    """A database opened by sqlite is a file that is read."""
    sqlite3.connect("x.db").close()

    def body() -> None:
        for name in ("x.db", "file:x.db?mode=ro", ":memory:"):
            sqlite3.connect(name, uri=name.startswith("file")).close()

    assert reads_of(body, project)[0] == [("file", "x.db", True)]


def test_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable read through `env` counts; its value is nowhere."""
    monkeypatch.setenv("KEYS_TEST", "hunter2")
    with recording(project) as recorder:
        assert env("KEYS_TEST") == "hunter2"
        assert env("KEYS_UNSET", "x") == "x"
    first, second = recorder.finish()[0]
    assert "hunter2" not in repr(first)
    assert (first.kind, first.name, second.digest) == ("env", "KEYS_TEST", "")
    assert unchanged(first, project)
    assert unchanged(second, project)
    monkeypatch.setenv("KEYS_TEST", "hunter3")
    monkeypatch.setenv("KEYS_UNSET", "")
    assert not unchanged(first, project)
    assert not unchanged(second, project)


def test_not_a_dependency(project: Path) -> None:
    """The standard library, packages, /proc, /dev and the store are no reads."""
    store = project / ".store"
    store.mkdir()
    (store / "x").write_text("x")
    ignore_under(store)

    def body() -> None:
        import email.mime.audio  # noqa: F401 - opens files of the standard library

        for path in (os.devnull, "/proc/self/status", os.__file__, pytest.__file__, store / "x"):
            Path(path).read_bytes()

    assert reads_of(body, project) == ([], None)


def test_import_of_a_project_module(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing a module of the project reads its source, by its bytecode too; folders that the importer lists do not
    count.
    """
    monkeypatch.syspath_prepend(project)
    (project / "keys_reads_mod.py").write_text("X = 1\n")

    def body() -> None:
        __import__("keys_reads_mod")
        del sys.modules["keys_reads_mod"]

    for _ in range(2):
        assert reads_of(body, project)[0] == [("file", "keys_reads_mod.py", True)]
    with recording(project, [str(project / "keys_reads_mod.py")]) as recorder:
        body()
    assert recorder.finish()[0] == ()


@pytest.mark.parametrize("library", ["importlib.metadata", "importlib_metadata"])
def test_looking_for_packages_is_no_read(project: Path, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for the version of a package looks through all folders of the path, as litellm does while it loads:
    the project is one of them, and a body is not run again because a file was added there."""
    monkeypatch.syspath_prepend(project)
    metadata = import_module(library)
    assert reads_of(lambda: metadata.version("pytest"), project) == ([], None)
    assert reads_of(lambda: list(project.iterdir()), project) == ([("glob", "./", True)], None)


def test_threads_of_wfkit_s_own(project: Path) -> None:
    """What wfkit does on a thread of its own is no read of a body that runs meanwhile, nor of the one that began it."""

    def body() -> None:
        begin((project / "data" / "a.csv").read_text, "own").join()

    assert reads_of(body, project) == ([], None)


def test_threads_are_told_apart(project: Path) -> None:
    """Bodies on threads of ours each get their own reads; a thread that nobody knows is charged to all that run."""
    (project / "b.txt").write_text("b")
    start, found = threading.Barrier(2), {}

    def body(name: str) -> None:
        with recording(project) as recorder:
            start.wait()
            Path(name).read_text()
            start.wait()
            if name == "b.txt":
                stranger = threading.Thread(target=(project / "data" / "a.csv").read_text)
                stranger.start()
                stranger.join()
            start.wait()
        found[name] = [read.name for read in recorder.finish()[0]]

    (project / "c.txt").write_text("c")
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(body, name)) for name in ("b.txt", "c.txt")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"b.txt": ["b.txt", "data/a.csv"], "c.txt": ["c.txt", "data/a.csv"]}


def test_after_the_body(project: Path) -> None:
    """What is opened after the body ended is not its read, even in its context."""
    with recording(project) as recorder:
        context = contextvars.copy_context()
    context.run(Path("data/a.csv").read_text)
    assert recorder.finish() == ((), None)


def test_hook_never_raises(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the hook leaves the user's open alone and makes the result uncacheable."""
    monkeypatch.setattr(audit, "_source_of", lambda path: 1 / 0)
    with recording(project) as recorder:
        assert Path("data/a.csv").read_text() == "a"
    assert "cannot be told (ZeroDivisionError" in str(recorder.finish()[1])


def test_checker_looks_once(project: Path) -> None:
    """Within one plan a file is looked at once; a new plan sees what is new, in content and not in time alone."""
    with recording(project) as recorder:
        Path("data/a.csv").read_text()
    (read,) = recorder.finish()[0]
    checker = ReadChecker(project)
    assert checker.unchanged(read)
    os.utime("data/a.csv", (1, 1))
    assert ReadChecker(project).unchanged(read)
    Path("data/a.csv").write_text("b")
    assert checker.unchanged(read)
    assert not ReadChecker(project).unchanged(read)
    Path("data/a.csv").unlink()
    assert not ReadChecker(project).unchanged(read)


def test_same_names_elsewhere(project: Path) -> None:
    """A read made in one copy of the project matches in another."""
    with recording(project) as recorder:
        Path("data/a.csv").read_text()
        os.listdir("data")  # noqa: PTH208 - this way is tested
    twin = project.parent / "twin"
    (twin / "data").mkdir(parents=True)
    (twin / "data" / "a.csv").write_text("a")
    assert all(unchanged(read, twin) for read in (*recorder.finish()[0], *literal_paths("'data/*.csv'", (), project)))


def test_large_file(project: Path) -> None:
    """A file that is mapped rather than read has a digest of its content as well."""
    (project / "big.bin").write_bytes(b"x" * 3_000_000)
    with recording(project) as recorder:
        Path("big.bin").read_bytes()
    (read,) = recorder.finish()[0]
    assert unchanged(read, project)
    (project / "big.bin").write_bytes(b"x" * 2_999_999 + b"y")
    assert not unchanged(read, project)
