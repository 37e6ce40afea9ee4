"""What the verbs of housekeeping answer: `doctor`, `gc`, `pin`, `store export` and `import`, in a sentence and a table.

Words become wishes here and findings become rows; what is done is done in `store`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wfkit.errors import StoreFault, UsageFault
from wfkit.store import place
from wfkit.store.collection import archive, pins, taking_in
from wfkit.store.collection.collect import Collected, at_work, collect
from wfkit.store.collection.keeping import NEWEST, Wish, amount, span
from wfkit.store.collection.sizes import in_units, measure
from wfkit.store.disk import DiskStore, open_store
from wfkit.store.doctor import doctor
from wfkit.views import numbers
from wfkit.views.numbers import plural
from wfkit.views.sheet import Sheet


def health(store: DiskStore, rebuild: bool) -> Sheet:
    """The health of a store as a table; `rebuild` makes its database anew from the journals first."""
    found = doctor(store.root, rebuild, store.database())
    size = ("size", "ok", measure(store.root).text(), "")
    rows = (size, *((finding.subject, finding.level, finding.detail, finding.advice) for finding in found.findings))
    verdict = "nothing is wrong" if found.ok else "something is wrong: see the rows marked error"
    heads = ("subject", "level", "detail", "what to do")
    return Sheet(f"store {found.root}: {verdict}", heads, rows, 0 if found.ok else 1)


def wished(older: str | None, keep_size: str | None, keep_runs: int | None, replies: bool) -> Wish:
    """The words of `gc` as a wish. Raises UsageFault."""
    until = None if older is None else time.time() - span(older)
    return Wish(
        until, None if keep_size is None else amount(keep_size), NEWEST if keep_runs is None else keep_runs, replies
    )


def check_idle(root: Path) -> None:
    """Raise UsageFault while a run of this process goes on: what it holds in memory must not outlive a collection."""
    with _opened(root) as store:
        if at_work(store):
            raise UsageFault("a run of this process goes on: collect when it has ended, or stop it first")


def gc(root: Path, wish: Wish, dry_run: bool = False) -> Sheet:
    """Remove what the wish lets go, or tell what would go."""
    with _opened(root) as store:
        found = collect(store, wish, dry_run)
    return Sheet(_sentence(found), ("what", "how much", "why"), tuple(_rows(found)))


def pin(root: Path, node: str, run: str | None) -> Sheet:
    """Keep the results of a node in a run."""
    with _opened(root) as store:
        made = pins.pin(store, node, run, time.time())
    return Sheet(f"pinned {made.node!r} of run {made.run_id[:8]}: that run stays whole, whatever is collected")


def unpin(root: Path, node: str, run: str | None) -> Sheet:
    """Take pins away."""
    found = pins.drop(root, node, run)
    runs = ", ".join(each.run_id[:8] for each in found)
    return Sheet(f"took {plural(len(found), 'pin')} of {node!r} away (run {runs}): it may be collected now")


def pinned(root: Path) -> Sheet:
    """All pins."""
    rows = tuple((each.node, each.run_id[:8], numbers.moment(each.at)) for each in pins.listed(root))
    return Sheet(
        "" if rows else "nothing is pinned: `pin NODE` keeps its newest results", ("node", "run", "pinned"), rows
    )


def export(root: Path, path: Path) -> Sheet:
    """Write the store to an archive. Raises StoreFault when there is no store."""
    if not root.is_dir():
        raise StoreFault(f"there is no store at {root}: run a workflow first, or set WFKIT_STORE")
    made = archive.export(root, path)
    size = in_units(path.stat().st_size)
    return Sheet(f"exported {_told(made)} to {path} ({size}); `wfkit store import {path.name}` takes it in elsewhere")


def take_in(root: Path, path: Path) -> Sheet:
    """Take an archive in; the store is made if there is none. Raises UsageFault when there is no archive."""
    if not path.exists():
        raise UsageFault(f"there is no archive {path}: `store export FILE` makes one")
    place.prepare(root)
    done = taking_in.take_in(root, path)
    left = f"; {plural(done.left_out, 'value')} could not come along and will be made again" if done.left_out else ""
    return Sheet(f"imported {_told(done)} from {path}{left}" if done.lines else f"all of {path} is here already")


def _told(moved: archive.Moved) -> str:
    return f"{plural(moved.lines, 'record')} and {plural(moved.objects, 'object')}"


@contextmanager
def _opened(root: Path) -> Iterator[DiskStore]:
    store = open_store(root)
    try:
        yield store
    finally:
        store.close()


def _sentence(found: Collected) -> str:
    size = in_units(found.before)
    if not (found.runs or found.results or found.swept.objects or found.replies_gone):
        return f"nothing {'would go' if found.dry_run else 'had to go'}: the store has {size}"
    if found.dry_run:
        return f"nothing was removed (dry run): this would go of {size}"
    return f"the store had {size} and has {'?' if found.after is None else in_units(found.after)}"


def _rows(found: Collected) -> Iterator[tuple[object, ...]]:
    verb = "would go" if found.dry_run else "went"
    if found.runs:
        yield f"runs that {verb}", numbers.count(found.runs), "too old, or least recently used"
    if found.results:
        yield f"results that {verb}", numbers.count(found.results), "no run that stays made or used them"
    if found.swept.objects:
        size = f"{numbers.count(found.swept.objects)} ({in_units(found.swept.bytes)})"
        yield f"objects that {verb}", size, "no result that is there speaks of them"
    if found.replies:
        paid = "--replies: they will be bought again" if found.replies_gone else "paid for; `--replies` lets them go"
        yield f"replies that {verb if found.replies_gone else 'stay'}", numbers.count(found.replies), paid
    for why, count in sorted(found.kept.items()):
        yield "runs that stay", numbers.count(count), why
