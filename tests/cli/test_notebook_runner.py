"""Promises of executing a notebook: outputs are kept whatever happens, and how it ended is told in a sentence.

Real kernels; each test starts one (1.5 s). Workflows in notebooks are in test_main.
"""

from __future__ import annotations

import asyncio
import io
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4
import pytest
from jupyter_client.asynchronous import AsyncKernelClient

from tests.engine.clock import FAR_S, Clock
from wfkit.cli import notebook_runner
from wfkit.cli.notebook_runner import Executed, Execution, execute
from wfkit.cli.screen import Screen

SUMMARY = """
import json, os
row = {"run_id": "r", "status": "failed", "tasks": {"run": 1, "failed": 1}, "model_calls": 0,
       "cost_usd": 0, "saved_usd": 0, "wasted_usd": 0, "unpriced_calls": 0, "unanswered_calls": 0,
       "unanswered_usd": 0, "seconds": 1, "exit_code": 1}
with open(os.environ["WFKIT_SUMMARY"], "a") as file:
    file.write(json.dumps(row) + "\\n")
"""


def notebook(*sources: str, tags: tuple[str, ...] = ()) -> Any:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[-1].metadata["tags"] = list(tags)
    return nbformat.v4.new_notebook(cells=cells)


def run(folder: Path, made: Any, **more: Any) -> tuple[Executed, str]:
    told = io.StringIO()
    with tempfile.TemporaryDirectory() as scratch:  # a short path, as the command makes one
        done = execute(Execution(made, folder, folder / "out" / "x.ipynb", Path(scratch), **more), Screen(told))
    return done, told.getvalue()


def saved(folder: Path) -> list[Any]:
    with (folder / "out" / "x.ipynb").open(encoding="utf-8") as file:
        return [output for cell in nbformat.read(file, as_version=4).cells for output in cell.get("outputs", [])]


def test_cells_run_in_order_where_they_are_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The kernel works in the notebook's folder, knows who started it, and prints no warning about its transport."""
    source = "import os\nprint(os.getcwd(), os.environ['WFKIT_TRIGGER'], os.environ['X'], os.environ['WFKIT_STORE'])"
    made = notebook("# a comment\nx = 1", source)
    done, told = run(tmp_path, made, store=tmp_path / "st", told={"X": "y"})
    assert (done.exit_code, done.error, done.tally.runs) == (0, None, 0)
    assert saved(tmp_path)[0].text == f"{tmp_path} nbclient y {tmp_path / 'st'}\n"
    assert [line.split("  ")[:2] for line in told.splitlines()] == [
        ["✓ cell 1/2", "x = 1"],
        ["✓ cell 2/2", "import os"],
    ]
    assert capfd.readouterr().err == ""


def test_an_error_ends_it_and_keeps_the_outputs(tmp_path: Path) -> None:
    """The error is told with its cell, the notebook is saved, later cells are not executed."""
    done, _ = run(tmp_path, notebook("print('before')", "1/0", "print('after')"))
    assert (done.exit_code, done.tally.status) == (1, "failed")
    assert done.error == "cell 2/3: ZeroDivisionError: division by zero"
    assert [output.get("text", output.get("ename")) for output in saved(tmp_path)] == ["before\n", "ZeroDivisionError"]


@pytest.mark.parametrize(("name", "code"), [("OptionError", 2), ("StoreFault", 6), ("RunFailed", 1)])
def test_errors_of_wfkit_have_their_exit_code(tmp_path: Path, name: str, code: int) -> None:
    """What a shell would end with, a notebook ends with too."""
    done, _ = run(tmp_path, notebook(f"from wfkit.errors import {name}\nraise {name}('no')"))
    assert (done.exit_code, done.error) == (code, f"cell 1/1: {name}: no")


def test_an_expected_failure_is_none(tmp_path: Path) -> None:
    """A cell tagged `raises-exception` may fail, and so may the run in it."""
    done, _ = run(tmp_path, notebook(SUMMARY + "\n1/0", tags=("raises-exception",)))
    assert (done.exit_code, done.tally.status, done.tally.runs) == (0, "success", 1)


def test_a_run_that_failed_quietly_counts(tmp_path: Path) -> None:
    """`workflow.run()` does not raise when a node fails; the command fails nevertheless."""
    done, _ = run(tmp_path, notebook(SUMMARY))
    assert (done.exit_code, done.tally.status, done.error) == (1, "failed", None)


def test_a_dead_kernel_is_told(tmp_path: Path) -> None:
    """Not as the AssertionError of nbclient's clean-up; what it may have paid is unknown, not nothing."""
    done, _ = run(tmp_path, notebook("import os\nos._exit(3)"))
    assert (done.exit_code, done.error) == (1, "cell 1/1: the kernel died (out of memory, or a crash in native code)")
    assert done.tally.model_calls is done.tally.cost_usd is done.tally.saved_usd is None


def test_a_cell_that_takes_too_long_is_stopped(tmp_path: Path, clock: Clock) -> None:
    """It is interrupted, and what it printed is saved."""
    source = "import time\nprint('here', flush=True)\nopen('began', 'w').close()\ntime.sleep(600)"
    clock.forward_when((tmp_path / "began").exists)
    done, _ = run(tmp_path, notebook(source), timeout_s=FAR_S)
    assert (done.exit_code, done.error) == (1, "cell 1/1: took longer than 60 s and was stopped (--timeout)")
    assert [output.get("text", output.get("ename")) for output in saved(tmp_path)] == ["here\n", "KeyboardInterrupt"]


def test_an_interrupt_stops_the_cell_and_saves(tmp_path: Path) -> None:
    """Ctrl-C reaches the cell, which may clean up; the exit code is 130."""
    source = (
        "import os, signal, time\ntry:\n    os.kill(os.getppid(), signal.SIGINT)\n    time.sleep(60)\n"
        "finally:\n    print('cleaned up')"
    )
    done, told = run(tmp_path, notebook(source))
    assert (done.exit_code, done.tally.status) == (130, "interrupted")
    assert saved(tmp_path)[0].text == "cleaned up\n"
    assert "once more ends the kernel" in told
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_between_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for the code of the next cell: the kernel would lose that cell's reply, and nobody would ever end."""
    send = AsyncKernelClient.execute

    def send_and_stop(client: AsyncKernelClient, *code: Any, **more: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return send(client, *code, **more)

    monkeypatch.setattr(AsyncKernelClient, "execute", send_and_stop)
    monkeypatch.setattr(notebook_runner, "_MOMENT_S", 2.0)  # a slow kernel tells of the code long before it runs it
    done, told = run(tmp_path, notebook("import time\ntime.sleep(200)"))
    assert (done.exit_code, done.tally.status) == (130, "interrupted")
    assert [output.ename for output in saved(tmp_path)] == ["KeyboardInterrupt"]
    assert "is ended" not in told


@pytest.mark.parametrize("again", [False, True], ids=["silent", "asked twice"])
def test_a_cell_that_does_not_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool) -> None:
    """Its kernel is ended, at the second signal at once: the run is told as interrupted, its sums as unknown."""
    monkeypatch.setattr(notebook_runner, "_SILENT_S", 300.0 if again else 1.0)
    twice = "os.kill(os.getppid(), signal.SIGINT)" if again else "pass"
    source = (
        "import os, signal, time\ntry:\n    os.kill(os.getppid(), signal.SIGINT)\n    time.sleep(200)\n"
        f"finally:\n    {twice}\n    time.sleep(200)"
    )
    done, told = run(tmp_path, notebook(source))
    assert (done.exit_code, done.tally.status) == (130, "interrupted")
    assert "interrupted, the kernel was ended" in str(done.error)
    assert ("has told nothing" in told) is not again


@pytest.mark.parametrize("seen", [RuntimeError("Kernel died before replying"), asyncio.CancelledError()], ids=repr)
def test_an_interrupt_while_the_kernel_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: BaseException
) -> None:
    """nbclient hears it first and ends the kernel: an interrupt all the same, and the notebook is saved."""

    async def hear(*_: Any, **_more: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.01)  # the loop takes the signal
        raise seen

    monkeypatch.setattr(AsyncKernelClient, "wait_for_ready", hear)
    done, _ = run(tmp_path, notebook("1"))
    assert (done.exit_code, done.tally.status, done.error) == (130, "interrupted", "interrupted")
    assert len(saved(tmp_path)) == 0


def test_a_kernel_that_is_not_installed(tmp_path: Path) -> None:
    """The name that the notebook asks for is told; exit code 2."""
    made = notebook("x = 1")
    made.metadata["kernelspec"] = {"name": "no-such-kernel", "display_name": "x"}
    done, _ = run(tmp_path, made)
    assert done.exit_code == 2
    assert "'no-such-kernel', which is not installed" in str(done.error)
