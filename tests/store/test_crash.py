"""What a store acknowledged outlives the death of its process, at any moment, with others at work beside it.

Acknowledgements travel through a pipe of their own: the store is not asked what it promised.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wfkit.core.events import Adopted, Entry, RunEnded
from wfkit.core.terms import RunState
from wfkit.store.conformance import STARTED, digest
from wfkit.store.disk import open_store

WRITER = """
import os, sys
from pathlib import Path
from wfkit.core.events import CallEnded, Dispatched, Entry, Succeeded
from wfkit.store.conformance import STARTED, call, result
from wfkit.store.disk import open_store

name = sys.argv[2]
store = open_store(Path(sys.argv[1]))
store.append([Entry(name, 0, 0, STARTED)], durable=True).wait()
os.write(1, b"0\\n")
for n in range(1, 100_000):
    match n % 3:
        case 0:
            store.append([Entry(name, 0, n, CallEnded(0, 1, call(f"{name} {n}", "reply"), 1.0))], durable=True).wait()
            os.write(1, b"%d\\n" % n)
        case 1:
            store.append([Entry(name, 0, n, Succeeded(0, 1, result(store, f"{name} {n}", n), 1.0))])
        case 2:
            store.append([Entry(name, 0, n, Dispatched((0,), n, 1.0))]).then(lambda n=n: os.write(1, b"%d\\n" % n))
"""
ADOPTER = """
import sys
from pathlib import Path
from wfkit.core.events import Adopted, Entry
from wfkit.store.disk import open_store

store = open_store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
won = 0
flight = store.try_flight("run:run")
if flight:
    for started, epoch in store.interrupted():
        store.append([Entry("run", epoch + 1, 0, Adopted(epoch + 1, 2.0))], durable=True).wait()
        won += 1
print(won, flush=True)
sys.stdin.readline()
"""


@contextmanager
def process(code: str, *args: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code, *map(str, args)]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
    with started:
        try:
            yield started
        finally:
            started.kill()


def acks_until_killed(writer: subprocess.Popen[str], count: int) -> set[int]:
    assert writer.stdout
    acks = {int(writer.stdout.readline()) for _ in range(count)}
    os.kill(writer.pid, signal.SIGKILL)
    return acks | {int(line) for line in writer.stdout.read().split("\n")[:-1]}


@pytest.mark.parametrize("seed", range(5))
def test_acknowledged_survives_kill(tmp_path: Path, seed: int) -> None:
    """Every entry acknowledged before kill -9 is read afterwards, in order and without gaps; its run can be resumed."""
    root = tmp_path / ".wfkit"
    with process(WRITER, root, "run") as writer:
        acks = acks_until_killed(writer, random.Random(seed).randrange(1, 400))
    store = open_store(root)
    seqs = [entry.seq for entry in store.entries("run")]
    assert seqs == [*range(len(seqs))]
    assert acks <= set(seqs)
    assert store.interrupted() == [(STARTED, 0)]
    answered = [n for n in acks if n and n % 3 == 0]
    assert all(store.find_call(digest(f"run {n}")) for n in answered)
    assert set(store.known(["node"])) >= {digest(f"run {n}") for n in range(1, max(acks)) if n % 3 == 1}
    store.close()


def test_processes_share_a_store(tmp_path: Path) -> None:
    """Two writers, one of them killed, and a reader: no lock error, and all see what anyone acknowledged."""
    root = tmp_path / ".wfkit"
    store = open_store(root)
    with process(WRITER, root, "one") as one, process(WRITER, root, "two") as two:
        acks = acks_until_killed(one, 150)
        assert two.stdout
        other = {int(two.stdout.readline()) for _ in range(150)}
        for name, numbers in (("one", acks), ("two", other)):
            assert numbers <= {entry.seq for entry in store.entries(name)}
            assert all(store.find_call(digest(f"{name} {n}")) for n in numbers if n and n % 3 == 0)
        assert [started.run_id for started, _ in store.interrupted()] == [STARTED.run_id]
        assert {run.run_id for run in store.runs()} == {"one", "two"}
    store.close()


def test_one_adopts(tmp_path: Path) -> None:
    """Of processes that go for the same dead run at once, one gets it; while it lives nobody else can."""
    root = tmp_path / ".wfkit"
    with process(WRITER, root, "run") as writer:
        acks_until_killed(writer, 20)
    with process(ADOPTER, root) as one, process(ADOPTER, root) as two, process(ADOPTER, root) as three:
        all_three = (one, two, three)
        for adopter in all_three:
            assert adopter.stdin
            assert adopter.stdout
            assert adopter.stdout.readline() == "ready\n"
        for adopter in all_three:
            assert adopter.stdin
            print(file=adopter.stdin, flush=True)
        assert sorted(adopter.stdout.readline() for adopter in all_three if adopter.stdout) == ["0\n", "0\n", "1\n"]
        store = open_store(root)
        assert store.interrupted() == []
        assert isinstance(store.entries("run")[-1].event, Adopted)
    assert store.interrupted() == [(STARTED, 1)]
    store.append([Entry("run", 2, 0, Adopted(2, 3.0)), Entry("run", 2, 1, RunEnded(RunState.SUCCESS, 4.0))])
    assert store.interrupted() == []
    store.close()
    store = open_store(root)
    assert store.interrupted() == []
    store.close()
