"""Promises of the command: help is quick, wrong words get one sentence and exit code 2, verbs answer from the store.

The real command in its own process, and a real kernel where a notebook is executed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat.v4
import pytest

import wfkit
from wfkit.cli.commands import quickstart
from wfkit.cli.main import main

Done = tuple[Path, subprocess.CompletedProcess[str]]

HEAVY = {"nbclient", "nbformat", "duckdb", "pandas", "litellm", "asyncio", "IPython", "pydantic", "jinja2"}


def shell(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`wfkit WORDS` in a folder."""
    command = [sys.executable, "-c", "import sys; from wfkit.cli.main import main; sys.exit(main())", *words]
    root = str(Path(wfkit.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": root, **environment}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def write(path: Path, *cells: str, parameters: str = "") -> Path:
    made = [nbformat.v4.new_code_cell(cell) for cell in (*([parameters] if parameters else ()), *cells)]
    if parameters:
        made[0].metadata["tags"] = ["parameters"]
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=made)), encoding="utf-8")
    return path


FLOW = (
    "%load_ext wfkit",
    "%%wf_node numbers\nlist(range(size))",
    "%%wf_node double\n#| each: n in numbers\nprint('doubling', n)\nn * 2",
    "%%wf_node said --model offline\nThere are {{ numbers | length }} numbers.",
    "%%wf_node total\nsum(double)",
    "%wf run total said",
    "total",
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A folder in which a notebook with a workflow was executed once."""
    folder = tmp_path_factory.mktemp("flow")
    (folder / ".wfkit").mkdir(mode=0o700)
    write(folder / "flow.ipynb", *FLOW, parameters="size = 3")
    return folder, shell(folder, "run", "flow.ipynb", "-p", "size", "4", "--json")


def last_object(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_help_and_version_are_light(tmp_path: Path) -> None:
    """`wfkit` alone prints help, and nothing heavy is loaded for it."""
    for words in ((), ("--help",), ("help",)):
        ran = shell(tmp_path, *words)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "demo      execute the quickstart" in ran.stdout
    assert shell(tmp_path, "--version").stdout == f"wfkit {wfkit.__version__}\n"
    assert "--timeout S" in shell(tmp_path, "run", "--help").stdout
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, wfkit.cli.main; wfkit.cli.main.main([]); print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert HEAVY.isdisjoint(loaded.stdout.splitlines()[-1].split())


def joined(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else ""


WRONG = [
    (("rnu",), "did you mean run?"),
    (("--force",), "needs a verb before it"),
    (("run",), "FILE.ipynb"),
    (("run", "missing.ipynb"), "notebook not found: missing.ipynb; notebooks in this folder: broken.ipynb"),
    (("run", "nowhere/missing.ipynb"), "notebook not found: nowhere/missing.ipynb; nowhere holds no notebook"),
    (("run", "broken.ipynb"), "not a notebook: broken.ipynb"),
    (("run", "empty.ipynb"), "has no code cells"),
    (("run", "number.ipynb"), "not a notebook: number.ipynb (it is a list or a number"),
    (("run", "plain.ipynb", "--out", "number.ipynb"), "cannot make the folder number.ipynb"),
    (("run", "tagged.ipynb", "-p", "size"), "-p takes NAME VALUE"),
    (("run", "plain.ipynb", "-p", "size", "3"), "no cell is tagged `parameters`"),
    (("run", "tagged.ipynb", "-p", "sice", "3"), "no parameter 'sice'; it has: size"),
    (("run", "plain.ipynb", "--timeout", "0"), "above 0"),
    (("run", "plain.ipynb", "--timeout", "soon"), "--timeout is a number, not 'soon'"),
    (("run", "plain.ipynb", "--jsn"), "did you mean --json?"),
    (("why",), "NODE"),
    (("show", "cots"), "did you mean cost?"),
    (("show", "cost"), "holds no run yet"),
    (("history", "--limit", "0"), "at least 1"),
    (("history", "--limit", "few"), "--limit is a whole number, not 'few'"),
    (("config", "thrads"), "unknown setting 'thrads'"),
    (("config", "thrads", "4"), "unknown setting 'thrads'"),
    (("config", "threads", "4"), "write `threads = 4` under [tool.wfkit] in pyproject.toml, or set WFKIT_THREADS=4"),
    (("sql",), "SELECT ... is missing"),
    (("sql", "drop", "table", "runs"), "SELECT"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=joined)
def test_wrong_words_get_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    message: str,
) -> None:
    """One sentence that names wfkit once, no traceback, nothing on stdout, exit code 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".wfkit").mkdir(mode=0o700)
    (tmp_path / "broken.ipynb").write_text('{"cells": [')
    (tmp_path / "number.ipynb").write_text("1")
    write(tmp_path / "empty.ipynb")
    write(tmp_path / "plain.ipynb", "1")
    write(tmp_path / "tagged.ipynb", "1", parameters="size = 1")
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.startswith("wfkit")
    assert printed.err.count("wfkit:") + printed.err.startswith("wfkit ") == 1


STORED = ["history", "plan", "doctor", "show cost", "why a", "log a", "sql select 1", "forget a", "report"]


@pytest.mark.parametrize("words", STORED)
def test_a_shell_makes_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    """Where nothing ran there is nothing to tell: exit code 6, and the folder stays as it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WFKIT_STORE", raising=False)
    assert main(words.split()) == 6
    printed = capsys.readouterr()
    assert printed.err == f"wfkit: there is no store at {tmp_path}/.wfkit: run a workflow first, or set WFKIT_STORE\n"
    assert list(tmp_path.iterdir()) == []


def test_settings_need_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`wfkit config` tells the defaults before anything ran, and makes nothing."""
    monkeypatch.chdir(tmp_path)
    assert main(["config"]) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_is_executed_and_told(done: Done) -> None:
    """The last line of stdout is the promised object; progress is on stderr; notebook and report are saved."""
    folder, ran = done
    assert ran.returncode == 0, ran.stderr
    told = last_object(ran)
    assert len(ran.stdout.splitlines()) == 1
    assert (told["status"], told["model_calls"], told["cost_usd"], told["saved_usd"]) == ("success", 1, 0.0, 0.0)
    assert told["tasks"]["failed"] == told["tasks"]["cached"] == 0
    assert told["artifacts"] == ["wfkit-out/flow.ipynb", "wfkit-out/flow.html"]
    assert "    ✓ double  4" in ran.stderr
    saved = nbformat.read(folder / "wfkit-out" / "flow.ipynb", as_version=4)
    assert saved.cells[1].metadata["tags"] == ["injected-parameters"]
    assert saved.cells[-1].outputs[0].data["text/plain"] == "12"
    shown = saved.cells[-2].outputs[0].data
    assert "success: 4/4 nodes, 1 call" in shown["text/plain"]
    assert "wfkit" not in saved.cells[-2].outputs[0].metadata
    assert "double" in (folder / "wfkit-out" / "flow.html").read_text(encoding="utf-8")


def test_the_source_is_not_touched(done: Done) -> None:
    """Outputs have a file of their own, also when they go into the notebook's own folder."""
    folder, _ = done
    before = (folder / "flow.ipynb").read_bytes()
    ran = shell(folder, "run", "flow.ipynb", "--out", ".", "--json")
    assert last_object(ran)["artifacts"] == ["flow.executed.ipynb", "flow.executed.html"]
    assert (folder / "flow.ipynb").read_bytes() == before


VERBS = [
    (("history",), "success"),
    (("show",), "double"),
    (("show", "cost"), "said"),
    (("show", "lineage", "double", "--item", "1"), "double[1]"),
    (("log", "double", "--item", "2"), "doubling 2"),
    (("sql", "select", "count(*)", "as", "n", "from", "runs_latest"), "n"),
    (("doctor",), "nothing is wrong"),
    (("config",), "threads"),
    (("plan",), "double"),
    (("why", "double"), "double"),
]


@pytest.mark.parametrize(("words", "text"), VERBS, ids=joined)
def test_verbs_answer_from_a_shell(
    done: Done, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], text: str
) -> None:
    """The store of the nearest folder answers, as text."""
    monkeypatch.chdir(done[0] / "wfkit-out")
    assert main(words) == 0
    printed = capsys.readouterr()
    assert text in " ".join(printed.out.split())  # where lines are broken hangs on how long the folder's name is
    assert printed.err == ""


def test_forget_knows_its_nodes(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name of no node is refused with the nearest one; forgetting twice is no error."""
    shutil.copytree(done[0] / ".wfkit", tmp_path / ".wfkit")
    monkeypatch.chdir(tmp_path)
    assert main(["forget", "duoble"]) == 2
    assert "no node is named 'duoble' (did you mean 'double'?)" in capsys.readouterr().err
    assert [main(["forget", "double"]), main(["forget", "double"])] == [0, 0]
    assert capsys.readouterr().out == "forgot 4 results of 'double'\nnothing is kept of 'double'\n"


def test_a_sick_store_is_an_exit_code(done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`doctor` ends with 1 when a row says error."""
    shutil.copytree(done[0] / ".wfkit", tmp_path / ".wfkit")
    monkeypatch.chdir(tmp_path)
    journal = next(path for path in (tmp_path / ".wfkit" / "journal").glob("*.jsonl") if path.stat().st_size)
    first, *rest = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([first.replace(b"1", b"2"), *rest]))
    assert main(["doctor"]) == 1


HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


def test_a_database_held_by_another_program_is_told(done: Done, tmp_path: Path) -> None:
    """The answer comes from the journals, and a line on stderr says who holds the database."""
    shutil.copytree(done[0] / ".wfkit", tmp_path / ".wfkit")
    command = [sys.executable, "-c", HOLD, str(tmp_path / ".wfkit" / "wfkit.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stranger:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == b"held\n"
        ran = shell(tmp_path, "show", "dag")
        stranger.communicate()
    assert (ran.returncode, ran.stderr) == (0, f"wfkit: read from journals; PID {stranger.pid} holds the database\n")
    assert "double" in ran.stdout


def test_a_failed_node_fails_the_command(tmp_path: Path) -> None:
    """Exit code 1, the failure in a sentence, the totals, and the notebook saved as far as it went."""
    (tmp_path / ".wfkit").mkdir(mode=0o700)
    write(tmp_path / "x.ipynb", "%load_ext wfkit", "%%wf_node a\n1 / 0", "%%wf_node b\na", "%wf run", "print('no')")
    ran = shell(tmp_path, "run", "x.ipynb", "--out", "out", "--json")
    told = last_object(ran)
    assert (ran.returncode, told["status"]) == (1, "failed")
    assert told["tasks"] == {"run": 0, "cached": 0, "failed": 1, "skipped": 1}
    assert "ZeroDivisionError" in ran.stderr
    saved = nbformat.read(tmp_path / "out" / "x.ipynb", as_version=4)
    assert saved.cells[3].outputs[-1].ename == "RunFailed"
    assert saved.cells[4].outputs == []


def test_a_bad_definition_is_exit_code_2(tmp_path: Path) -> None:
    """As in a notebook: option, line and the nearest word."""
    (tmp_path / ".wfkit").mkdir(mode=0o700)
    write(tmp_path / "x.ipynb", "%load_ext wfkit", "%%wf_node a --retrys 2\n1")
    ran = shell(tmp_path, "run", "x.ipynb")
    assert ran.returncode == 2
    assert "cell 2/2: OptionError" in ran.stderr
    assert "did you mean 'retries'" in ran.stderr


def test_models_need_no_store(tmp_path: Path) -> None:
    """`wfkit models` lists what is known, with names of keys and no values, and makes no store; JSON for scripts."""
    (tmp_path / "pyproject.toml").write_text('[tool.wfkit.models."openai/mine"]\ntools = true\ninput_usd = 0.5\n')
    ran = shell(tmp_path, "models", "openai/*mi*", "--usable", "--json", OPENAI_API_KEY="canary-of-a-key-123456")
    told = last_object(ran)
    rows = {row["model"]: row for row in told["models"]}
    assert (rows["openai/mine"]["source"], rows["openai/mine"]["input_usd"]) == ("you", 0.5)
    assert rows["openai/gpt-5-mini"]["key"] == "OPENAI_API_KEY"
    assert rows["openai/gpt-5-mini"]["schema"] is True
    assert told["keys"] == ["OPENAI_API_KEY"]
    assert "canary" not in ran.stdout + ran.stderr
    wrong = shell(tmp_path, "models", "gtp-5-mini")
    assert wrong.returncode == 2
    assert "near to it: openai/gpt-5-mini" in wrong.stderr
    assert not (tmp_path / ".wfkit").exists()


def test_a_notebook_without_a_workflow_runs_too(tmp_path: Path) -> None:
    """Unknown is null: there is no run id, and no report is written."""
    write(tmp_path / "x.ipynb", "1 + 1")
    ran = shell(tmp_path, "run", "x.ipynb", "--json")
    told = last_object(ran)
    assert (ran.returncode, told["run_id"], told["status"]) == (0, None, "success")
    assert told["artifacts"] == ["wfkit-out/x.ipynb"]
    assert not (tmp_path / ".wfkit").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_pays_once(tmp_path: Path) -> None:
    """The second demo makes no model call and says so; `--fresh` starts over; the shipped notebook has no outputs."""
    notebook = nbformat.read(quickstart(), as_version=4)
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in notebook.cells)
    first = shell(tmp_path, "demo", "-p", "limit", "5", "--json")
    assert first.returncode == 0, first.stderr
    assert last_object(first)["model_calls"] > 0
    again = shell(tmp_path, "demo", "-p", "limit", "5")
    assert "0 model calls: nothing was asked again" in again.stdout
    assert "look next at:" in again.stdout
    fresh = shell(tmp_path, "demo", "--fresh", "-p", "limit", "5", "--json")
    assert last_object(fresh)["model_calls"] == last_object(first)["model_calls"]
    assert "checked" in shell(tmp_path / "wfkit-demo", "show", "dag").stdout


def test_fresh_deletes_only_a_store(tmp_path: Path) -> None:
    """A `.wfkit` that is none stays where it is."""
    (tmp_path / "wfkit-demo" / ".wfkit").mkdir(parents=True)
    (tmp_path / "wfkit-demo" / ".wfkit" / "mine").write_text("x")
    ran = shell(tmp_path, "demo", "--fresh")
    assert ran.returncode == 2
    assert "does not look like a store" in ran.stderr
    assert (tmp_path / "wfkit-demo" / ".wfkit" / "mine").exists()


@pytest.mark.parametrize(("wide", "longest"), [("60", 60), ("100", 100)])
def test_an_answer_fits_the_terminal(
    wide: str, longest: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text is laid out for the terminal that it is shown on; in a file or a pipe for 80 columns."""
    monkeypatch.setenv("COLUMNS", wide)
    assert main(["models", "gpt-5"]) == 0
    assert 70 < max(map(len, capsys.readouterr().out.split("\n"))) <= 80
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["models", "openai/gpt-5*"]) == 0
    assert longest - 30 < max(map(len, capsys.readouterr().out.split("\n"))) <= longest
