"""The locked set of dependencies, and what an installed package may not do.

A `.pth` file runs code at every start of Python; a release of litellm once shipped a malicious one.
"""

from __future__ import annotations

import re
import sysconfig
import tomllib
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.rooms.source import ROOT

LOCK = ROOT / "requirements.lock"
START_UP_FILES = {
    "_editable_impl_wfkit.pth",  # this project, by hatchling
    "_virtualenv.pth",  # virtual environments made by uv or virtualenv
    "distutils-precedence.pth",  # setuptools
}
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def unexpected_start_up_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.pth") if path.name not in START_UP_FILES)


def not_locked(requirements: list[str], lock: str) -> list[str]:
    """The requirements that no pin of the lock meets."""
    pins = {canonicalize_name(name): version for name, version in PIN.findall(lock)}
    wanted = [(wish, pins.get(canonicalize_name(wish.name))) for wish in map(Requirement, requirements)]
    return [str(wish) for wish, pin in wanted if pin is None or not wish.specifier.contains(pin)]


def test_no_package_runs_code_at_start() -> None:
    """Only known `.pth` files are installed. A new one is read by a person before it goes on the list."""
    assert unexpected_start_up_files(Path(sysconfig.get_path("purelib"))) == []


def test_start_up_files_can_fail(tmp_path: Path) -> None:
    """The file by which litellm 1.82.8 stole keys would be found."""
    (tmp_path / "litellm_init.pth").touch()
    assert unexpected_start_up_files(tmp_path) == ["litellm_init.pth"]


def test_lock_holds_what_the_project_asks_for() -> None:
    """Each range of pyproject.toml is met by a pin; if not, compile the lock again (its first lines say how)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = chain.from_iterable(project["project"]["optional-dependencies"].values())
    asked = [*project["project"]["dependencies"], *extras, *project["dependency-groups"]["test"]]
    assert not_locked(asked, LOCK.read_text("utf-8")) == []


def test_lock_can_fail() -> None:
    """A missing pin and one outside its range are found."""
    assert not_locked(["a>=2", "b", "c<2"], "a==1.0 \\\n    --hash=x\nc==1.9\n") == ["a>=2", "b"]


def test_lock_names_no_registry() -> None:
    """The lock works with whatever index its user has; hashes say that the files are the tested ones."""
    lock = LOCK.read_text("utf-8")
    assert "--hash=sha256:" in lock
    assert "://" not in lock
