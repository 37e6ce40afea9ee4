"""`python -m tests.benchmarks` is `python tests/benchmarks/run.py`; `probes` is the table of probes, `drill` the one of
failures.

Nothing else lives here.
"""

from __future__ import annotations

import sys

from tests.benchmarks import drill, probes, run

match sys.argv[1:]:
    case ["probes"]:
        sys.exit(probes.main())
    case ["drill", *words]:
        sys.exit(drill.main(words))
    case _:
        sys.exit(run.main())
