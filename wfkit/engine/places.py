"""Files that results made, put back in their place when the results serve again.

What is kept of a file, and how it is written, is the store's.
"""

from __future__ import annotations

from dataclasses import field
from pathlib import Path

from wfkit.core.frozen import dataclass
from wfkit.core.plan import Looked
from wfkit.core.result import Read
from wfkit.core.terms import Reason
from wfkit.engine.values import Values
from wfkit.keys.artifacts import in_place
from wfkit.keys.reads import unchanged


@dataclass
class Places:
    """Looks at the reads of one run, and notes the files that are not where a result left them."""

    project: Path
    values: Values
    _missing: list[str] = field(default_factory=list)

    def unchanged(self, read: Read) -> bool:
        """Whether what was read is the same now. A file that was made may be missing: it can be brought back."""
        if not in_place((read,), self.project):
            self._missing.append(read.name)
        return unchanged(read, self.project)

    def bring_back(self, found: Looked) -> None:
        """Load the values of these hits if one of their files is missing or different: that writes it. A value that is
        lost is no hit.
        """
        if not self._missing:
            return
        self._missing.clear()
        for i, digest in enumerate(found.digests):
            if digest is not None and not self.values.loads(digest):
                found.digests[i], found.reasons[i] = None, Reason.VALUE_MISSING
