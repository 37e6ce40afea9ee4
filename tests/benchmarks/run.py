"""Measure and print: `python tests/benchmarks/run.py [case...]`, without a name all cases.

Contestants take turns, so that a busy moment of the machine hits all of them. The exit code is 1 if a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.benchmarks import one  # noqa: E402  # the path above comes first, for `python tests/benchmarks/run.py`
from tests.benchmarks.case import Case, Figures, Limit  # noqa: E402

Rows = dict[str, list[Figures]]


def measure(case: Case, contestant: str, folder: Path, environment: Mapping[str, str]) -> Figures | None:
    """One process. None, with its last words on stderr, when it failed."""
    command = [sys.executable, "-m", "tests.benchmarks.one", case.name, contestant, str(folder)]
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600, check=False
    )
    process_ms = (time.perf_counter() - start) * 1000
    if done.returncode:
        last = "\n  ".join(done.stderr.strip().splitlines()[-4:])
        sys.stderr.write(f"{case.name}, {contestant} failed:\n  {last}\n")
        return None
    figures: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return {**figures, "process_ms": process_ms}


def measure_all(case: Case, repeats: int, folder: Path) -> Rows:
    """All contestants in turns; one that fails is left out from then on."""
    rows: Rows = {name: [] for name in case.contestants}
    with case.service() as environment:
        for turn in range(-1 if case.prepared else 0, repeats):
            for number, name in enumerate(list(rows)):
                place = folder / f"{number}-{name.split()[0].strip('%')}"
                if not case.prepared:
                    shutil.rmtree(place, ignore_errors=True)
                place.mkdir(exist_ok=True)
                figures = measure(case, name, place, environment)
                if figures is None:
                    del rows[name]
                elif turn >= 0:
                    rows[name].append(figures)
    return rows


def medians(rows: Rows) -> dict[str, Figures]:
    """The median of each figure of each contestant."""
    return {name: {key: median(row[key] for row in runs) for key in runs[0]} for name, runs in rows.items() if runs}


def judge(limit: Limit, table: Mapping[str, Figures]) -> tuple[bool, str]:
    """Whether a limit is kept, and the sentence that says so."""
    if limit.ours not in table or (limit.peer is not None and limit.peer not in table):
        return False, f"{limit.ours} {limit.figure}: not measured"
    value = table[limit.ours][limit.figure]
    if limit.peer is None:
        kept = value <= limit.ratio
        return kept, f"{'kept  ' if kept else 'MISSED'} {limit.ours} {limit.figure} {value:.3g}, limit {limit.ratio:g}"
    ratio = value / table[limit.peer][limit.figure]
    kept = ratio <= limit.ratio
    verdict = "kept  " if kept else "MISSED"
    return kept, f"{verdict} {limit.ours} / {limit.peer} {limit.figure} {ratio:.3f}, limit {limit.ratio:.3f}"


def show(case: Case, rows: Rows) -> bool:
    """Print the table of a case; whether all its limits are kept."""
    table = medians(rows)
    keys = list(dict.fromkeys(key for figures in table.values() for key in figures))
    print(f"\n{case.name}: {case.title}")
    print(f"  {'':16}" + "".join(f"{key:>14}" for key in keys) + "    run_ms from..to      x ours")
    for name, figures in table.items():
        cells = "".join(f"{figures[key]:14.1f}" if key in figures else f"{'':14}" for key in keys)
        times = [row["run_ms"] for row in rows[name]]
        ours = table.get("wfkit", {}).get("run_ms")
        ratio = f"{figures['run_ms'] / ours:10.2f}" if ours else ""
        print(f"  {name:16}{cells}  {min(times):8.1f}..{max(times):<8.1f}{ratio}")
    results = [judge(limit, table) for limit in case.limits]
    for _, sentence in results:
        print(f"  {sentence}")
    return all(kept for kept, _ in results)


def main(arguments: list[str] | None = None) -> int:
    """Measure the named cases."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join(one.CASES))
    parser.add_argument("--repeats", type=int, help="turns of each contestant")
    options = parser.parse_args(arguments)
    unknown = set(options.cases) - set(one.CASES)
    if unknown:
        parser.error(f"no case is named {', '.join(sorted(unknown))}; cases are: {', '.join(one.CASES)}")
    kept = True
    for name in options.cases or one.CASES:
        case = one.find(name)
        with tempfile.TemporaryDirectory(prefix="wfkit-benchmark-") as folder:
            kept &= show(case, measure_all(case, options.repeats or case.repeats, Path(folder)))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
