"""Equal items of a map whose prompt has tools: one acts, the others share what came of it."""

from __future__ import annotations

from tests.engine.lab import Lab, run
from wfkit import prompt
from wfkit.core.call import Request
from wfkit.llm.fake import Fail, Script, Use


def test_equal_items_act_once(lab: Lab) -> None:
    """Equal items share one conversation, whether they run side by side or one after the other: tools act once."""
    seen: list[int] = []

    def book(seat: int) -> str:
        seen.append(seat)
        return "booked"

    items = ["a", "b", "a", "a"] * 30
    workflow = lab.workflow({})
    options = {"model": "fake/script", "retries": 0, "each": "item in items", "ignore": "seen", "max_parallel": 3}
    workflow.add(prompt("told", "{{ item }}", tools=[book], **options))
    rule = {"a": Use("book", {"seat": 1}), "b": Use("book", {"seat": 2}), "booked": "done"}
    with Script(rules={"booked": rule.pop("booked"), **rule}) as script:
        outcome = run(workflow, "told", inputs={"items": items})
    assert list(outcome["told"]) == ["done"] * 120
    assert sorted(seen) == [1, 2]
    assert len(script.requests) == 4
    assert outcome.report.run.spent.calls == 4


def test_a_failure_is_not_shared(lab: Lab) -> None:
    """An item whose twin has failed asks for itself."""

    def book(seat: int) -> int:
        return seat

    asked: list[Request] = []

    def said(request: Request) -> str | Fail | Use:
        asked.append(request)
        return (
            Fail(status=500) if len(asked) == 1 else "done" if len(request.messages) > 1 else Use("book", {"seat": 1})
        )

    workflow = lab.workflow({})
    options = {"model": "fake/script", "retries": 0, "each": "item in items", "on_error": "keep"}
    workflow.add(prompt("told", "{{ item }}", tools=[book], **options))
    with Script([said] * 9):
        outcome = run(workflow, "told", inputs={"items": ["a", "a"]})
    assert sorted(str(value) == "done" for value in outcome["told"]) == [False, True]
