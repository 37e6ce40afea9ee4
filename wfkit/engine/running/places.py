"""Files that results made, put back in their place when the results serve again.

A file is put back where there is none, or where there is one that some result made: that one can be had again. What is
nobody's result is the user's, and stays: the node runs again. What is kept of a file, and how it is written, is the
store's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from wfkit.core.events import Resolved
from wfkit.core.found import Found
from wfkit.core.frozen import dataclass
from wfkit.core.result import Read
from wfkit.core.terms import Reason
from wfkit.engine.preparing.values import Values
from wfkit.keys.artifacts import MADE, in_place
from wfkit.keys.content.files import artifact_digest
from wfkit.keys.places import absolute
from wfkit.keys.reads import unchanged
from wfkit.store.payloads.artifacts import replacing


@dataclass
class Places:
    """Looks at the reads of one run, and notes the files that are not where a result left them."""

    project: Path
    values: Values
    found: Found
    settings: Mapping[str, str]
    _missing: list[str] = field(default_factory=list)
    _replaceable: set[str] = field(default_factory=set)
    _made: frozenset[tuple[str, str]] | None = None

    def unchanged(self, read: Read) -> bool:
        """Whether what was read is the same now. A file that was made may be missing, or an older one of wfkit's: it
        can be brought back. With a file of somebody else in its place it cannot.
        """
        if not in_place((read,), self.project):
            path = Path(absolute(read.name, self.project))
            if self._is_made(read.name, artifact_digest(str(path), self.project)):
                self._replaceable.add(read.name)
            elif path.is_file():
                return False
            self._missing.append(read.name)
        return unchanged(read, self.project, self.settings)

    def _is_made(self, name: str, digest: str) -> bool:
        """Whether a result made a file or folder with this content in this place."""
        if self._made is None:
            self._made = frozenset((read.name, read.digest) for read in self.found.reads() if read.kind == MADE)
        return bool(digest) and (name, digest) in self._made

    def brought_back(self, resolved: Resolved) -> Resolved:
        """Load the values of these hits if one of their files is missing or different: that writes it. A value that is
        lost, or whose file may not be written, is no hit.
        """
        if not self._missing:
            return resolved
        values, reasons = list(resolved.values), list(resolved.reasons)
        with replacing(frozenset(self._replaceable)):
            for i, digest in enumerate(values):
                if digest is not None and not self.values.loads(digest):
                    values[i], reasons[i] = None, Reason.VALUE_MISSING
        self._missing.clear()
        self._replaceable.clear()
        return replace(resolved, values=tuple(values), reasons=tuple(reasons))
