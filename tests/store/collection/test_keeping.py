"""What survives: a pure function, from sizes and ages as users write them to the runs and results that go."""

from __future__ import annotations

import pytest

from wfkit.errors import UsageFault
from wfkit.store.collection.keeping import Wish, amount, decide, span
from wfkit.store.collection.survey import Facts, Made, RunFacts


def facts(*runs: RunFacts) -> Facts:
    """Each run made one result of 100 bytes under its own name, and used what `used` says."""
    found = Facts({run.run_id: run for run in runs})
    for run in runs:
        use = (run.run_id, run.run_id)
        run.used.add(use)
        found.made.append(Made(run.run_id, f"node {run.run_id}", use, f"code {run.run_id}", run.run_id, 100, 0.0))
    return found


def a_run(name: str, at: float, *used: str, **more: object) -> RunFacts:
    uses = {(each, each) for each in used}
    return RunFacts(name, started=True, unfinished=False, last_at=at, used=uses, **more)


def test_by_age() -> None:
    """Runs at or before the cutoff go; a result of theirs that a younger run used stays."""
    found = facts(a_run("a", 1.0), a_run("b", 2.0), a_run("c", 3.0, "a"))
    fate = decide(found, Wish(until=2.0, newest=0), {})
    assert fate.gone == {"a", "b"}
    assert [made.run_id for made in found.made if fate.keeps(made.run_id, made.node, made.use)] == ["a", "c"]
    assert fate.definitions >= {"code a"}


def test_no_wish_no_loss() -> None:
    """Without an age or a size nothing goes."""
    assert decide(facts(a_run("a", 1.0)), Wish(newest=0), {}).gone == frozenset()


@pytest.mark.parametrize(("most", "gone"), [(300, set()), (299, {"a"}), (150, {"a", "b"}), (0, {"a", "b", "c"})])
def test_by_size(most: float, gone: set[str]) -> None:
    """The least recently used goes first, no more than it takes."""
    found = facts(a_run("a", 1.0), a_run("b", 2.0), a_run("c", 3.0))
    assert decide(found, Wish(bytes=most, newest=0), {}).gone == gone


def test_by_size_counts_use() -> None:
    """A result is as young as the last run that used it."""
    found = facts(a_run("a", 1.0), a_run("b", 2.0), a_run("c", 3.0, "a"))
    fate = decide(found, Wish(bytes=200, newest=0), {})
    assert [made.run_id for made in found.made if not fate.keeps(made.run_id, made.node, made.use)] == ["b"]


def test_what_must_stay() -> None:
    """The newest runs, those named, and those in journals that grow stay; what goes on keeps all of its nodes."""
    busy = a_run("busy", 1.0, movable=False, nodes=("node old",))
    busy.unfinished = True
    found = facts(a_run("old", 1.0), a_run("pinned", 1.0), busy, a_run("new", 9.0))
    fate = decide(found, Wish(until=1e9, bytes=0, newest=1), {"pinned": "pinned", "elsewhere": "pinned"})
    assert fate.gone == {"old"}
    assert fate.kept == {"new": "among the newest", "pinned": "pinned", "busy": "in a live journal"}
    assert all(fate.keeps(made.run_id, made.node, made.use) for made in found.made)


def test_what_users_write() -> None:
    """Ages and sizes have units; without one, or with a wrong one, it is said what is meant."""
    assert (span("30d"), span("12h"), span("1.5m")) == (30 * 86400, 12 * 3600, 90)
    assert (amount("2GB"), amount("500 mb"), amount("0B")) == (2e9, 5e8, 0)
    for wrong in ("30", "d", "-1d", "1y"):
        with pytest.raises(UsageFault, match="like 30d"):
            span(wrong)
    for wrong in ("2", "GB", "2 GiB"):
        with pytest.raises(UsageFault, match="like 2GB"):
            amount(wrong)
