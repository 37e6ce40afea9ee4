"""`python -m tests.benchmarks probes`: edit something, run again in a new process on the same store; who is stale?

Prints the probes that peers can be given too, all of them run here, and then every probe of wfkit with its rule.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.probed import PEERS, write
from tests.story.probes.catalogue import PROBES, TOPICS
from tests.story.probes.lab import ROOT, Story, put, tell
from tests.story.probes.probe import Must, Probe

CLASSIC = {
    "nothing at all": "identical rerun",
    "own code": "own code edited",
    "comment in the node": "only a comment edited",
    "helper": "helper beside it edited",
    "constant": "global constant edited",
    "function of a module": "helper in a project module edited",
    "default of the node": "default argument edited",
    "open": "content of a file edited",
}
FURTHER = (
    "helper of a helper", "lambda", "closure with another cell", "function below functools.wraps", "lru_cache",
    "partial, positional", "default", "method", "inherited method", "class attribute set later", "model validator",
    "deep in a container", "changed in place", "frame", "star import", "import in the body", "version of a package",
    "listing", "docstring", "order of definitions", "unrelated function",
)  # fmt: skip


def main() -> int:
    """Run and print all; 1 if a probe of wfkit did not pass."""
    with tempfile.TemporaryDirectory(prefix="wfkit-probes-") as folder:
        stories = tell(PROBES, Path(folder))
        peers = [peer for peer in PEERS if find_spec(peer) is not None]
        columns = {peer: _verdicts(peer, Path(folder) / peer) for peer in peers}
    columns = {"wfkit": _ours(stories), **columns}
    print(f"{'edit, then a new process on the same store':44}" + "".join(f"{name:>10}" for name in columns))
    for names in (tuple(CLASSIC), FURTHER):
        for name in names:
            print(f"{CLASSIC.get(name, name):44}" + "".join(f"{column[name]:>10}" for column in columns.values()))
        passed = [sum(column[name] == "pass" for name in names) for column in columns.values()]
        print(f"{f'passed, of {len(names)}':44}" + "".join(f"{count:>10}" for count in passed) + "\n")
    return _print_all(stories)


def _ours(stories: Sequence[Story]) -> dict[str, str]:
    """One verdict a probe, over all its forms."""
    found: dict[str, str] = {}
    for story in stories:
        verdict = story.verdict()
        found[story.probe.name] = verdict if verdict != "pass" else found.get(story.probe.name, "pass")
    return found


def _verdicts(peer: str, project: Path) -> dict[str, str]:
    probes = [probe for probe in PROBES if probe.name in {*CLASSIC, *FURTHER}]
    project.mkdir()
    _, before = _stage(peer, project, probes, edited=False)
    wanted, after = _stage(peer, project, probes, edited=True)
    return {
        probe.name: _verdict(probe, one[0], *two, truth)
        for probe, one, two, truth in zip(probes, before, after, wanted, strict=True)
    }


def _verdict(probe: Probe, first: str, status: str, value: str, truth: str) -> str:
    if first != "run" or status.startswith("failed"):
        return "fails"
    if value != truth:
        return "stale"
    return "reruns" if probe.must is Must.HIT and status == "run" else "pass"


def _stage(peer: str, project: Path, probes: Sequence[Probe], edited: bool) -> tuple[list[str], list[list[str]]]:
    """Write the probes, run them in one process of the peer: the true values, and (status, value) of each."""
    truths = []
    for number, probe in enumerate(probes):
        folder = project / f"probe_{number}"
        folder.mkdir(exist_ok=True)
        texts = probe.texts(edited)
        write(folder, str(texts.pop("<cells>")), str(texts.pop("<body>")))
        for path, text in texts.items():
            put(folder / path, text)
        truths.append(f"probe_{number}")
    return [value for _, value in _process("plain", project, truths)], _process(peer, project, truths)


def _process(peer: str, project: Path, folders: Sequence[str]) -> list[list[str]]:
    command = [sys.executable, "-m", "tests.benchmarks.probed", peer]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        cwd=project,
        env=environment,
        input=json.dumps(folders),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{peer}: {done.stderr[-2000:]}")
    found: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _print_all(stories: Sequence[Story]) -> int:
    verdicts = _ours(stories)
    for topic, probes in TOPICS.items():
        print(f"{topic}: must run, must be a hit, or runs needlessly")
        for probe in probes:
            print(f"  {verdicts[probe.name]:8} {probe.must:9} {probe.name}: {probe.rule}")
    kinds = Counter(str(probe.must) for probe in PROBES)
    failed = sum(verdict != "pass" for verdict in verdicts.values())
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    print(f"\n{len(PROBES)} probes ({listed}) in {len(stories)} forms; {failed} did not pass")
    return 1 if failed else 0
