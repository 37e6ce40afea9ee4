"""Is the store well? Findings about journals, the database, objects, locks and space, each with what to do.

Looks and reports; the only thing it changes is the database, and only with `rebuild`.
"""

from __future__ import annotations

import platform
import shutil
import stat
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wfkit.core.frozen import dataclass
from wfkit.errors import StoreFault
from wfkit.store.database.database import FILE, Database
from wfkit.store.database.lease import Lease
from wfkit.store.database.rebuild import build
from wfkit.store.journals import catalog, journal
from wfkit.store.payloads.objects import FOLDER, ObjectFiles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VERIFIED = 200  # objects read to the end, the newest first; of the others only the existence is checked
_LOW_BYTES = 500 * 1024 * 1024
_PAYLOADS = """
SELECT payload, any_value(node), max(size) FROM results WHERE inline IS NULL AND codec <> 'none'
GROUP BY payload ORDER BY max(created_at) DESC
"""
_UNENDED = """
SELECT l.run_id, max(r.journal_id) FROM runs_latest l JOIN runs r ON r.run_id = l.run_id AND r.epoch = l.epoch
WHERE l.status = 'running' GROUP BY l.run_id ORDER BY l.run_id
"""
_COUNTS = "SELECT (SELECT count(*) FROM runs_latest), (SELECT count(*) FROM results)"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `level` is ok, warning or error; `advice` says what to do, or is empty."""

    level: str
    subject: str
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """All findings about a store."""

    root: Path
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings are not errors."""
        return all(finding.level != "error" for finding in self.findings)

    def text(self) -> str:
        """One line a finding, and its advice below."""
        marks = {"ok": "✓", "warning": "!", "error": "✗"}
        lines = [f"store {self.root}"]
        for finding in self.findings:
            lines.append(f"{marks[finding.level]} {finding.subject}: {finding.detail}")
            if finding.advice:
                lines.append(f"  → {finding.advice}")
        return "\n".join(lines)


def doctor(root: Path, rebuild: bool = False, database: Database | None = None) -> Health:
    """Examine the store at `root`, after making its database anew from the journals if `rebuild`.

    A process that has the store open gives its `database`. Raises StoreFault when there is no store.
    """
    if not root.is_dir():
        raise StoreFault(f"there is no store at {root}: run a workflow first, or set WFKIT_STORE")
    own = database or Database(root / FILE, Lease(root))
    try:
        logs = journal.list_journals(root)
        findings = [*_folder(root)]
        if rebuild:
            findings.append(_rebuild(root, own, logs))
        findings += _journals(logs)
        findings += _database(root, own, logs)
    finally:
        if database is None:
            own.close()
    return Health(root, tuple(findings))


def _folder(root: Path) -> Iterator[Finding]:
    versions = f"wfkit {_version('wfkit')}, duckdb {_version('duckdb')}, Python {platform.python_version()}"
    yield Finding("ok", "versions", versions)
    mode = stat.S_IMODE(root.stat().st_mode)
    if mode & 0o077:
        yield Finding("warning", "folder", f"others may read it (mode {mode:o})", f"chmod 700 {root}")
    free = shutil.disk_usage(root).free
    advice = "free space: results are recorded in journals first, but they need room too"
    low = free < _LOW_BYTES
    yield Finding("warning" if low else "ok", "free space", _bytes(free), advice if low else "")
    for broken in sorted(root.glob(f"{FILE}.broken-*")):
        if broken.suffix != ".wal":
            yield Finding("warning", "set aside", broken.name, "delete it once nothing is missed")


def _journals(logs: list[journal.Log]) -> Iterator[Finding]:
    live = sum(log.live() for log in logs)
    segments = sum(log.segment for log in logs)
    size = _bytes(sum(log.size for log in logs))
    yield Finding("ok", "journals", f"{len(logs)} ({live} live, {segments} compressed), {size}")
    damaged: list[journal.Damage] = []
    for log in logs:
        end = 0
        for _, after, _ in journal.read_entries(log.path, 0, damaged.append):
            end = after
        end = max([end, *(each.next_offset for each in damaged if each.journal_id == log.journal_id)])
        if end < log.size and not log.live():
            detail = f"{log.journal_id}: {log.size - end} bytes of a line cut off by a crash"
            yield Finding("ok", "torn line", detail, "nothing to do: it was never acknowledged")
    for each in damaged:
        detail = f"{each.journal_id}, byte {each.offset}: {each.why}"
        yield Finding("error", "damaged line", detail, "what it said runs again when it is needed; check the disk")


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _database(root: Path, database: Database, logs: list[journal.Log]) -> Iterator[Finding]:
    done = database.watermarks()
    holder = f"; {database.notice}" if database.notice else ""
    path = root / FILE
    size = _bytes(path.stat().st_size) if path.exists() else "not there yet"
    runs, results = _ask(database, _COUNTS)[0]
    level = "warning" if holder else "ok"
    yield Finding(level, "database", f"{size}, {_many(runs, 'run')}, {_many(results, 'result')}{holder}")
    lag = {log.journal_id: log.size - done.get(log.journal_id, 0) for log in logs}
    behind = sum(size for size in lag.values() if size > 0)
    if behind:
        yield Finding("ok", "not folded yet", _bytes(behind), "the next run, or `wfkit doctor --rebuild`, takes it in")
    yield from _gone(done, logs)
    live = {log.journal_id for log in logs if log.live()}
    for run_id, journal_id in _ask(database, _UNENDED):
        if journal_id not in live:
            yield Finding(
                "warning", "interrupted run", run_id, "run the same targets again: it is taken up where it was"
            )
    yield from _objects(root, _ask(database, _PAYLOADS))


def _gone(done: dict[str, int], logs: list[journal.Log]) -> Iterator[Finding]:
    missing = sorted(set(done) - {log.journal_id for log in logs})
    if missing:
        detail = f"{len(missing)} folded journals are gone ({missing[0]}, ...)"
        yield Finding("warning", "journals", detail, "the database is the only record of them: keep it, do not rebuild")


def _objects(root: Path, payloads: list[Any]) -> Iterator[Finding]:
    objects = ObjectFiles(root)
    bad = [
        (payload, node)
        for number, (payload, node, _) in enumerate(payloads)
        if not (objects.get(payload) is not None if number < VERIFIED else _object(root, payload).is_file())
    ]
    size = _bytes(sum(size for *_, size in payloads))
    yield Finding("ok", "objects", f"{len(payloads)} ({size}), {min(len(payloads), VERIFIED)} verified")
    for payload, node in bad:
        yield Finding("error", "object", f"{payload} of node {node!r} is missing or damaged", "the node runs again")


def _object(root: Path, payload: str) -> Path:
    return root / FOLDER / payload[:2] / payload[2:]


def _rebuild(root: Path, database: Database, logs: list[journal.Log]) -> Finding:
    gone = list(_gone(database.watermarks(), logs)) if database.notice is None else []
    if gone:
        return Finding("error", "rebuild", f"not done: {gone[0].detail}", gone[0].advice)
    with database.session.closed() as mine:
        if not mine:
            detail = "not done: another process holds the database"
            return Finding("error", "rebuild", detail, "close the notebook that runs on this store, then try again")
        build(root / FILE)
        catalog.drop(root)
    return Finding("ok", "rebuild", f"the database was made anew from {len(logs)} journals")


def _ask(database: Database, query: str) -> list[Any]:
    def ask(cursor: DuckDBPyConnection) -> list[Any]:
        return cursor.execute(query).fetchall()

    return database.session.run(ask)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "?"


def _bytes(size: float) -> str:
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
