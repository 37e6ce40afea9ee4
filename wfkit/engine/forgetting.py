"""Forgetting on request: which results of a node are served no longer, and what the next plan is told about it.

Only events are made here; the log keeps the results themselves.
"""

from __future__ import annotations

import time

from wfkit.core.events import Entry, Forgotten, NotKept
from wfkit.core.promises import Store
from wfkit.core.terms import Reason


def forget(store: Store, node: str) -> int:
    """Serve the results of this node no longer; how many keys that were. Durable when it returns."""
    found, now = store.known([node]), time.time()
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
