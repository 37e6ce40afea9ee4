"""Promises of the magics in a real kernel: define, run, edit, rerun; short errors that fail the cell; quick interrupts.

One kernel for the file; each test uses nodes of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook.kernel import Kernel, kernel


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with tempfile.TemporaryDirectory(prefix="wfk") as scratch, kernel(tmp_path_factory.mktemp("k"), Path(scratch)) as k:
        assert k.run("%load_ext wfkit").error is None
        yield k


def test_a_node_is_defined_and_not_executed(lab: Kernel) -> None:
    """Defining says one line and runs nothing."""
    ran = lab.run("%%wf_node d1\nopen('executed', 'w').close()\n1")
    assert (ran.stdout, ran.error) == ("d1 · python\n", None)
    assert lab.run("import os; os.path.exists('executed')").text == "False"
    assert lab.run("%%wf_node d2 --model offline\n#| each: x in d1\nSay {{ x }}").stdout == (
        "d2 · prompt (offline) · each x in d1\n"
    )


def test_edit_and_rerun(lab: Kernel) -> None:
    """Values of targets are bound; after an edit only what depends on it runs."""
    lab.run("%%wf_node e1\n[1, 2, 3]")
    lab.run("%%wf_node e2\n#| each: x in e1\nx * 2")
    lab.run("%%wf_node e3\nsum(e2)")
    first = lab.run("%wf run e3")
    assert first.error is None
    assert "success: 3/3 nodes" in first.shown
    assert lab.run("e3").text == "12"
    lab.run("%%wf_node e3\nsum(e2) + 1")
    again = lab.run("%wf run e3").shown
    assert [line[0] for line in again.splitlines()[:3]] == ["=", "=", "✓"]
    assert lab.run("e3").text == "13"
    assert "code changed" in lab.run("%wf show dag").text or "e3" in lab.run("%wf why e3").text


def test_a_run_has_one_display(lab: Kernel) -> None:
    """However often it is updated, one display stays, with HTML and text and the final numbers."""
    lab.run("%%wf_node o1\nimport os, time\nwhile not os.path.exists('updated'):\n    time.sleep(0.02)\n1")
    ran = lab.run("%wf run o1", meanwhile=lambda ran: ran.updates and (lab.folder / "updated").touch())
    (display,) = ran.displays.values()
    assert set(display) == {"text/html", "text/plain"}
    assert ran.updates >= 2
    assert ran.shown.startswith("✓ o1")


def test_a_quiet_run_shows_nothing(lab: Kernel) -> None:
    """`--quiet` leaves the cell without output; the value is bound as ever."""
    lab.run("%%wf_node q1\n7")
    ran = lab.run("%wf run q1 --quiet")
    assert (ran.displays, ran.streams, ran.error) == ({}, {}, None)
    assert lab.run("q1").text == "7"


def test_text_is_taken_as_typed(lab: Kernel) -> None:
    """IPython's `$name` and `{name}` mean nothing in a cell or on a line of ours."""
    lab.run("secret = 'live value'")
    lab.run("%%wf_node v1\n'{secret} $secret'")
    lab.run("%wf run v1")
    assert lab.run("v1").text == "'{secret} $secret'"
    assert lab.run("%wf sql select '{secret} $secret' as x").text.endswith("{secret} $secret")


SHORT = [
    ("%%wf_node s1 --retrie 2\n1", "OptionError", "did you mean 'retries'"),
    ("%%wf_node s1 --on_error 'x\n1", "OptionError", "a quote is not closed"),
    ("%%wf_node s1\nx = (", "CellError", "line 2"),
    ("%%wf_node s1 --model offline\n{{ x", "TemplateError", "line 2"),
    ("%wf run 'x", "UsageFault", "a quote has no partner"),
    ("%wf run nothing_such", "GraphError", "no node is named"),
    ("%wf shwo", "UsageFault", "did you mean show?"),
    ("%wf sql drop table runs", "UsageFault", "SELECT"),
    ("%%wf_sql 1x\nselect 1", "UsageFault", "takes the name of a variable"),
]


@pytest.mark.parametrize(("cell", "name", "message"), SHORT)
def test_errors_are_short_and_fail_the_cell(lab: Kernel, cell: str, name: str, message: str) -> None:
    """An error output with one message: no frames of ours."""
    error = lab.run(cell).error
    assert error is not None
    assert error[0] == name
    assert message in error[1]
    assert error[2].replace("\n", " ") == f"{name}: {error[1]}".replace("\n", " ")
    assert max(map(len, error[2].splitlines())) <= 80


def test_an_old_definition_does_not_run_in_silence(lab: Kernel) -> None:
    """A cell that fails to define its node anew says that the old one stands; a run is refused until it is mended."""
    lab.run("%%wf_node r1\n1")
    assert lab.run("%wf run r1").error is None
    error = lab.run("%%wf_node r1\n1 +").error
    assert error is not None
    assert "The former definition of `r1` still stands" in error[1]
    error = lab.run("%wf run r1").error
    assert error is not None
    assert error[0] == "GraphError"
    assert "until `r1` is defined anew" in error[1]
    lab.run("%%wf_node r1\n2")
    assert lab.run("%wf run r1\nr1").text == "2"


@pytest.mark.parametrize(
    "cell",
    ["%%wf_node j1", "# my node\n%%wf_node j1\n2", "\n  %%wf_node j1\n2", "%%wf_nod j1\n2", "%wf_node j1 --retries 2"],
    ids=["no body", "comment above", "indented", "misspelt", "line magic"],
)
def test_a_cell_that_ipython_rejects_is_a_failed_definition(lab: Kernel, cell: str) -> None:
    """Where IPython refuses the cell before wfkit sees it, the old definition does not run in silence either."""
    lab.run("%%wf_node j1\n1")
    told = lab.run(cell).streams["stderr"]
    assert "The former definition of `j1` still stands" in told
    assert ("must be the first line of its cell" in told) is not cell.startswith("%")
    error = lab.run("%wf run j1").error
    assert error is not None
    assert "the latest definition of `j1` failed" in error[1].replace("\n", " ")
    lab.run("%%wf_node j1\n2")
    assert lab.run("%wf run j1").error is None


def test_asking_for_help_fails_no_definition(lab: Kernel) -> None:
    """IPython refuses `%%wf_node NAME --help` without a body; so it does what is no definition. The node still runs."""
    lab.run("%%wf_node j2\n1")
    for cell in ("%%wf_node j2 --help", "%%wf_node", "'%%wf_node j2' +", "%nothing_such j2", "\n" * 60 + "j2 ="):
        ran = lab.run(cell)
        assert ran.error is not None or "UsageError" in ran.streams["stderr"]
        assert "former definition" not in ran.streams.get("stderr", "")
    assert lab.run("%wf run j2").error is None


def test_a_tool_may_come_after_its_prompt(lab: Kernel) -> None:
    """A tool that no cell has defined yet is told, not refused: a cell below may bring it."""
    told = lab.run("%%wf_node t1 --model offline --tools later_tool\nGo").stdout
    assert told.startswith("t1 · prompt (offline)\nnot ready to run yet: tool 'later_tool' is not defined")
    lab.run("def later_tool(q: str) -> str:\n    return q")
    assert lab.run("%wf run t1").error is None


def test_an_error_from_python_names_the_line_of_the_cell(lab: Kernel) -> None:
    """`wfkit.current().run(...)` in a longer cell: the line that called is told."""
    error = lab.run("import wfkit\n\nwfkit.current().run('nothing_such')").error
    assert error is not None
    assert error[2].startswith("GraphError (line 3 of this cell): ")


def test_the_name_of_a_node_without_a_value(lab: Kernel) -> None:
    """Who uses a node's name that no run has bound is told how to get it, after Python's own error."""
    lab.run("%%wf_node not_bound\n1")
    ran = lab.run("not_bound + 1")
    assert ran.error is not None
    assert ran.error[0] == "NameError"
    assert "`%wf run not_bound` binds its value" in ran.streams["stderr"]
    assert "is a node" not in lab.run("no_such_name").streams.get("stderr", "")


def test_a_failed_node_fails_the_cell(lab: Kernel) -> None:
    """The user's own lines are shown, with the numbers of their cell; who was skipped is told; what worked is bound."""
    lab.run("%%wf_node f1\nprint('before')\n1 / 0")
    lab.run("%%wf_node f2\nf1 + 1")
    lab.run("%%wf_node f3\n33")
    ran = lab.run("%wf run f2 f3")
    assert ran.error is not None
    assert ran.error[0] == "RunFailed"
    assert 'File "<wf_node f1>", line 3' in ran.error[1]
    assert "skipped: f2 (needs f1)" in ran.error[1]
    assert "wfkit/" not in ran.error[2]
    assert lab.run("f3").text == "33"
    assert "before" in lab.run("%wf log f1").text


def test_a_run_that_its_budget_stops_fails_the_cell(lab: Kernel) -> None:
    """The cells below would use what is not there: the error names the budget, and has the exit code of budgets."""
    lab.run("import os\nos.environ['OPENAI_API_KEY'] = 'none'")
    lab.run("%%wf_node dear --model openai/gpt-4o-mini\n#| max_usd: 0.0000001\n#| max_tokens: 50\nSay hello.")
    error = lab.run("%wf run dear").error
    assert error is not None
    assert error[0] == "BudgetRefused"
    assert "the budget of node 'dear' does not allow this call" in error[1]


def test_what_a_body_shows_is_kept_with_it(lab: Kernel) -> None:
    """Prints and displays of parallel bodies do not reach the cell; `%wf log` has them, after a hit too."""
    lab.run(
        "%%wf_node l1\n#| each: x in numbers\nfrom IPython.display import HTML, display\nimport time\n"
        "print('start', x)\ntime.sleep(0.05)\ndisplay(HTML(f'<b>shown {x}</b>'))\nx"
    )
    lab.run("numbers = [1, 2, 3, 4]")
    ran = lab.run("%wf run l1")
    assert (ran.streams, len(ran.displays)) == ({}, 1)
    lab.run("%wf run l1")
    log = lab.run("%wf log l1 --item 2")
    assert "start 3" in log.text
    assert log.result is not None
    assert "shown 3" in log.result["text/html"]


def test_an_interrupt_is_quick(lab: Kernel) -> None:
    """The cell ends while the body goes on, says so in a line, and the kernel goes on."""
    lab.run("%%wf_node i1\nimport os, time\nwhile not os.path.exists('let_go'):\n    time.sleep(0.05)\n1")
    ran = lab.run("%wf run i1", interrupted=True)
    assert ran.error is not None
    assert ran.error[0] == "RunInterrupted"
    assert len(ran.error[2].splitlines()) == 1
    assert "interrupted: 0 of 1 node done" in ran.shown
    assert lab.run("1 + 1").text == "2"
    lab.run("open('let_go', 'w').close()")


def test_completion_reaches_the_kernel(lab: Kernel) -> None:
    """What JupyterLab asks for on Tab."""
    lab.run("%%wf_node c1\n1")
    assert lab.complete("%%wf_node x --on_error ") == ["fail", "skip", "keep"]
    assert "c1" in lab.complete("%wf run c")
    assert lab.complete("%wf show tim") == ["timeline"]


def test_views_have_a_figure_and_its_twins(lab: Kernel) -> None:
    """A picture comes as Plotly JSON, static HTML and text in one bundle."""
    lab.run("%%wf_node w1 --model offline\nSay one.")
    lab.run("%wf run w1")
    for view in ("dag", "timeline", "cost"):
        result = lab.run(f"%wf show {view}").result
        assert result is not None
        assert set(result) == {"application/vnd.plotly.v1+json", "text/html", "text/plain"}


def test_help_is_text(lab: Kernel) -> None:
    """`%wf` lists the verbs, `--help` explains one, `%%wf_node --help` lists the options."""
    assert "history" in lab.run("%wf").stdout
    assert "--fresh-replies" in lab.run("%wf run --help").stdout
    assert "--retries N" in lab.run("%%wf_node --help\n1").stdout
    assert "--retries N" in lab.run("%%wf_node some --help\n1").stdout


def test_loading_twice_changes_nothing(lab: Kernel) -> None:
    """`%load_ext` and `%reload_ext` may be said again."""
    assert lab.run("%load_ext wfkit").error is None
    assert lab.run("%reload_ext wfkit").error is None
    lab.run("%%wf_node r1\nprint('x')\n1")
    assert lab.run("%wf run r1").streams == {}
