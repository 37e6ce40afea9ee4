"""Portable names and what is foreign to a project."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from wfkit.keys.content.files import file_digest, is_fresh, pattern_digest, portable, signature
from wfkit.keys.places import absolute, is_foreign


@pytest.mark.parametrize("name", ["a.txt", "sub/b.txt", "~/c.txt", "/elsewhere/d.txt", "."])
def test_names_come_back(name: str, tmp_path: Path) -> None:
    """A portable name stands for the path that it was made of."""
    assert portable(absolute(name, tmp_path), tmp_path) == name


def test_project_below_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The project's names win over those from home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    project = tmp_path / "project"
    assert portable(str(project / "x"), project) == "x"
    assert portable(str(tmp_path / "x"), project) == "~/x"
    assert portable(str(tmp_path / "projects"), project) == "~/projects"


def test_foreign() -> None:
    """Packages and the standard library are foreign wherever they are; a file of the user is not."""
    assert is_foreign(json.__file__)
    assert is_foreign(pytest.__file__)
    assert is_foreign("/home/me/project/.venv/lib/python3.12/site-packages/x/y.py")
    assert not is_foreign("/home/me/project/lib/y.py")


def test_signatures_and_digests(tmp_path: Path) -> None:
    """Only regular files have a signature; what cannot be read has an empty digest."""
    path = tmp_path / "x"
    assert signature(str(path)) is None
    assert signature(str(tmp_path)) is None
    assert file_digest(str(path)) == ""
    path.write_bytes(b"")
    assert file_digest(str(path))
    found = signature(str(path))
    assert found is not None
    assert is_fresh(found, now=found[1] / 1e9 + 1)
    assert not is_fresh(found, now=found[1] / 1e9 + 3)


def test_patterns_of_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit sizes and times stand for contents."""
    monkeypatch.setattr("wfkit.keys.content.files._TREE_LIMIT", 1)
    for name in "ab":
        (tmp_path / name).write_text(name)
    pattern = str(tmp_path / "*")
    before = pattern_digest(pattern, tmp_path)
    os.utime(tmp_path / "a", (1, 1))
    assert pattern_digest(pattern, tmp_path) != before
    assert pattern_digest(str(tmp_path / "none*"), tmp_path) == ""
