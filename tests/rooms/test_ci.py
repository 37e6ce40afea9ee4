"""What a reader is told to run is what CI runs.

How the checks themselves work is in tests/run and .ci/run.
"""

from __future__ import annotations

import os

import pytest

from tests.rooms.source import ROOT

COMMAND = "python -m pip install uv && uv run --group test tests/run"
DEMO = "python -m pip install uv && uv run wfkit demo"


@pytest.mark.parametrize("path", ["README.md", ".ci/run"])
def test_one_test_command(path: str) -> None:
    """The README's test command is the one of CI, letter by letter."""
    assert COMMAND in (ROOT / path).read_text("utf-8")


def test_one_demo_command() -> None:
    """The README's first command stands on a line of its own, to be copied."""
    assert DEMO in (ROOT / "README.md").read_text("utf-8").splitlines()


@pytest.mark.parametrize("path", ["tests/run", ".ci/run", "binder/postBuild"])
def test_scripts_can_be_run(path: str) -> None:
    """A script without its executable bit fails only on somebody else's machine."""
    assert os.access(ROOT / path, os.X_OK)
