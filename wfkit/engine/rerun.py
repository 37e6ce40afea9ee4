"""Bodies run once more to see whether they give the same value: on an overlay, so nobody is served what comes of it.

Replies of models come from the call log; what else a body does, it does again. Results are in `core.standing.Rerun`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from wfkit.core.result import Result
from wfkit.core.standing import NodeStanding, Rerun
from wfkit.core.terms import TaskState
from wfkit.engine.asking.paid_once import UnderWay
from wfkit.engine.execute import Ran, Session, execute
from wfkit.engine.preparing.prepare import Prepared, ReadyNode
from wfkit.engine.preparing.values import Values
from wfkit.engine.preparing.wish import Wish
from wfkit.errors import WfkitError
from wfkit.store.overlay import Overlay

_FILES = 20_000
_NAMED = 3
Files = dict[str, list[Path]]
_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})


def sample(stands: NodeStanding, size: int | None) -> list[int]:
    """Positions of tasks with a value: all of them, or so many, spread evenly and with the first and last."""
    there = [at for at, (key, value) in enumerate(zip(stands.keys, stands.values, strict=True)) if key and value]
    if size is None or len(there) <= size:
        return there
    step = (len(there) - 1) / max(1, size - 1)
    return [there[round(at * step)] for at in range(size)]


def rerun(session: Session, prepared: Prepared, stands: NodeStanding, tasks: Sequence[int], files: Files) -> Rerun:
    """Run the bodies of these tasks of one node again and hold their values against those that are kept.

    `prepared` is the graph with that node as its only target, `files` those of the project.
    """
    keys = [str(stands.keys[task]) for task in tasks]
    overlay = Overlay(session.store, keys)
    aside = replace(
        session,
        store=overlay,
        values=Values(overlay),
        settings=replace(session.settings, buy=False),
        under_way=UnderWay(),
        defined=set(),
    )
    try:
        ran = execute(aside, prepared, Wish("verify", trigger="verify"))
    except WfkitError as error:
        return Rerun(stands.name, len(keys), fault=str(error))
    kept = {key: session.store.result(key) for key in keys}
    found = _judged(ran, stands, tasks, kept)
    if not found.changed:
        return found
    ready = ran.context.prepared.ready[ran.context.prepared.graph.position[stands.name]]
    made = kept[str(stands.keys[_first(found)])]
    return replace(found, suspects=tuple(suspects(session.project, ready, made, files)))


def _first(found: Rerun) -> int:
    return found.item or 0


def _judged(ran: Ran, stands: NodeStanding, tasks: Sequence[int], kept: dict[str, Result | None]) -> Rerun:
    run, n = ran.context.run, ran.context.prepared.graph.position[stands.name]
    first = run.first[n]
    changed: list[int] = []
    for task in tasks:
        if first < 0 or run.state[first + task] not in {TaskState.SUCCESS, TaskState.CACHED}:
            return Rerun(stands.name, len(tasks), item=task if stands.mapped else None, fault=_fault(ran, n, task))
        if run.value[first + task] != stands.values[task]:
            changed.append(task)
    if not changed:
        return Rerun(stands.name, len(tasks))
    key = str(stands.keys[changed[0]])
    old, new = kept[key], ran.context.store.result(key)
    return Rerun(
        stands.name,
        len(tasks),
        len(changed),
        changed[0] if stands.mapped else None,
        old.preview if old is not None else "",
        new.preview if new is not None else "",
    )


def _fault(ran: Ran, n: int, task: int) -> str:
    run = ran.context.run
    failures = run.failures.get(run.first[n] + task) if run.first[n] >= 0 else None
    failure = failures[-1] if failures else run.node_failures.get(n)
    if failure is not None:
        return f"{failure.error}: {failure.message}"
    return next((f"{each[-1].error}: {each[-1].message}" for each in run.failures.values()), "it did not run")


def suspects(project: Path, ready: ReadyNode, made: Result | None, files: Files) -> Iterator[str]:
    """Files of the project that changed after a result was made, that the code of its node names and that the result
    is not known to have read. At most three, as paths within the project."""
    named = {text.replace("\\", "/").rpartition("/")[2] for text in ready.texts} - {""}
    if made is None or not named:
        return
    read = {read.name for read in made.reads}
    found = [path for name in sorted(named) for path in files.get(name, ()) if _changed_at(path) > made.created_at]
    names = (path.relative_to(project).as_posix() for path in found)
    yield from [name for name in names if name not in read][:_NAMED]


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it went meanwhile
        return 0.0


def project_files(project: Path) -> Files:
    """Files of a project by their name. Folders that hold no data of the user are left out, and of a huge project
    what comes after the first 20,000."""
    found: Files = {}
    seen = 0
    for folder, folders, files in os.walk(project):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for name in sorted(files):
            found.setdefault(name, []).append(Path(folder, name))
        seen += len(files)
        if seen > _FILES:
            break
    return found
