"""Every Reason, told by `why` and `plan` for a real workflow, with what changed and where it came from.

Each test edits one thing. A notebook that is opened again is a new workflow on the same store.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.engine.lab import Lab, run
from tests.story import processes
from wfkit import Workflow
from wfkit.errors import WfkitError
from wfkit.llm.fake import Script
from wfkit.views.why import Why


def why(workflow: Workflow, node: str, item: int | None = None) -> Why:
    """What `why` answers, after checking that the plan says the same reason."""
    told = workflow.why(node, item)
    assert isinstance(told, Why)
    plan = workflow.plan().data().set_index("node")
    assert item is not None or told.reason.replace("_", " ") in plan.loc[node, "reasons"]
    return told


def reopened(lab: Lab, cells: dict[str, str], namespace: dict[str, Any] | None = None) -> Workflow:
    """The notebook in a new session: same store, cells as given."""
    for workflow in lab.made:
        workflow.close()
    return lab.cells(cells, namespace)


def text(told: Why) -> str:
    return " ".join(told.text().split())


def test_never_run(lab: Lab) -> None:
    """A node without any result has never run."""
    told = why(lab.cells({"a": "1"}), "a")
    assert (told.reason, told.detail) == ("never_run", "it has no result yet")


def test_code_changed(lab: Lab) -> None:
    """An edited body is shown as a diff."""
    run(lab.cells({"a": "x = 1\nx + 1"}))
    told = why(reopened(lab, {"a": "x = 1\nx + 2"}), "a")
    assert (told.reason, [change.path for change in told.changes]) == ("code_changed", ["a"])
    assert "-x + 1\n+x + 2" in told.changes[0].diff


def test_code_changed_in_a_helpers_constant(lab: Lab) -> None:
    """What changed is named by the path from the node over the helper to the constant."""
    source = "LIMIT = {}\ndef clean(x):\n    return min(x, LIMIT)\n"
    old: dict[str, Any] = {}
    exec(compile(source.format(10), "<cell>", "exec"), old)
    run(lab.cells({"a": "clean(99)"}, old))
    new: dict[str, Any] = {}
    exec(compile(source.format(20), "<cell>", "exec"), new)
    told = why(reopened(lab, {"a": "clean(99)"}, new), "a")
    assert told.reason == "code_changed"
    assert [(change.path, change.diff) for change in told.changes] == [("a -> clean -> LIMIT", "-10\n+20")]


def test_code_changed_after_a_failure(lab: Lab) -> None:
    """A node that has only failed so far and was mended since has changed; it is not said never to have run."""
    run(lab.cells({"a": "1 / 0"}))
    told = why(reopened(lab, {"a": "1 / 1"}), "a")
    assert told.reason == "code_changed"
    assert "-1 / 0\n+1 / 1" in told.changes[0].diff


def test_prompt_changed(lab: Lab) -> None:
    """An edited prompt is shown as a diff."""
    with Script(["one"]):
        run(lab.cells({"told --model fake/script": "Say one."}))
    told = why(reopened(lab, {"told --model fake/script": "Say two."}), "told")
    assert told.reason == "prompt_changed"
    assert told.changes[0].diff == "-Say one.\n+Say two."


def test_settings_changed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt that asks the default model runs again when the setting names another, and the plan says so."""
    run(lab.cells({"told --model default": "Say one."}))
    monkeypatch.setenv("WFKIT_MODEL", "fake/script")
    workflow = reopened(lab, {"told --model default": "Say one."})
    told = why(workflow, "told")
    assert told.reason == "settings_changed"
    assert told.changes[0].diff == "-offline\n+fake/script"
    with Script(["one"]):
        assert run(workflow).report.nodes[0].reasons == {"settings_changed": 1}


def test_input_changed_of_an_item(lab: Lab) -> None:
    """The item that is new is named, and its value stands beside the one that was in its place."""
    cells = {"shout": "#| each: word in words\nword.upper()"}
    run(lab.cells(cells, {"words": ["a", "b", "c"]}))
    workflow = reopened(lab, cells, {"words": ["a", "q", "c"]})
    told = why(workflow, "shout")
    assert (told.reason, dict(told.reasons)) == ("input_changed", {"cached": 2, "input_changed": 1})
    assert "(item 1)" in told.detail
    item = why(workflow, "shout", 1)
    assert [change.diff for change in item.changes] == ["-b\n+q"]
    assert re.fullmatch(r"changed from \w{8} to \w{8}", item.changes[0].kind)
    assert why(workflow, "shout", 0).reason == "cached"


def test_input_changed_upstream(lab: Lab) -> None:
    """A value that another node made differs: both previews and digests are shown."""
    run(lab.cells({"a": "[1, 2, 3]", "b": "sum(a)"}))
    workflow = reopened(lab, {"a": "[1, 5, 3]", "b": "sum(a)"})
    run(workflow, "a")
    told = why(workflow, "b")
    assert told.reason == "input_changed"
    assert [change.path for change in told.changes] == ["b -> input a"]
    assert "-2\n+5" in told.changes[0].diff


def test_file_changed(lab: Lab) -> None:
    """The file is named, with its digest then and now."""
    (lab.root / "data.txt").write_text("one")
    cells = {"a": f"import pathlib\npathlib.Path({str(lab.root / 'data.txt')!r}).read_text()"}
    run(lab.cells(cells))
    (lab.root / "data.txt").write_text("two")
    told = why(reopened(lab, cells), "a")
    assert told.reason == "file_changed"
    assert re.search(r"the file 'data.txt' was \w{8} for run \w{8}, .* and is \w{8} now", told.detail)


def test_environment_changed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named; its value is nowhere."""
    monkeypatch.setenv("CITY", "canary-one")
    cells = {"a": "import wfkit\nlen(wfkit.env('CITY'))"}
    run(lab.cells(cells))
    monkeypatch.setenv("CITY", "canary-two-two")
    told = why(reopened(lab, cells), "a")
    assert told.reason == "environment_changed"
    assert "'CITY'" in told.detail
    assert "canary" not in told.text()


def test_expired(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that is too old says how old it may be."""
    cells = {"a --cache 1h": "1"}
    run(lab.cells(cells))
    workflow = reopened(lab, cells)
    later(monkeypatch, 7200)
    told = why(workflow, "a")
    assert told.reason == "expired"
    assert "2 h ago) is older than 3600 s" in told.detail


def test_expired_is_known_to_a_shell(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the nodes at hand the option cache still counts."""
    run(lab.cells({"a --cache 1h": "1"}))
    workflow = reopened(lab, {})
    later(monkeypatch, 7200)
    assert why(workflow, "a").reason == "expired"


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set the clock that plans read forward."""
    import time

    real = time.time
    for module in ("wfkit.engine.plans.planning", "wfkit.engine.plans.recalled", "wfkit.engine.plans.telling"):
        monkeypatch.setattr(f"{module}.time.time", lambda: real() + seconds)
        break


def test_forced(lab: Lab) -> None:
    """The plan of a forced run says so; what was made in it tells that it ran because it was forced."""
    workflow = lab.cells({"a": "1"})
    run(workflow)
    assert "forced" in workflow.plan(force=True).text()
    run(workflow, force=True)
    assert why(workflow, "a").made_because == "forced"


@pytest.mark.parametrize("known", [True, False], ids=["notebook", "shell"])
def test_failed_before(lab: Lab, known: bool) -> None:
    """A node that failed and was not edited says so, with run and error."""
    cells = {"a": "raise ValueError('no such luck')", "b": "a"}
    outcome = run(lab.cells(cells))
    told = why(reopened(lab, cells if known else {}), "a")
    assert told.reason == "failed_before"
    assert f"it failed in run {outcome.run_id[:8]}" in told.detail
    assert "ValueError: no such luck" in told.detail


def test_failed_before_of_an_item(lab: Lab) -> None:
    """A failed item says that it failed, its neighbours that they are cached."""
    cells = {"inverse": "#| each: n in numbers\n1 / n"}
    run(lab.cells(cells, {"numbers": [1, 2, 0, 4]}))
    workflow = reopened(lab, cells, {"numbers": [1, 2, 0, 4]})
    assert why(workflow, "inverse", 2).reason == "failed_before"
    assert why(workflow, "inverse", 3).reason == "cached"
    assert "ZeroDivisionError" in text(why(workflow, "inverse"))


def test_value_missing(lab: Lab) -> None:
    """A value that is gone from the store is made again, and the next plan says why."""
    cells = {"a": "list(range(100_000))", "b --cache off": "len(a)"}
    run(lab.cells(cells))
    objects = [path for path in (lab.store / "objects").rglob("*") if path.is_file()]
    assert objects
    for path in objects:
        path.unlink()
    workflow = reopened(lab, cells)
    workflow.run()
    told = why(workflow, "a")
    assert told.reason == "value_missing"
    assert "missing or damaged" in told.detail


def test_value_missing_on_request(lab: Lab) -> None:
    """What was forgotten says that it was."""
    workflow = lab.cells({"a": "1"})
    run(workflow)
    workflow.forget("a")
    assert "forgotten on request" in why(workflow, "a").detail


@pytest.mark.filterwarnings("ignore")
def test_uncacheable_by_a_changed_input(lab: Lab) -> None:
    """A node that changed its input in place is not cached; the plan says so and names the input."""
    cells = {"a": "[1]", "b": "a.append(2)\nlen(a)"}
    run(lab.cells(cells))
    told = why(reopened(lab, cells), "b")
    assert told.reason == "uncacheable"
    assert "changed its input 'a' in place" in told.detail


def test_uncacheable_by_option(lab: Lab) -> None:
    """With cache off a node is uncacheable, not new; also for a shell."""
    cells = {"a --cache off": "1"}
    run(lab.cells(cells))
    for told in (why(reopened(lab, cells), "a"), why(reopened(lab, {}), "a")):
        assert (told.reason, told.detail.partition(";")[0]) == (
            "uncacheable",
            "its results are not cached (option cache: off)",
        )


def test_awaits(lab: Lab) -> None:
    """A node below one that must run cannot be known yet; what it waits for is named."""
    told = why(lab.cells({"a": "1", "b": "a + 1"}), "b")
    assert told.reason == "awaits"
    assert "the result of a first" in told.detail


@pytest.mark.parametrize("known", [True, False], ids=["notebook", "shell"])
def test_upstream_failed(lab: Lab, known: bool) -> None:
    """A node below one that failed waits for that one, by name."""
    cells = {"a": "1 / 0", "b": "a + 1", "c": "b + 1"}
    run(lab.cells(cells))
    workflow = reopened(lab, cells if known else {})
    for node in ("b", "c"):
        told = why(workflow, node)
        assert told.reason == "upstream_failed"
    assert "'a'" in why(workflow, "b").detail


def test_cached(lab: Lab) -> None:
    """A cached node tells which run made its value, when, and why it ran there, with the change of that time."""
    run(lab.cells({"a": "1"}))
    made = run(reopened(lab, {"a": "2"}))
    run(reopened(lab, {"a": "2"}))
    told = why(lab.made[-1], "a")
    assert (told.reason, told.from_run, told.made_because) == ("cached", made.run_id, "code_changed")
    assert [change.diff for change in told.changes] == ["-1\n+2"]
    assert re.search(rf"made by run {made.run_id[:8]} at \d{{4}}-\d\d-\d\d \d\d:\d\d, where it ran", text(told))


def test_kept_old_code(lab: Lab) -> None:
    """A plan that keeps results of older code says so and counts them as there; without it they have changed."""
    namespace = {"words": ["a", "b"]}
    run(lab.cells({"shout": "#| each: word in words\nword.upper()"}, dict(namespace)))
    workflow = reopened(lab, {"shout": "#| each: word in words\nword.upper() + '!'"}, dict(namespace))
    kept = workflow.plan(keep=True).data().set_index("node")
    assert (kept.loc["shout", "to_run"], kept.loc["shout", "cached"]) == (0, 2)
    assert kept.loc["shout", "reasons"] == "kept old code"
    assert "kept old code" in workflow.plan(keep=True).text()
    assert why(workflow, "shout").reason == "code_changed"
    outcome = workflow.run(keep=True)
    assert outcome.report.nodes[-1].reasons == {"kept_old_code": 2}


def test_a_store_of_another_process(tmp_path: Path) -> None:
    """What one process did, another tells: a failure, a value that was not kept, and a hit."""
    script = """
        from wfkit import Workflow
        wf = Workflow("w", store=".wfkit")
        @wf.node
        def good(): return 1
        @wf.node
        def bad(good): raise ValueError("no such luck")
        @wf.node
        def odd(good): return (x for x in [good])
        print(1 if str(wf.run().status) == "failed" else 0)
        wf.close()
    """
    assert processes.finish(processes.start(tmp_path, script)) == [1]
    said = {node: processes.shell(tmp_path, "why", node).stdout for node in ("good", "bad", "odd")}
    assert "does not run: cached" in said["good"]
    assert "failed before" in said["bad"]
    assert "no such luck" in said["bad"]
    assert "uncacheable" in said["odd"]


def test_unknown_items(lab: Lab) -> None:
    """An item that there is not is an error that says which there are."""
    workflow = lab.cells({"shout": "#| each: word in words\nword.upper()"}, {"words": ["a"]})
    with pytest.raises(WfkitError, match="has items 0 to 0, not 3"):
        workflow.why("shout", 3)
