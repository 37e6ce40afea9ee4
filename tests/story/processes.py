"""Scripts in processes of their own, as a user would start them. No tests here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_S = 250.0


def start(folder: Path, script: str, *arguments: str, **env: str) -> subprocess.Popen[str]:
    """Start a script in a folder. It can import wfkit, and sees no settings of the tester's."""
    path = folder / f"script_{abs(hash(script))}.py"
    if not path.exists():  # a process that was started with it before may be about to read it
        path.write_text(textwrap.dedent(script), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, str(path), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[str], code: int = 0) -> list[Any]:
    """Wait for a script: the JSON lines that it printed."""
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, out + err
    return [json.loads(line) for line in out.splitlines()]


def shell(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """One command of the `wfkit` command line."""
    return subprocess.run(
        [sys.executable, "-c", "import sys; from wfkit.cli.main import main; sys.exit(main())", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
