"""What is new in a definition: its parts beside those of an older one, as paths and unified diffs.

Works on stored parts alone; nothing is looked up. The texts were written when the definitions were made.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from wfkit.core.frozen import dataclass

Part = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `path` leads from the node to the helper or constant; `kind` is changed, added or removed;
    `diff` is a unified diff without its file header.
    """

    path: str
    kind: str
    diff: str


def difference(old_parts: Sequence[Part], new_parts: Sequence[Part]) -> tuple[Change, ...]:
    """All differences between two lists of (path, digest, text), changed ones first, in order of the new definition.

    A part that moved to another path with the same content is no difference by itself.
    """
    old = {path: (digest, text) for path, digest, text in old_parts}
    new = {path: (digest, text) for path, digest, text in new_parts}
    changed = [
        Change(path, "changed", _diff(old[path][1], text))
        for path, (digest, text) in new.items()
        if path in old and old[path][0] != digest
    ]
    added = [Change(path, "added", _diff("", text)) for path, (_, text) in new.items() if path not in old]
    removed = [Change(path, "removed", _diff(text, "")) for path, (_, text) in old.items() if path not in new]
    return (*changed, *added, *removed)


def _diff(old: str, new: str) -> str:
    """A unified diff; values with equal previews say so."""
    if old == new:
        return f" {new}\n (it looks the same when shortened, but its content differs)" if new else ""
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2))[2:]
    return "\n".join(line for line in lines if not line.startswith("@@"))
