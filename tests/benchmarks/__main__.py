"""`python -m tests.benchmarks` is `python tests/benchmarks/run.py`; with `probes`, the table of probes.

Nothing else lives here.
"""

from __future__ import annotations

import sys

from tests.benchmarks import probes, run

sys.exit(probes.main() if sys.argv[1:] == ["probes"] else run.main())
