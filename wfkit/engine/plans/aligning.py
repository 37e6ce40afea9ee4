"""How the items of a map differ from those of the run before, by the names that its key column gives them.

The comparison is `core.scope.align`, the items of past runs are in the store.
"""

from __future__ import annotations

from collections.abc import Sequence

from wfkit.core.promises import Store
from wfkit.core.scope import Alignment, align
from wfkit.engine.plans.planning import Walk

_SHOWN = 3  # names of items in a sentence


def since_last(store: Store, walk: Walk, n: int) -> str:
    """`items since run 3f2a91c0: 12 changed (a, b, c, …), 3 new (x, y, z), 1 gone (w), 988 the same`.

    Empty for items without names, for a sample, where no run took all items before, and when all are as they were.
    """
    labels = walk.resolver.labels.get(n)
    if not labels or n in walk.resolver.samples:
        return ""
    before = store.named_items(walk.prepared.ready[n].node.name)
    if before is None:
        return ""
    run_id, then = before
    found = align(then, list(zip(labels, walk.resolver.item_keys[n], strict=True)))
    said = _said(found)
    return f"items since run {run_id[:8]}: {said}" if said else ""


def _said(found: Alignment) -> str:
    parts = [
        *_named(found.changed, "changed"),
        *_named(found.added, "new"),
        *_named(found.removed, "gone"),
        *([f"{found.moved:,} moved"] if found.moved else []),
    ]
    return ", ".join([*parts, f"{found.same:,} the same"]) if parts else ""


def _named(names: Sequence[str], what: str) -> list[str]:
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return [f"{len(names):,} {what} ({shown})"] if names else []
