"""`python -m tests.benchmarks` is `python tests/benchmarks/run.py`.

Nothing else lives here.
"""

from __future__ import annotations

import sys

from tests.benchmarks.run import main

sys.exit(main())
