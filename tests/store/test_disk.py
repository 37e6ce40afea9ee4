"""The disk store as a whole: one a process, nothing lost at exit or on a full disk, clear faults."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from pathlib import Path
from zlib import crc32

import pytest

from wfkit.core.events import Dispatched, Entry, Succeeded
from wfkit.errors import StoreFault, ValueFault
from wfkit.store.conformance import STARTED, digest, log, result
from wfkit.store.disk import open_store
from wfkit.store.journals import journal

LEAVES = """
import sys
from pathlib import Path
from wfkit.core.events import Succeeded
from wfkit.store.conformance import STARTED, log, result
from wfkit.store.disk import open_store
store = open_store(Path(sys.argv[1]))
log(store, STARTED, *(Succeeded(0, 1, result(store, f"k{n}", n), 1.0) for n in range(500)))
"""
FULL = """
import resource, signal, sys
from pathlib import Path
from wfkit.core.events import Dispatched, Entry
from wfkit.errors import StoreFault
from wfkit.store.disk import open_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store(Path(sys.argv[1]))
acks = 0
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
try:
    for n in range(1000):
        store.append([Entry("run", 0, n, Dispatched((n,), 1, 1.0))], durable=True).wait()
        acks += 1
except StoreFault as fault:
    print(acks, fault, sep="|", flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
store.append([Entry("run", 0, acks + 1, Dispatched((acks + 1,), 1, 1.0))], durable=True).wait()
print(len(store.entries("run")))
store.close()
"""


def run(code: str, *args: object) -> str:
    command = [sys.executable, "-W", "error", "-c", code, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_one_store_a_process(tmp_path: Path) -> None:
    """Opened twice it is the same store, by whatever path; it stays open until closed as often; then it opens anew."""
    (tmp_path / "link").symlink_to(tmp_path / "s")
    one, two = open_store(tmp_path / "s"), open_store(tmp_path / "link")
    assert one is two
    one.close()
    log(two, STARTED)
    two.close()
    with pytest.raises(StoreFault, match="is closed"):
        log(two, STARTED)
    with pytest.raises(StoreFault, match="is closed"):
        two.known(["node"])
    two.close()
    three = open_store(tmp_path / "s")
    assert three is not two
    assert [entry.event for entry in three.entries("run")] == [STARTED]
    three.close()


def test_nothing_lost_at_exit(tmp_path: Path) -> None:
    """A process that ends without closing its store has everything on disk, and says nothing about it."""
    assert run(LEAVES, tmp_path / "s") == ""
    store = open_store(tmp_path / "s")
    assert len(store.entries("run")) == 501
    assert len(store.known(["node"])) == 500
    assert store.get(digest("value 499")) == {"value": 499}
    store.close()


def test_full_disk(tmp_path: Path) -> None:
    """On a full disk whoever waits gets one clear fault, nothing acknowledged is lost, and it goes on when there is
    space again, with what was held back in between."""
    told, count = run(FULL, tmp_path / "s").splitlines()
    acks, fault = told.split("|")
    assert "cannot be written (File too large): free space" in fault
    assert int(acks) > 100
    assert int(count) == int(acks) + 2
    store = open_store(tmp_path / "s")
    assert [entry.seq for entry in store.entries("run")] == [*range(int(acks) + 2)]
    store.close()


def test_read_only_use_leaves_no_journal(tmp_path: Path) -> None:
    """Who only asks makes no journal and no database."""
    store = open_store(tmp_path / "s")
    assert store.known(["node"]) == {}
    assert store.find_call(digest("r")) is None
    assert store.interrupted() == []
    store.close()
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == [".gitignore", "format"]


def test_damaged_values_are_misses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A value whose payload was changed, on disk or in the journal, is never handed out: a ValueFault says so."""
    store = open_store(tmp_path / "s")
    large = store.encode(list(range(50_000)), digest("large"))
    log(store, Succeeded(0, 1, result(store, "k1", 1), 1.0))
    made = result(store, "k2", 2)
    object.__setattr__(made, "value", large)
    log(store, Succeeded(0, 1, made, 1.0))
    poisoned = result(store, "k3", 3)
    object.__setattr__(poisoned.value, "inline", '{"value": 4}')
    log(store, Succeeded(0, 1, poisoned, 1.0))
    store.close()
    [path] = [path for path in (tmp_path / "s" / "objects").rglob("*") if path.is_file()]
    path.write_bytes(path.read_bytes().replace(b"4711", b"4712"))
    store = open_store(tmp_path / "s")
    assert store.get(digest("value 1")) == {"value": 1}
    for name in ("large", "value 3"):
        with pytest.raises(ValueFault, match=f"{digest(name)} is missing or damaged: run its node again"):
            store.get(digest(name))
    assert store.encode(list(range(50_000)), digest("large")) == large
    assert store.get(digest("large")) == list(range(50_000))
    store.close()


def test_newer_line(tmp_path: Path) -> None:
    """A journal with an event of a newer version is a StoreFault for who asks, not a wrong answer."""
    store = open_store(tmp_path / "s")
    log(store, STARTED)
    store.close()
    [found] = journal.list_live(tmp_path / "s")
    line = found.path.read_bytes().replace(b'"RunStarted"', b'"RunStalled"')[9:-1]
    found.path.write_bytes(found.path.read_bytes() + b"%08x %b\n" % (crc32(line), line))
    store = open_store(tmp_path / "s")
    with pytest.raises(StoreFault, match=r"'RunStalled'.*newer wfkit"):
        store.known(["node"])
    store.close()


def _use(root: Path, answer: multiprocessing.Queue[str]) -> None:
    store = open_store(root)
    log(store, Dispatched((0,), 1, 1.0))
    store.close()
    answer.put("own journal")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_opens_its_own(tmp_path: Path) -> None:
    """A forked child that opens the store has a store and a journal of its own; the parent's goes on."""
    context = multiprocessing.get_context("fork")
    answer: multiprocessing.Queue[str] = context.Queue()
    store = open_store(tmp_path / "s")
    store.append([Entry("run", 0, 0, STARTED)], durable=True).wait()
    child = context.Process(target=_use, args=(tmp_path / "s", answer))
    child.start()
    assert answer.get(timeout=60) == "own journal"
    child.join()
    assert child.exitcode == 0
    store.append([Entry("run", 0, 1, Dispatched((1,), 1, 1.0))], durable=True).wait()
    assert len(store.entries("run")) == 3
    assert len(journal.list_journals(tmp_path / "s")) == 2
    store.close()
