"""The option `stream`: what a model says is shown while it grows, and counts only when it is whole."""

from __future__ import annotations

import pytest

from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import Lab, did, run
from tests.engine.test_interrupt import until
from tests.views import rows
from wfkit import Workflow, prompt
from wfkit.core.call import CallRecord
from wfkit.core.events import CallEnded
from wfkit.core.report import RunReport
from wfkit.core.terms import FailureKind
from wfkit.engine.execute import Interrupted
from wfkit.engine.running.live import Live
from wfkit.llm.fake import Fail, Hang, Script

CUT = Fail(FailureKind.TRANSIENT, "cut", after="Half of an ", latency_s=FAR_S)


def story(lab: Lab, stream: str = "on", retries: int = 1) -> None:
    """A prompt to the script."""
    workflow = lab.workflow()
    workflow.add(prompt("tell", "Tell a story.", model="fake/teller", stream=stream, retries=retries))


def said(reports: list[RunReport]) -> set[str | None]:
    return {row.saying for report in reports for row in report.nodes}


def test_shown_while_it_grows(lab: Lab, clock: Clock) -> None:
    """What is said appears in the reports of the display; when it breaks off it goes, and nothing of it is kept."""
    reports: list[RunReport] = []

    def look(report: RunReport) -> None:
        reports.append(report)
        if not clock.ahead_s and "Half of an" in said(reports):
            clock.forward()

    with Script([CUT, "Once upon a time."], name="teller"):
        story(lab)
        outcome = run(lab.made[0], progress=look)
    assert outcome["tell"] == "Once upon a time."
    assert "Half of an" in said(reports)
    assert said([outcome.report]) == {None}
    assert did(outcome) == {"tell": "run"}


def test_not_in_the_key(lab: Lab) -> None:
    """A streamed reply answers the unstreamed request and back: the option makes nothing run again."""
    with Script(["Once."], name="teller") as script:
        story(lab)
        run(lab.made[0])
        story(lab, stream="off")
        assert did(run(lab.made[1])) == {"tell": "hit"}
        outcome = run(lab.made[1], force=["tell"])
        assert outcome["tell"] == "Once."
        assert len(script.requests) == 1


def ended(workflow: Workflow) -> list[CallRecord]:
    """The calls of the newest run that have ended."""
    events = [entry.event for entry in workflow.store.entries(workflow.store.runs(1)[0].run_id)]
    return [event.call for event in events if isinstance(event, CallEnded)]


def test_interrupted_in_mid_stream(lab: Lab) -> None:
    """Ctrl-C in mid-stream breaks the stream off, gives its seat back, keeps nothing of it and says it may be billed;
    the next run asks again."""

    def stop(report: RunReport) -> None:
        if said([report]) != {None}:
            raise KeyboardInterrupt

    with Script([Hang(after="Half of an "), "Once."], name="teller") as script:
        story(lab, retries=0)
        workflow = lab.made[0]
        with pytest.raises(Interrupted):
            workflow.run(progress=stop)
        until(lambda: len(ended(workflow)) == 1, "the end of the request in the log")
        outcome = run(workflow)
        assert outcome["tell"] == "Once."
        assert len(script.requests) == 2
    pool = workflow.session.guards.pools.statistics()["fake"]
    assert (pool.in_use, pool.waiting) == (0, 0)
    failures = [call.failure for call in ended(workflow)]
    assert [failure is not None and failure.may_be_billed() for failure in failures] == [True, False]


def test_newest_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the items of a map the one that began last is shown, its end only, on one line and without secrets."""
    monkeypatch.setenv("MY_API_KEY", "canary-of-a-key-123456")
    live, report = Live(), _report("tell")
    with live.hearing("tell", 0) as first, live.hearing("tell", 1) as second:
        first.says("first")
        assert live.onto(report).nodes[0].saying == "first"
        second.says("word\n" * 1000 + "canary-of-a-key-")
        second.says("123456.")
        shown = live.onto(report).nodes[0].saying or ""
        assert len(shown) == 200
        assert shown.startswith("…")
        assert shown.endswith("word word [redacted].")
        second.begins()
        assert live.onto(report).nodes[0].saying == "first"
    assert live.onto(report) == report


def _report(name: str) -> RunReport:
    return RunReport(rows.run(), (rows.node(name),))
