"""A Python of its own, in which nothing is loaded yet: for tests of what loads what. No tests here."""

from __future__ import annotations

import subprocess
import sys


def printed(script: str) -> list[str]:
    """The words that a script prints there. Raises CalledProcessError when it fails."""
    command = [sys.executable, "-c", script]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
