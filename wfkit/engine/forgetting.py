"""Forgetting on request: which results of a node are served no longer, and what the next plan is told about it.

Only events are made here; the log keeps the results themselves.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from wfkit.core.events import Entry, Forgotten, NotKept
from wfkit.core.graph import near
from wfkit.core.promises import Store
from wfkit.core.terms import Reason
from wfkit.errors import UsageFault

_RUNS = 20


def forget(store: Store, node: str, defined: Iterable[str]) -> int:
    """Serve the results of this node no longer; how many keys that were. Durable when it returns.

    Raises UsageFault for a name of no node: neither among those `defined` here nor in the newest 20 runs.
    """
    found, now = store.known([node]), time.time()
    if not found:
        _check(store, node, defined)
        return 0
    keys = tuple(found)
    events: list[Forgotten | NotKept] = [Forgotten(node, keys, now)]
    definitions: dict[str, list[str]] = {}
    for key, results in found.items():
        definitions.setdefault(results[0].definition, []).append(key)
    for definition, of_it in definitions.items():
        told = "its results were forgotten on request"
        events.append(NotKept(node, definition, tuple(of_it), Reason.VALUE_MISSING, told, now))
    store.append([Entry("", 1, 0, event) for event in events], durable=True).wait()
    return len(keys)


def _check(store: Store, node: str, defined: Iterable[str]) -> None:
    names = set(defined)
    for run in store.runs(_RUNS):
        if node in names:
            return
        report = store.report(run.run_id)
        names |= {row.name for row in report.nodes} if report is not None else set()
    if node not in names:
        raise UsageFault(f"no node is named {node!r}{near(node, names)}; `history` lists the runs")
