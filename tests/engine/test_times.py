"""How long nodes took: from their first start to their last end, and the work of their tasks, the same everywhere."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import Lab, run
from tests.store.database.stories import Story, random_run
from wfkit.core import events as e
from wfkit.core.call import Request
from wfkit.core.events import NodeSpec
from wfkit.core.terms import NodeKind
from wfkit.engine.snapshot import snapshot
from wfkit.llm import client
from wfkit.llm.fake import Say, Script
from wfkit.llm.patience import standing_still
from wfkit.store.memory import MemoryStore
from wfkit.views.dag import Dag
from wfkit.views.progress import Progress

ITEMS, LOADS_S = 20, 0.2


def test_a_map_at_once(lab: Lab, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items that work at the same time count once as time and each as work: live, stored, in SQL and in data."""
    stopwatch = time.perf_counter
    monkeypatch.setattr(time, "perf_counter", lambda: stopwatch() + clock.ahead_s)

    def slow(_: Request) -> Say:
        if len(script.requests) == ITEMS:
            asyncio.get_running_loop().call_soon(clock.forward)  # all are under way
        return Say("yes", latency_s=FAR_S)

    cells = {"ns": f"list(range({ITEMS}))", "said --model fake/slow --each 'n in ns'": "Go {{ n }}"}
    workflow = lab.cells(cells)
    workflow.config("concurrency", ITEMS)
    with Script([slow] * ITEMS, name="slow") as script:
        outcome = run(workflow)
    live = {row.name: row for row in outcome.report.nodes}["said"]
    report = workflow.store.report(outcome.run_id)
    assert report is not None
    kept = {row.name: row for row in report.nodes}["said"]
    assert live.run_s is not None
    assert live.work_s is not None
    assert live.work_s >= ITEMS * FAR_S * 0.9 > live.run_s
    assert (kept.run_s, kept.work_s) == pytest.approx((live.run_s, live.work_s), abs=1e-4)
    (told,) = workflow.sql("SELECT run_s, work_s FROM node_times WHERE node = 'said'").itertuples(index=False)
    frames = (outcome.frame(), Dag(report).data(), Progress(report).data())
    found = [frame.iloc[-1][["run_s", "work_s"]].tolist() for frame in frames]
    assert [list(told), *found] == [pytest.approx([live.run_s, live.work_s], abs=1e-4)] * 4


def test_loading_a_library_is_no_work(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first prompt of a process waits for litellm is in the times of the run, but not in what its result took:
    from that the next run is foretold."""

    async def load(request: Request, transport: str = "auto") -> None:
        with standing_still():
            await asyncio.sleep(LOADS_S)

    monkeypatch.setattr(client, "ready", load)
    with Script([Say("yes")], name="slow"):
        run(lab.cells({"said --model fake/slow": "Go"}))
    report = lab.made[0].store.report()
    (took,) = lab.made[0].sql("SELECT run_s FROM results WHERE node = 'said'")["run_s"]
    assert report is not None
    (attempt,) = report.attempts
    assert attempt.ended_at is not None
    assert attempt.ended_at - attempt.started_at - took >= 0.9 * LOADS_S


@pytest.mark.parametrize("seed", range(30))
def test_live_and_stored_are_the_same(seed: int) -> None:
    """Whatever happened, a node has the same times in the live run and in the store."""
    told(random_run(seed))


def test_a_pause_is_not_work() -> None:
    """What passed between a crash and the next start is no time of the node that went on; one that had ended keeps
    its own."""
    story = Story((NodeSpec("before", NodeKind.PYTHON), NodeSpec("during", NodeKind.PYTHON, (0,))))
    begin = story.start
    story.resolve(0)
    story.tell(e.Dispatched((0,), 1, begin + 1))
    story.tell(e.Succeeded(0, 1, story.result(0, "1"), begin + 2))
    story.resolve(1)
    story.tell(e.Dispatched((1,), 1, begin + 3))
    story.epoch = 2
    story.tell(e.Adopted(2, begin + 104, "j2", 100.0))
    story.tell(e.Dispatched((1,), 2, begin + 105))
    story.tell(e.Succeeded(1, 2, story.result(1, "2"), begin + 107))
    assert told(story) == [("before", 1.0, 0.25), ("during", 4.0, 0.25)]


def told(story: Story) -> list[tuple[str, float | None, float | None]]:
    """Name, time and work of each node that worked, in the live run; the store says the same."""
    store = MemoryStore()
    store.append(story.entries)
    report = store.report(story.run_id)
    store.close()
    assert report is not None
    kept, live = ([row for row in each.nodes if row.started_at is not None] for each in (report, snapshot(story.run)))
    found = [[(row.name, row.run_s, row.work_s) for row in rows] for rows in (kept, live)]
    assert [each[0] for each in found[0]] == [each[0] for each in found[1]]
    for stored, lived in zip(*found, strict=True):
        assert stored[1:] == pytest.approx(lived[1:], abs=1e-4), stored[0]
    return [(row.name, row.run_s and round(row.run_s, 4), row.work_s) for row in live]
