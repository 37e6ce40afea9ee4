"""Runs probes: three processes on one store, first as written, then again unedited, then edited.

Between the first and the second the project is moved to another folder and strings get another hash. One process goes
through all probes, so that a hundred of them cost three starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.story.probes.driver import as_node
from tests.story.probes.probe import Must, Probe

ROOT = Path(__file__).parents[3]
BYTECODE = Path(tempfile.gettempdir()) / f"wfkit-probes-bytecode-{os.getuid()}"  # of libraries only

Job = tuple[int, Probe, str]


@dataclass(frozen=True)
class Outcome:
    """How a task ended (`run`, `hit` or `failed: ...`), its value, and what the same code gives without wfkit."""

    status: str
    value: str
    truth: str
    printed: str


@dataclass(frozen=True)
class Story:
    """A probe in one form, through the three processes."""

    probe: Probe
    form: str
    first: Outcome
    same: Outcome
    edited: Outcome

    def verdict(self) -> str:
        """`pass`, `stale`, `needless`, or what went wrong."""
        stages = (self.first, self.same, self.edited)
        failed = [stage.status for stage in stages if stage.status not in ("run", "hit")]
        if failed:
            return failed[0]
        if any(stage.value != stage.truth for stage in stages):
            return "stale"
        compared = self.form != "prompt" and self.probe.must is not Must.UNCACHED
        if compared and (self.first.truth == self.edited.truth) is (self.probe.must is Must.RUN):
            return f"no probe: the value is {self.first.truth} before and {self.edited.truth} after"
        return self._without_value()

    def _without_value(self) -> str:
        must = self.probe.must
        if self.first.status != "run":
            return "not run at first"
        if must is Must.UNCACHED:
            return "pass" if self.same.status == self.edited.status == "run" else "cached"
        if self.same.status != "hit":
            return "needless without an edit"
        if must is Must.RUN and self.edited.status == "hit":
            return "stale"
        if must is not Must.RUN and self.edited.status == "run":
            return "pass" if must is Must.NEEDLESS else "needless"
        return "hit after all" if must is Must.NEEDLESS else "pass"


def tell(probes: Sequence[Probe], folder: Path) -> list[Story]:
    """Every probe in every form that it takes."""
    jobs = [(number, probe, form) for number, probe in enumerate(probes) for form in probe.forms]
    started, moved = folder / "started", folder / "moved" / "elsewhere"
    started.mkdir()
    (started / "pyproject.toml").touch()
    first = _stage(started, jobs, edited=False, seed="1")
    moved.parent.mkdir()
    started.rename(moved)
    same = _stage(moved, jobs, edited=False, seed="2")
    edited = _stage(moved, jobs, edited=True, seed="3")
    return [Story(job[1], job[2], *stages) for job, *stages in zip(jobs, first, same, edited, strict=True)]


def _stage(project: Path, jobs: Sequence[Job], edited: bool, seed: str) -> list[Outcome]:
    """One process for all jobs."""
    given = [_write(project, number, probe, form, edited) for number, probe, form in jobs]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": seed,
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(BYTECODE),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.story.probes.driver"],
        cwd=project,
        env=environment,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [Outcome(*outcome) for outcome in json.loads(done.stdout.splitlines()[-1])]


def _write(project: Path, number: int, probe: Probe, form: str, edited: bool) -> dict[str, str]:
    """Write the files of a probe; the job for the process."""
    folder = project / f"probe_{number}"
    folder.mkdir(exist_ok=True)
    texts = probe.texts(edited)
    cells, body = str(texts.pop("<cells>")), str(texts.pop("<body>"))
    name = f"n{number}_{form}"
    if form == "module":
        texts["steps.py"] = f"{cells}\n{as_node(name, body)}"
    for path, text in texts.items():
        put(folder / path, text)
    return {"folder": folder.name, "name": name, "form": form, "cells": cells, "body": body}


def put(path: Path, text: str | None) -> None:
    """Write a file, remove it (None), or touch it ("touch")."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        path.unlink(missing_ok=True)
    elif text == "touch":
        os.utime(path, (1, 1))
    else:
        path.write_text(text, encoding="utf-8", newline="")
