"""The two ends of a verification: the fresh kernel tells how it stands, a live one asks for it to be started.

A live kernel starts `wfkit verify` as a process of its own: its event loop is busy with the cell, and what the fresh
kernel does must not touch it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from wfkit.core.secrets import beginning
from wfkit.core.standing import NodeStanding, Rerun, Standing, loads
from wfkit.core.terms import NodeKind
from wfkit.engine.execute import Session
from wfkit.engine.plans.standing import standing
from wfkit.engine.preparing.prepare import Prepared
from wfkit.engine.rerun import Files, project_files, rerun, sample, suspects
from wfkit.errors import DefinitionError, UsageFault, WfkitError
from wfkit.verify.hidden import Ran, unsaved
from wfkit.verify.notebook_cells import code_cells

TOLD: Final = "WFKIT_STANDING"  # to the fresh kernel: what is asked, as JSON
LIVE: Final = "WFKIT_LIVE"  # to the command: the file with what the live kernel knows
_SAMPLE: Final = 3
_GRACE_S: Final = 10.0
_COMMAND: Final = "import sys; sys.path.append({root!r}); from wfkit.cli.main import main; sys.exit(main())"
Prepare = Callable[[Sequence[str]], Prepared]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the fresh kernel shall tell: of which workflow, into which file, and whose bodies it runs again."""

    path: str
    workflow: str | None = None
    rerun: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """What a live kernel knows: how its workflow stands, and the cells that it ran."""

    workflow: str
    standing: Standing
    ran: tuple[Ran, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)


def asked(environment: Mapping[str, str]) -> Asked | None:
    """What this kernel is asked to tell; None in a kernel that nobody verifies with."""
    text = environment.get(TOLD)
    if text is None:
        return None
    found = json.loads(text)
    return Asked(**{**found, "rerun": tuple(found["rerun"])})


def tell(wish: Asked, prepare: Prepare, session: Callable[[], Session]) -> None:
    """Write how the workflow of this kernel stands, in one step."""
    path = Path(wish.path)
    part = path.with_suffix(".part")
    part.write_text(_told(wish, prepare, session).dumps(), encoding="utf-8")
    part.replace(path)


def _told(wish: Asked, prepare: Prepare, session: Callable[[], Session]) -> Standing:
    try:
        prepared = prepare(())
    except WfkitError as error:
        return Standing(fault=str(error))
    nodes = standing(session(), prepared)
    return Standing(nodes, tuple(_again(wish, prepare, session(), prepared, nodes)))


def _again(
    wish: Asked, prepare: Prepare, session: Session, prepared: Prepared, nodes: Sequence[NodeStanding]
) -> Iterator[Rerun]:
    """Bodies that are run again: those asked for, and those whose code names a file that changed unseen."""
    files = project_files(session.project)
    for n, stands in enumerate(nodes):
        wanted = stands.name in wish.rerun
        python = stands.kind == NodeKind.PYTHON
        if not wanted and not (python and (wish.force or _suspicious(session, prepared, n, stands, files))):
            continue
        tasks = sample(stands, None if wanted else _SAMPLE)
        if tasks:
            yield rerun(session, prepare((stands.name,)), stands, tasks, files)
        elif wanted:
            yield Rerun(stands.name, 0, fault=stands.problem or "it has no value that is kept")


def _suspicious(session: Session, prepared: Prepared, n: int, stands: NodeStanding, files: Files) -> bool:
    made = [session.store.result(str(stands.keys[task])) for task in sample(stands, 1)]
    return any(True for _ in suspects(session.project, prepared.ready[n], made[0], files)) if made else False


def live(workflow: str, prepare: Prepare, session: Session, ran: Sequence[Ran], params: str) -> Live:
    """What this kernel knows. A graph that is not whole here is told as its fault."""
    try:
        stands = Standing(standing(session, prepare(())))
    except DefinitionError as error:
        stands = Standing(fault=str(error))
    return Live(workflow, stands, tuple(ran), json.loads(params))


def read_live(environment: Mapping[str, str]) -> Live | None:
    """What a live kernel handed over; None when the command was typed in a shell."""
    path = environment.get(LIVE)
    if path is None:
        return None
    found = json.loads(Path(path).read_text(encoding="utf-8"))
    ran = tuple(Ran(**each) for each in found["ran"])
    return Live(found["workflow"], loads(found["standing"]), ran, found["params"])


def check_saved(path: Path, ran: Sequence[Ran]) -> None:
    """Raise UsageFault when cells ran that the saved file does not have yet: another notebook would be verified."""
    missing = unsaved(code_cells(json.loads(path.read_text(encoding="utf-8"))), ran, path.stat().st_mtime)
    if missing:
        first = next((line for line in missing[0].source.splitlines() if line.strip()), "")
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        begins = beginning(first, 60, os.environ)
        raise UsageFault(
            f"{path.name} on disk is older than what ran here: In [{missing[0].count}] (`{begins}`){others} is not"
            " in it; save the notebook, then verify again"
        )


def ask_fresh(known: Live, words: Sequence[str], store: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Start `wfkit verify WORDS` for a live kernel and return its answer. `progress` gets its lines meanwhile.

    Raises UsageFault with the words of a command that could not begin; KeyboardInterrupt ends it.
    """
    with tempfile.TemporaryDirectory(prefix="wfkit-") as scratch:
        handed, answer = Path(scratch, "live.json"), Path(scratch, "answer.json")
        document = {**asdict(known), "standing": known.standing.dumps()}
        handed.write_text(json.dumps(document, default=repr), encoding="utf-8")
        environment = {**_at_start(), "WFKIT_STORE": str(store), LIVE: str(handed)}
        command = [sys.executable, "-c", _COMMAND.format(root=str(Path(__file__).parents[2])), "verify", *words]
        with answer.open("w") as out:
            process = subprocess.Popen(
                [*command, "--json"],
                env=environment,
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # an interrupt of the live kernel is told to it by us, once
            )
        said = _follow(process, progress)
        lines = answer.read_text(encoding="utf-8").splitlines()
    if not lines:
        raise UsageFault(said.removeprefix("wfkit: ") or f"verify ended with code {process.returncode}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def _follow(process: subprocess.Popen[str], progress: Callable[[str], None]) -> str:
    """Hand its lines on until it ends; the last one."""
    line = ""
    assert process.stderr is not None
    try:
        for text in process.stderr:
            line = text.rstrip("\n")
            progress(line)
        process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
    finally:
        process.stderr.close()
    return line


def _at_start() -> dict[str, str]:
    """The environment that this process began with: what cells set since is hidden state too. Where the system does
    not tell, the present one."""
    try:
        pairs = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return dict(os.environ)
    return dict(os.fsdecode(pair).split("=", 1) for pair in pairs if b"=" in pair)
