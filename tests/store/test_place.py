"""A store is found where a user expects it, and refused with a reason when it must not or cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wfkit.errors import StoreFault
from wfkit.store import place
from wfkit.store.disk import open_store
from wfkit.store.place import locate, prepare


@pytest.mark.parametrize("sign", [".wfkit", ".git", "pyproject.toml"])
def test_nearest_ancestor(tmp_path: Path, sign: str) -> None:
    """The nearest folder upwards with a store, a project file or a repository has the store."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / sign).mkdir()
    assert locate(inner, {}) == tmp_path / ".wfkit"
    (tmp_path / "a" / "pyproject.toml").touch()
    assert locate(inner, {}) == tmp_path / "a" / ".wfkit"
    notebook = inner / "x.ipynb"
    notebook.touch()
    assert locate(notebook, {}) == tmp_path / "a" / ".wfkit"


def test_nothing_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any sign the store is where one starts, and finding it creates nothing."""
    monkeypatch.setattr(place, "_ROOTS", ("no such sign",))
    assert locate(tmp_path, {}) == tmp_path / ".wfkit"
    assert list(tmp_path.iterdir()) == []


def test_environment_wins(tmp_path: Path) -> None:
    """WFKIT_STORE names the store itself; an empty one does not count."""
    (tmp_path / ".git").mkdir()
    assert locate(tmp_path, {"WFKIT_STORE": str(tmp_path / "mine")}) == tmp_path / "mine"
    assert locate(tmp_path, {"WFKIT_STORE": ""}) == tmp_path / ".wfkit"


def test_prepared(tmp_path: Path) -> None:
    """A new store is its owner's alone, keeps itself out of git, says its format; preparing again changes nothing."""
    root = tmp_path / "project" / ".wfkit"
    prepare(root)
    assert root.stat().st_mode & 0o777 == 0o700
    assert (root / ".gitignore").read_text() == "*\n"
    assert (root / "format").read_text() == "1\n"
    before = {path.name: path.stat().st_mtime_ns for path in root.iterdir()}
    prepare(root)
    assert {path.name: path.stat().st_mtime_ns for path in root.iterdir()} == before


def test_newer_format(tmp_path: Path) -> None:
    """A store of a newer version is refused with exit code 6, and left as it is."""
    prepare(tmp_path / "s")
    (tmp_path / "s" / "format").write_text("2\n")
    with pytest.raises(StoreFault, match=r"newer wfkit \(format 2, .* up to 1\): update wfkit") as caught:
        open_store(tmp_path / "s")
    assert caught.value.exit_code == 6
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == [".gitignore", "format"]


def test_damaged_format(tmp_path: Path) -> None:
    """A format file that says nothing is refused with what to do."""
    prepare(tmp_path / "s")
    (tmp_path / "s" / "format").write_text("?")
    with pytest.raises(StoreFault, match="format is damaged: write 1 into it"):
        prepare(tmp_path / "s")


def test_not_a_folder(tmp_path: Path) -> None:
    """A file in the place of a store, or above it, is named, with what to do."""
    (tmp_path / "file").touch()
    for root in (tmp_path / "file", tmp_path / "file" / ".wfkit"):
        with pytest.raises(StoreFault, match=rf"the store {root} .*WFKIT_STORE"):
            prepare(root)


def test_open_to_everybody(tmp_path: Path) -> None:
    """A store that everybody may write to is refused: what is in it could be anybody's."""
    prepare(tmp_path / "s")
    (tmp_path / "s").chmod(0o777)
    with pytest.raises(StoreFault, match=r"everybody may write to the store .*`chmod go-w"):
        prepare(tmp_path / "s")


def test_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of another user is refused."""
    prepare(tmp_path / "s")
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(StoreFault, match="belongs to another user"):
        prepare(tmp_path / "s")


def test_read_only_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, no change of permissions helps; the advice says what does."""
    prepare(tmp_path / "s")
    real = os.statvfs(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result((*real[:8], os.ST_RDONLY, real[9])))
    with pytest.raises(StoreFault, match="read-only file system: mount it writable, or set WFKIT_STORE"):
        prepare(tmp_path / "s")


def test_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be written is named, with what to do."""
    prepare(tmp_path / "s")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(StoreFault, match="is not writable: run `chmod u\\+rwx"):
        prepare(tmp_path / "s")
