"""Promises of a run's display: one output that is updated, and beside it, never saved, what `wfkit run` prints.

A publisher that keeps what it is given stands in for the kernel's; the real one is in test_magics.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from wfkit.core.report import NodeRow, RunReport, RunRow
from wfkit.core.terms import RunState, TaskState
from wfkit.notebook.display import RunDisplay


class Front:
    """What a front end would get."""

    def __init__(self) -> None:
        self.messages: list[tuple[dict[str, str], dict[str, Any], bool]] = []

    def publish(self, data: Any, metadata: Any, *, transient: Any, update: bool) -> None:
        self.messages.append((data, transient, update))


def report(status: RunState, **states: TaskState) -> RunReport:
    """A run with one task a node."""
    nodes = tuple(NodeRow(name, "python", (), False, {state: 1}) for name, state in states.items())
    run = RunRow("r" * 32, "w", status, 0.0, None, dict.fromkeys(states.values(), 1))
    return RunReport(run, nodes)


def live() -> tuple[RunDisplay, Front]:
    front = Front()
    return RunDisplay(SimpleNamespace(display_pub=front, kernel=object())), front


def test_one_output_is_updated() -> None:
    """The first message makes the display, all others change it; only HTML and text are in it."""
    display, front = live()
    display(report(RunState.RUNNING, a=TaskState.RUNNING))
    display(report(RunState.RUNNING, a=TaskState.SUCCESS))
    display.final(report(RunState.SUCCESS, a=TaskState.SUCCESS))
    assert [update for _, _, update in front.messages] == [False, True, True]
    assert len({transient["display_id"] for _, transient, _ in front.messages}) == 1
    assert all(set(data) == {"text/html", "text/plain"} for data, _, _ in front.messages)


def test_what_models_say_is_gone_at_the_end() -> None:
    """While a model answers its text is shown; the last state, which a saved notebook keeps, has nothing of it."""
    display, front = live()
    running = report(RunState.RUNNING, a=TaskState.RUNNING)
    display(replace(running, nodes=(replace(running.nodes[0], saying="Once <b>upon"),)))
    display.final(report(RunState.SUCCESS, a=TaskState.SUCCESS))
    first, last = (data for data, _, _ in front.messages)
    assert "Once <b>upon" in first["text/plain"]
    assert "Once &lt;b&gt;upon" in first["text/html"]
    assert not any("upon" in text for text in last.values())
    assert not any("upon" in str(transient) for _, transient, _ in front.messages)


def test_a_node_is_told_once_when_it_ends() -> None:
    """What a runner prints travels in the transient part: each node's last line, once."""
    display, front = live()
    display(report(RunState.RUNNING, a=TaskState.SUCCESS, b=TaskState.RUNNING))
    display(report(RunState.RUNNING, a=TaskState.SUCCESS, b=TaskState.RUNNING))
    display.final(report(RunState.FAILED, a=TaskState.SUCCESS, b=TaskState.FAILED))
    done = [transient["wfkit"]["done"] for _, transient, _ in front.messages]
    assert [list(lines) for lines in done] == [["a"], [], ["b"]]
    assert done[0]["a"].startswith("✓ a")


def test_an_interrupted_run_does_not_look_alive() -> None:
    """What was at work is shown as cancelled, what was done stays done."""
    display, front = live()
    display.final(report(RunState.INTERRUPTED, a=TaskState.SUCCESS, b=TaskState.RUNNING, c=TaskState.PENDING))
    text = front.messages[-1][0]["text/plain"]
    assert "interrupted" in text
    assert [line[0] for line in text.splitlines()[:3]] == ["✓", "-", "o"]


def test_a_terminal_gets_the_last_state_only() -> None:
    """Where printed text cannot be changed, nothing is printed before the end."""
    front = Front()
    display = RunDisplay(SimpleNamespace(display_pub=front))
    display(report(RunState.RUNNING, a=TaskState.RUNNING))
    display.final(report(RunState.SUCCESS, a=TaskState.SUCCESS))
    assert [(transient, update) for _, transient, update in front.messages] == [({}, False)]
