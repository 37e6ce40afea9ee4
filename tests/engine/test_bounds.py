"""Promises of `max_parallel` and `batch_size` on real threads and real requests. How `decide` obeys them is proven by
simulation in tests/core."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import PATIENCE_S, Lab, run
from wfkit.core.events import Dispatched
from wfkit.core.report import RunReport
from wfkit.define.prompt import prompt_node
from wfkit.errors import OptionError
from wfkit.llm.provider import Behaviour, Phase, Provider, Uniform


@dataclass
class Gauge:
    """Counts who is inside, and lets them go two at a time: without a second one they would wait for ever."""

    inside: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    pair: threading.Barrier = field(default_factory=lambda: threading.Barrier(2))

    def visit(self) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.pair.wait(PATIENCE_S)
        with self.lock:
            self.inside -= 1


def test_threads_keep_to_max_parallel(lab: Lab) -> None:
    """Two items of a map are at work at once where two may be, and never a third, however many threads there are."""
    gauge = Gauge()
    cells = {"told --each 'n in numbers' --max-parallel 2 --batch-size 1 --ignore gauge": "gauge.visit()\nn"}
    workflow = lab.cells(cells, {"gauge": gauge, "numbers": list(range(20))})
    workflow.config("threads", 6)
    assert run(workflow)["told"] == list(range(20))
    assert gauge.most == 2


@pytest.mark.parametrize(("size", "slices"), [(1, [1] * 10), (4, [4, 4, 2]), (100, [10])])
def test_a_batch_is_an_attempt(lab: Lab, size: int, slices: list[int]) -> None:
    """`batch_size` says how many items an attempt of a Python node takes."""
    cells = {f"told --each 'n in numbers' --batch-size {size}": "n"}
    workflow = lab.cells(cells, {"numbers": list(range(10))})
    outcome = run(workflow)
    events = [entry.event for entry in workflow.store.entries(outcome.run_id)]
    assert [len(event.tasks) for event in events if isinstance(event, Dispatched)][1:] == slices


def test_neither_is_part_of_the_key(lab: Lab) -> None:
    """Other bounds are no reason to run again."""
    for bounds in ("", "--max-parallel 1 --batch-size 3"):
        outcome = run(lab.cells({f"told --each 'n in numbers' {bounds}": "n"}, {"numbers": [1, 2, 3]}))
    assert outcome.report.run.tasks == {"cached": 3}


@pytest.mark.parametrize("bound", ["max_parallel", "batch_size"])
def test_requests_keep_to_their_bound(lab: Lab, clock: Clock, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    """Of a prompt at most so many requests are in flight, whichever of the two options says it. The first three are
    answered when three have come, and a moment has passed for one too many."""
    later = Phase(0, None, latency=Uniform(0.02, 0.02), after_requests=3)
    workflow = lab.workflow()
    workflow.config("concurrency", 8)
    workflow.config("timeout_s", 10_000 * FAR_S)
    options = {bound: 3}
    workflow.add(prompt_node("told", "Say {{ n }}", model="openai/gpt-4o-mini", each="n in numbers", **options))

    def pass_by(_: RunReport) -> None:
        if provider.most_in_flight >= 3 and not provider.effects():
            provider.idle.wait(0.3)
            clock.forward()

    with Provider(Behaviour(latency_s=FAR_S, phases=(later,))) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        assert len(run(workflow, inputs={"numbers": list(range(30))}, progress=pass_by)["told"]) == 30
        assert provider.most_in_flight == 3


@pytest.mark.parametrize("option", ["--max-parallel 2", "--batch-size 2", "--key id", "--limit 2"])
def test_a_node_that_runs_once_has_no_bounds(lab: Lab, option: str) -> None:
    """An option of maps on another node is an error that names it and says what to add."""
    with pytest.raises(OptionError, match=r"is for maps.*each: item in NODE"):
        lab.cells({f"told {option}": "1"})
