"""One measurement, in a process of its own: `python -m tests.benchmarks.one CASE CONTESTANT FOLDER`.

Prints the figures as JSON on its last line. Only the module of the asked case is imported.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from tests.benchmarks.case import Case

CASES = {
    "start": "starting",
    "chain": "cold",
    "wide": "cold",
    "long": "cold",
    "again": "again",
    "rerun": "again",
    "map": "maps",
    "map-again": "maps",
    "map-changed": "maps",
    "map-full": "maps",
    "map-full-again": "maps",
    "calls": "calls",
    "transport": "calls",
    "streams": "streams",
    "layers": "layers",
    "digests": "digests",
    "plan": "plans",
    "plan-shell": "plans",
}


def find(name: str) -> Case:
    """A case by name."""
    cases: list[Case] = import_module(f"tests.benchmarks.{CASES[name]}").CASES
    return next(case for case in cases if case.name == name)


if __name__ == "__main__":
    case, contestant, folder = sys.argv[1:]
    print(json.dumps(find(case).contestants[contestant](Path(folder))))
