"""A collection that dies at any step that changes a file: nothing that should stay is lost, and the next one ends it.

A child is forked from one that has imported everything, and kills itself with SIGKILL at its n-th change of a file.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.collecting import entries_of, hits, object_count, reports, three_versions
from tests.store.database.store_folder import tables
from wfkit.store.collection.collect import BEGUN, collect
from wfkit.store.collection.keeping import Wish
from wfkit.store.database import rebuild
from wfkit.store.database.database import FILE
from wfkit.store.disk import open_store

CHILD = """
import os, signal, sys
from pathlib import Path
import duckdb
from wfkit.store.collection import collect, keeping
from wfkit.store import disk

CHANGES = ("replace", "rename", "unlink", "mkdir")

def dying(change, left):
    def changed(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return change(*args, **kwargs)
    return changed

def child(root, until, steps):
    store = disk.open_store(Path(root))
    store.database()
    left = [int(steps)]
    for name in CHANGES:
        setattr(Path, name, dying(getattr(Path, name), left))
    collect.collect(store, keeping.Wish(until=float(until), newest=0), settle_s=0)
    os._exit(0)

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        child(*line.split())
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_every_step(tmp_path: Path) -> None:
    """After a kill at any step the younger runs are whole and their results hits; collecting again gives what an
    undisturbed collection does."""
    root = tmp_path / "whole" / ".wfkit"
    runs, until = three_versions(root)
    wanted = {run_id: report for run_id, report in reports(root).items() if run_id in runs[2:]}
    calm = _copy(root, tmp_path / "calm")
    _collect(calm, until)
    expected, objects, steps = tables(calm / FILE), object_count(calm), 0
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin
        assert child.stdout
        while True:
            copy = _copy(root, tmp_path / f"step{steps}")
            print(copy, until, steps, file=child.stdin, flush=True)
            if int(child.stdout.readline()) == 0:
                break
            _is_whole(copy, wanted)
            _collect(copy, until)
            assert tables(copy / FILE) == expected
            assert object_count(copy) == objects
            assert not (copy / BEGUN).exists()
            shutil.rmtree(copy.parent)
            steps += 1
        child.stdin.close()
    assert steps > 10


def _is_whole(root: Path, wanted: dict[str, object]) -> None:
    found = reports(root)
    assert {run_id: found[run_id] for run_id in wanted} == wanted
    store = open_store(root)
    assert store.interrupted() == []
    store.close()
    again = _copy(root, root.parent / "again")
    assert hits(again, 3) == {"numbers": 1, "doubled": 3, "large": 1, "told": 1}
    assert hits(again, 2) == {"numbers": 1, "doubled": 3, "large": 1, "told": 1}
    told = tables(again / FILE)
    rebuild.build(again / FILE)
    assert entries_of(again)
    assert set(tables(again / FILE)["results"]) <= set(told["results"])


def _collect(root: Path, until: float) -> None:
    store = open_store(root)
    collect(store, Wish(until=until, newest=0), settle_s=0)
    store.close()


def _copy(root: Path, folder: Path) -> Path:
    shutil.copytree(root, folder / ".wfkit")
    return folder / ".wfkit"
