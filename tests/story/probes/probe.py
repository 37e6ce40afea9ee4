"""What a probe is: a small notebook, one edit of it, and what that edit must lead to.

Data only. Processes are started by `lab`, and the probes themselves stand in files by topic.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# Forms of a node: `cell` is `%%wf_node`, `function` is `@node` in a cell of the notebook, `module` is `@node` in a file
# beside it, `prompt` a `%%wf_node` with a model.


class Must(StrEnum):
    """What must happen after the edit.

    RUN: the answer is another one, so the node must run. HIT: it is not, and the node must not run. NEEDLESS: it is
    not, but the node runs, for a reason that the probe's rule tells. UNCACHED: a run each time, because what the node
    depends on cannot be known.
    """

    RUN = "run"
    HIT = "hit"
    NEEDLESS = "needless"
    UNCACHED = "uncached"


@dataclass(frozen=True)
class Probe:
    """`cells` is what the notebook holds beside the node, `body` the node, whose last line is its value; `files` lie
    beside the notebook. `edits` are (old, new) texts, of which each `old` stands once in all of that; `later` are
    files that are written with the edit (None: removed, "touch": written again as they are).

    The form `prompt` has no value to compare: the first line of its body is the rest of the magic line.
    """

    name: str
    rule: str
    must: Must
    cells: str = ""
    body: str = ""
    edits: tuple[tuple[str, str], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    later: Mapping[str, str | None] = field(default_factory=dict)
    forms: tuple[str, ...] = ()

    def texts(self, edited: bool) -> dict[str, str | None]:
        """All texts by name, `<cells>` and `<body>` among the files, before or after the edit."""
        found: dict[str, str | None] = {"<cells>": self.cells, "<body>": self.body, **self.files}
        for old, new in self.edits if edited else ():
            places = [name for name, text in found.items() if text is not None and text.count(old) == 1]
            assert len(places) == 1, f"{self.name}: {old!r} stands in {places}"
            found[places[0]] = str(found[places[0]]).replace(old, new)
        return {**found, **self.later} if edited else found


def probe(must: Must, name: str, rule: str, cells: str, body: str, *edits: tuple[str, str], **more: object) -> Probe:
    """A probe whose texts may share an indentation; as a cell and as one of the two kinds of functions, by turns."""
    more.setdefault("forms", ("cell", ("function", "module")[len(name) % 2]))
    files = {path: _plain(text) for path, text in more.pop("files", {}).items()}
    return Probe(name, rule, must, _plain(cells), _plain(body), edits, files, **more)


def _plain(text: str) -> str:
    return textwrap.dedent(text).strip("\n") + "\n" if text else ""
