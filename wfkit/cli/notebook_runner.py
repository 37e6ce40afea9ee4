"""Execute a notebook without a browser: one kernel, its cells in order, the outputs kept whatever happens.

Each setting of nbclient that differs from its default has its reason beside it. What the runs came to is read from the
lines that the workflow in the kernel writes (see `tally`); what is told goes to a `Screen`.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import wfkit.errors
from wfkit.cli.notebook_file import save_notebook
from wfkit.cli.screen import Screen
from wfkit.cli.tally import Tally, read_summaries, tally
from wfkit.core.secrets import redact
from wfkit.core.terms import RunState
from wfkit.errors import UsageFault, WfkitError

_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")
_TIMED_OUT: Final = "CellTimeout"
_DIED: Final = "DeadKernel"
_STOP: Final = ("SIGINT", "SIGTERM")
INTERRUPTED: Final = 130
_SILENT_S: Final = 30.0  # how long a cell that was interrupted may be silent before its kernel is ended
_MOMENT_S: Final = 0.05
_SOCKET_PATH: Final = 90  # bytes; the kernel adds a number, and 104 is the shortest limit (macOS)


@dataclass(frozen=True, slots=True)
class Execution:
    """What to execute and where: the kernel works in `folder`, the outcome is saved as `saved`.

    `scratch` is a private folder with a short absolute path. `store` None: the kernel finds it from its folder. `told`
    are further environment variables for the kernel. `ending` is code that the kernel runs when the last cell has
    ended, or one that failed.
    """

    notebook: Any
    folder: Path
    saved: Path
    scratch: Path
    store: Path | None = None
    timeout_s: float = 3600.0
    told: Mapping[str, str] = field(default_factory=dict)
    ending: str = ""

    @property
    def summary(self) -> Path:
        """Where the kernel writes a line for each run that ended."""
        return self.scratch / "summary.jsonl"


@dataclass(frozen=True, slots=True)
class Executed:
    """What came of it. `error` is what a cell raised or how the kernel ended, None when every cell worked."""

    tally: Tally
    seconds: float
    exit_code: int
    error: str | None = None


@dataclass(slots=True)
class _Watch:
    """What is seen of the kernel while it works. `at_work` is an event: it has told that the code of the cell runs;
    `heard_at` is when it told anything (monotonic); `ended`: it was ended from here."""

    execution: Execution
    screen: Screen
    total: int
    client: Any = None
    cell: int = 0
    began: float = 0.0
    stopped: bool = False
    ended: bool = False
    at_work: Any = None
    heard_at: float = 0.0
    rows: int = 0
    excused: set[int] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    stopping: Any = None

    def on_notebook_start(self, **_: Any) -> None:
        """Take the signals from nbclient, which would kill the kernel: an interrupted run keeps what it paid for."""
        import asyncio  # only a loop's thread gets here

        self.at_work = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in _STOP:
            if sys.platform != "win32":
                loop.add_signal_handler(getattr(signal, name), self._stop)

    def on_cell_execute(self, cell: Any, **_: Any) -> None:
        """A cell begins."""
        self.cell += 1
        self.began = self.heard_at = time.monotonic()
        self.at_work.clear()
        self.rows = len(read_summaries(self.execution.summary))
        self.screen.status(f"cell {self.cell}/{self.total}  {_title(cell)}")

    async def on_cell_executed(self, cell: Any, execute_reply: Any, **_: Any) -> None:
        """A cell ended, well or not."""
        failed = execute_reply["content"]["status"] == "error"
        mark = "×" if failed else "✓"
        seconds = time.monotonic() - self.began
        self.screen.line(f"{mark} cell {self.cell}/{self.total}  {_title(cell)}  {seconds:.1f} s")
        if failed and "raises-exception" in cell.metadata.get("tags", []):
            self.excused.update(range(self.rows, len(read_summaries(self.execution.summary))))
            failed = False
        if self.execution.ending and (failed or self.cell == self.total):
            message = self.client.kc.execute(self.execution.ending, store_history=False)
            await self.client.async_wait_for_reply(message)

    def seen(self, message: Any) -> None:
        """A message of the kernel: the display of a run says which nodes are done."""
        self.heard_at = time.monotonic()
        if message.get("msg_type") == "execute_input":
            self.at_work.set()
        progress = message.get("content", {}).get("transient", {}).get("wfkit")
        if not isinstance(progress, dict):
            return
        ended = {"": sample} if (sample := progress.get("sample")) else {}  # the last display of a run tells it
        for name, line in (progress.get("done", {}) | ended).items():
            if (key := f"{progress.get('run')}/{name}") not in self.told:
                self.told.add(key)
                self.screen.line(f"    {line}")
        self.screen.status(f"    {progress.get('now', '')}")

    def _stop(self) -> None:
        """The first signal interrupts the cell, the second ends the kernel."""
        import asyncio  # only a loop's thread gets here

        if self.stopped:
            self.stopping = asyncio.ensure_future(self._end())
            return
        self.stopped, self.heard_at = True, time.monotonic()
        self.screen.line("stopping; once more ends the kernel at once")
        self.stopping = asyncio.ensure_future(self._interrupt())

    async def _interrupt(self) -> None:
        """Interrupt the cell once its code runs: an interrupt that meets the kernel before may take away its reply, and
        nobody would ever hear of the cell. Where it does not end all the same, the kernel is ended."""
        import asyncio  # only a loop's thread gets here

        with suppress(TimeoutError):
            await asyncio.wait_for(self.at_work.wait(), _SILENT_S)
        await asyncio.sleep(_MOMENT_S)
        await self.client.km.interrupt_kernel()
        self._look()

    def _look(self) -> None:
        """Whether the cell that was interrupted still tells something; now and again."""
        import asyncio  # only a loop's thread gets here

        left_s = self.heard_at + _SILENT_S - time.monotonic()
        if left_s > 0:
            asyncio.get_running_loop().call_later(left_s, self._look)
            return
        self.screen.line(f"the cell has not ended and has told nothing for {_SILENT_S:g} s: the kernel is ended")
        self.stopping = asyncio.ensure_future(self._end())

    async def _end(self) -> None:
        self.ended = True
        await self.client.km.shutdown_kernel(now=True)


def timeout_of(said: Mapping[str, Any]) -> float:
    """The seconds that a cell may take, as the command line gave them. Raises UsageFault."""
    timeout_s = float(said.get("timeout", 3600.0))
    if timeout_s <= 0:
        raise UsageFault(f"--timeout is a number of seconds above 0, not {timeout_s:g}")
    return timeout_s


def execute(execution: Execution, screen: Screen) -> Executed:
    """Execute a notebook and save it with the outputs that it has then, also after an error.

    Raises UsageFault when it cannot be saved.
    """
    import asyncio  # together with nbclient: only who executes a notebook pays for it

    cells = [cell for cell in execution.notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    watch = _Watch(execution, screen, len(cells))
    started = time.monotonic()
    ename, error = None, None
    try:
        watch.client = _client(execution, watch)
        asyncio.run(watch.client.async_execute(env=_environment(execution)))
    except (KeyboardInterrupt, asyncio.CancelledError):  # the second: nbclient heard it while the kernel started
        ename, error = "KeyboardInterrupt", "interrupted"
    except Exception as fault:  # noqa: BLE001 - whatever ends the kernel is told, and the outputs so far are saved
        ename, error = _told(fault, watch)
    finally:
        save_notebook(execution.notebook, execution.saved)
    sums = tally(read_summaries(execution.summary), watch.excused)
    if error is not None and sums.status == RunState.SUCCESS:
        sums = replace(sums, status=RunState.INTERRUPTED if _code(ename) == INTERRUPTED else RunState.FAILED)
    if ename == _DIED or watch.ended:
        sums = sums.unknown()
    return Executed(sums, time.monotonic() - started, _exit_code(ename, sums), error)


def _client(execution: Execution, watch: _Watch) -> Any:
    """An nbclient with the settings that let a run end by itself and leave a small notebook."""
    from nbclient import NotebookClient  # 0.5 s: only who executes a notebook pays for it

    client = NotebookClient(
        execution.notebook,
        resources={"metadata": {"path": str(execution.folder)}},
        timeout=execution.timeout_s,  # None, the default, waits for ever for a kernel that hangs
        interrupt_on_timeout=True,
        error_on_timeout={"ename": _TIMED_OUT, "evalue": "", "traceback": []},
        startup_timeout=180,  # 60 is not enough beside other kernels that start
        record_timing=True,
        coalesce_streams=True,
        store_widget_state=False,  # megabytes that nobody can show without a kernel
        ipython_hist_file=":memory:",
        on_notebook_start=watch.on_notebook_start,
        on_cell_execute=watch.on_cell_execute,
        on_cell_executed=watch.on_cell_executed,
    )
    sockets = execution.scratch / "kernel"
    if sys.platform != "win32" and len(str(sockets)) < _SOCKET_PATH:
        # ipykernel warns about TCP at every start. Without a path, both sides would look in their own working folder.
        client.km = client.create_kernel_manager()
        client.km.transport = "ipc"
        client.km.ip = str(sockets)
    client.log = logging.getLogger("wfkit.nbclient")  # what goes wrong is told by us, once
    client.log.addHandler(logging.NullHandler())
    client.log.propagate = False
    process = client.process_message

    def process_and_see(message: Any, cell: Any, cell_index: int) -> Any:
        watch.seen(message)
        return process(message, cell, cell_index)

    client.process_message = process_and_see  # type: ignore[assignment,method-assign] # it has no hook for messages
    return client


def _environment(execution: Execution) -> dict[str, str]:
    """What the kernel is told: who started it, where to write what its runs came to, and where the store is."""
    told = {"WFKIT_TRIGGER": "nbclient", "WFKIT_SUMMARY": str(execution.summary), **execution.told}
    if execution.store is not None:
        told["WFKIT_STORE"] = str(execution.store)
    return {**os.environ, **told}


def _told(fault: BaseException, watch: _Watch) -> tuple[str, str]:
    """The name of what went wrong and a sentence about it."""
    from jupyter_client.kernelspec import NoSuchKernel  # nbclient has loaded it
    from nbclient.exceptions import CellExecutionError, DeadKernelError  # nbclient has loaded it

    if getattr(watch.client, "_async_cleanup_kernel_future", None) is not None:  # its own handler, until we take over
        return "KeyboardInterrupt", "interrupted"
    where = f"cell {watch.cell}/{watch.total}"
    for cause in _causes(fault):
        if isinstance(cause, CellExecutionError):
            return cause.ename, _cell_error(cause, where, watch.execution.timeout_s)
        if isinstance(cause, DeadKernelError):
            if watch.ended:
                return "KeyboardInterrupt", f"{where}: interrupted, the kernel was ended"
            return _DIED, f"{where}: the kernel died (out of memory, or a crash in native code)"
        if isinstance(cause, NoSuchKernel):
            return "UsageFault", f"the notebook wants the kernel {cause.name!r}, which is not installed here"
    return type(fault).__name__, redact(f"{where}: {type(fault).__name__}: {fault}", os.environ)


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    """An error and those behind it: nbclient's clean-up raises over the death of a kernel."""
    seen: set[int] = set()
    while fault is not None and id(fault) not in seen:
        seen.add(id(fault))
        yield fault
        fault = fault.__cause__ or fault.__context__


def _cell_error(error: Any, where: str, timeout_s: float) -> str:
    if error.ename == _TIMED_OUT:
        return f"{where}: took longer than {timeout_s:g} s and was stopped (--timeout)"
    return redact(f"{where}: {error.ename}: {_ANSI.sub('', error.evalue)}".rstrip(": "), os.environ)


def _exit_code(ename: str | None, sums: Tally) -> int:
    if ename is None:
        return sums.exit_code
    return (ename == "RunFailed" and sums.exit_code) or _code(ename)


def _code(ename: str | None) -> int:
    """The exit code for an error that a cell raised, by its name."""
    if ename in {"KeyboardInterrupt", "RunInterrupted"}:
        return INTERRUPTED
    kind = getattr(wfkit.errors, ename or "", None)
    return kind.exit_code if isinstance(kind, type) and issubclass(kind, WfkitError) else 1


def _title(cell: Any) -> str:
    """The first line of a cell that says something."""
    lines = (line.strip() for line in cell.source.splitlines())
    first = redact(next((line for line in lines if line and not line.startswith("# ")), ""), os.environ)
    return first if len(first) <= 60 else first[:59] + "…"
