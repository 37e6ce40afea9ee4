"""A map of 10,000 items, to be killed from outside: `python -m tests.story.map_child STORE RESULT_FILE`.

Every body notes its item in the file that EFFECTS names before it ends. The result file gets status and value digest.
"""

from __future__ import annotations

import sys
from pathlib import Path

from wfkit import Workflow
from wfkit.define.cell import parse_cell
from wfkit.keys.values import digest

COUNT = 10_000
BODY = """
import os
effects = os.open(os.environ["EFFECTS"], os.O_WRONLY | os.O_APPEND)
os.write(effects, b"%d\\n" % n)
os.close(effects)
n * 2
"""


def main(store: str, result: str) -> None:
    """Run to the end."""
    workflow = Workflow("crash", store=store, namespace={})
    workflow.add(parse_cell("numbers", f"list(range({COUNT}))\n", {}))
    workflow.add(parse_cell("told --each 'n in numbers'", BODY, {}))
    outcome = workflow.run("told")
    line = f"{outcome.status} {digest(list(outcome['told']))}"
    workflow.close()
    Path(result).write_text(line, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
