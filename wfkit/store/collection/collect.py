"""`gc`: runs and results that nobody needs any more leave the journals, the database and the objects, in this order.

It may die at any moment: what stays was never touched, and the next collection ends what was begun (`gc.begun`). It
holds the lease throughout and `upkeep` keeps plans waiting. What goes is decided in `keeping`.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wfkit.errors import StoreFault
from wfkit.store.collection import compact, pins, survey, upkeep
from wfkit.store.collection.keeping import Fate, Wish, decide
from wfkit.store.collection.sizes import measure
from wfkit.store.collection.survey import Facts
from wfkit.store.collection.sweep import GRACE_S, Swept, sweep
from wfkit.store.database import rebuild
from wfkit.store.database.database import FILE
from wfkit.store.files import sync_folder, write_file
from wfkit.store.journals import adopt, catalog, journal, segments
from wfkit.store.journals.ground import COLLECTED
from wfkit.store.locks import take

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from wfkit.store.disk import DiskStore

BEGUN = "gc.begun"
CATALOG_LOCK = "catalog.lock"
SETTLE_S = 0.5  # a plan made just before has begun its run by then, and runs that go on keep what they found
_ALL = 1 << 30
_PATIENCE_S = 10.0
_AT_WORK = """
SELECT 1 FROM runs_latest l JOIN runs r ON r.run_id = l.run_id AND r.epoch = l.epoch
WHERE l.status = 'running' AND contains(r.journal_id, $1) LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Collected:
    """What went, or with `dry_run` would go. Bytes are of the whole store; `after` is None in a dry run.

    `kept` counts the runs that had to stay by their reason; `replies` are those in collected runs.
    """

    runs: int
    results: int
    swept: Swept
    dry_run: bool = False
    before: int = 0
    after: int | None = None
    kept: Mapping[str, int] = field(default_factory=dict)
    replies: int = 0
    replies_gone: bool = False


def at_work(store: DiskStore) -> bool:
    """Whether a run of this process goes on."""

    def ask(cursor: DuckDBPyConnection) -> bool:
        return bool(cursor.execute(_AT_WORK, [f"-{os.getpid()}-"]).fetchall())

    return store.database().session.run(ask)


def collect(store: DiskStore, wish: Wish, dry_run: bool = False, settle_s: float = SETTLE_S) -> Collected:
    """Remove what `wish` lets go from a store. Raises StoreFault when another process holds what is needed for it."""
    if dry_run:
        store.database()  # what was appended is in the journals
        return _foresee(store.root, wish, _kept(store))
    with upkeep.exclusive(store.root):
        before = measure(store.root).total
        database = store.database()
        if database.notice is None:
            adopt.retire(store.root, database.watermarks(), _ALL)
        time.sleep(settle_s)
        kept = _kept(store)
        with database.session.closed() as mine:
            if not mine:
                raise StoreFault(
                    "nothing was collected: another process holds the database; try again when its run ended"
                )
            done = _collect(store.root, wish, kept)
    return replace(done, before=before, after=measure(store.root).total)


def _foresee(root: Path, wish: Wish, kept: Mapping[str, str]) -> Collected:
    facts = survey.survey(root, lambda log: log.segment or not log.live())
    fate = decide(facts, wish, kept)
    swept = sweep(root, _spoken_of(root, facts, fate), time.time() - GRACE_S, dry_run=True)
    return replace(_counts(facts, fate, swept), dry_run=True, before=measure(root).total)


def _collect(root: Path, wish: Wish, kept: Mapping[str, str]) -> Collected:
    """Under the lease, with the database closed."""
    facts = survey.survey(root, lambda log: log.segment)
    fate = decide(facts, wish, kept)
    begun = root / BEGUN
    if begun.exists() or _changes(facts, fate):
        with _uncatalogued(root):
            write_file(begun, b"")
            rewrite(root, facts, fate)
    swept = sweep(root, _spoken_of(root, facts, fate), time.time() - GRACE_S)
    begun.unlink(missing_ok=True)
    return _counts(facts, fate, swept)


def rewrite(root: Path, facts: Facts, fate: Fate) -> None:
    """Journals first, oldest first, then the database that is made of them; a crash leaves more than had to stay."""
    _outdate(root)
    for log in facts.movable:
        compact.drop_starts(root, log, fate.gone)
    empty = []
    for log in facts.movable:
        done = compact.compact(log, lambda entry: compact.kept(fate, entry))
        if done.changed:
            compact.write(root, done)
            compact.write_marks(root, done)
        if done.lines == 0 and len(done.data) == log.size:
            empty.append(log)
    catalog.drop(root)
    rebuild.build(root / FILE)
    for log in empty:  # only now: a database that knows of them says that they are missing
        compact.remove(root, log)
    if empty:
        sync_folder(root / segments.FOLDER)


def _changes(facts: Facts, fate: Fate) -> bool:
    """Whether there is anything to rewrite, or a segment that says nothing to remove."""
    return bool(fate.gone) and any(facts.runs[name].movable for name in fate.gone)


def _kept(store: DiskStore) -> dict[str, str]:
    """Runs that must stay by what the user did."""
    kept = {started.run_id: "can be resumed" for started, _ in store.interrupted()}
    return {**kept, **{each.run_id: "pinned" for each in pins.listed(store.root)}}


def _spoken_of(root: Path, facts: Facts, fate: Fate) -> set[str]:
    """The objects of results that stay, and of whatever was written since the survey."""
    stay = {made.payload for made in facts.made if fate.keeps(made.run_id, made.node, made.use)}
    surveyed = {log.journal_id for log in facts.movable}
    rest = [log for log in journal.list_journals(root) if log.journal_id not in surveyed]
    return {name for name in stay if name is not None}.union(survey.payloads(rest))


def _counts(facts: Facts, fate: Fate, swept: Swept) -> Collected:
    return Collected(
        runs=sum(facts.runs[name].started for name in fate.gone),
        results=sum(not fate.keeps(made.run_id, made.node, made.use) for made in facts.made),
        swept=swept,
        kept=dict(Counter(fate.kept.values())),
        replies=sum(facts.runs[name].replies for name in fate.gone),
        replies_gone=fate.replies,
    )


def _outdate(root: Path) -> None:
    """Copies of what the journals said are not used any more: neither the catalog, nor what processes hold of it."""
    catalog.drop(root)
    write_file(root / COLLECTED, os.urandom(8).hex().encode())


@contextmanager
def _uncatalogued(root: Path) -> Iterator[None]:
    """While it lasts nobody writes a catalog. Raises StoreFault when somebody is at it all the time."""
    until = time.monotonic() + _PATIENCE_S
    while (lock := take(root / CATALOG_LOCK)) is None:
        if time.monotonic() > until:
            raise StoreFault("nothing was collected: another process keeps writing the catalog; try again")
        time.sleep(0.01)
    try:
        yield
    finally:
        lock.release()
