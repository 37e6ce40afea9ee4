"""Files that results made, put back in their place when the results serve again.

What is kept of a file, and how it is written, is the store's.
"""

from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path

from wfkit.core.events import Resolved
from wfkit.core.frozen import dataclass
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

    def brought_back(self, resolved: Resolved) -> Resolved:
        """Load the values of these hits if one of their files is missing or different: that writes it. A value that is
        lost is no hit.
        """
        if not self._missing:
            return resolved
        self._missing.clear()
        values, reasons = list(resolved.values), list(resolved.reasons)
        for i, digest in enumerate(values):
            if digest is not None and not self.values.loads(digest):
                values[i], reasons[i] = None, Reason.VALUE_MISSING
        return replace(resolved, values=tuple(values), reasons=tuple(reasons))
