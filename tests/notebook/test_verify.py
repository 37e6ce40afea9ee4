"""Promises of `%wf verify` in a live kernel: hidden state is named with the cell that made it, and nothing is changed.

One real kernel for all, and a fresh one for each verification.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import nbformat.v4
import pytest

from tests.notebook.kernel import Kernel, Ran, kernel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # a fresh kernel for each verification

LOAD, LIMIT, NODE, RUN = "%load_ext wfkit", "LIMIT = 3", "%%wf_node top\nlist(range(10))[:LIMIT]", "%wf run"
VERIFY = "%wf verify flow.ipynb"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Kernel]]:
    """A folder and a kernel in which the four cells have run."""
    folder = tmp_path_factory.mktemp("live")
    with kernel(folder, tmp_path_factory.mktemp("k")) as found:
        for cell in (LOAD, LIMIT, NODE, RUN):
            assert found.run(cell).error is None
        yield folder, found


def save(folder: Path, *cells: str, at: float = 0.0) -> bytes:
    """Save the notebook; `at` is when that was, as seconds from now: a file system's own clock may lag behind."""
    path = folder / "flow.ipynb"
    made = [nbformat.v4.new_code_cell(cell) for cell in (*cells, VERIFY)]
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=made)), encoding="utf-8")
    os.utime(path, (time.time() + at, time.time() + at))
    return path.read_bytes()


def words(ran: Ran) -> str:
    """What is shown, without its line breaks."""
    return " ".join(ran.shown.split())


def test_equal(live: tuple[Path, Kernel]) -> None:
    """What stands in the file gives what is here; its own cell does not verify again, and the file stays as it is."""
    folder, here = live
    before = save(folder, LOAD, LIMIT, NODE, RUN)
    ran = here.run(VERIFY)
    assert ran.error is None, ran.error
    assert "equal: a fresh kernel gives the same as the live kernel, 1 node (5 cells" in words(ran)
    assert (folder / "flow.ipynb").read_bytes() == before


def test_a_deleted_cell(live: tuple[Path, Kernel]) -> None:
    """The name that only the live kernel knows, and the execution that made it; the cell fails, for CI."""
    folder, here = live
    save(folder, LOAD, NODE, RUN)
    ran = here.run(VERIFY)
    assert ran.error is not None
    assert ran.error[0] == "NotTheSame"
    shown = words(ran)
    assert "the notebook does not run to its end in a fresh kernel" in shown
    assert "`LIMIT` is known to the live kernel only: In [2] defined it, and no cell does any more" in shown


def test_an_edited_cell(live: tuple[Path, Kernel]) -> None:
    """The change as a diff, and the cell that was edited and not run again."""
    folder, here = live
    save(folder, LOAD, "LIMIT = 4", NODE, RUN)
    shown = words(here.run(VERIFY))
    assert "differs: 1 of 1 node is not what it is in the live kernel" in shown
    assert "-3 +4" in shown
    assert "cell 2, which defines `LIMIT`, was edited after it ran here as In [2]" in shown


def test_a_file_that_is_older_than_the_screen(live: tuple[Path, Kernel]) -> None:
    """What is not saved cannot be verified: that is said at once."""
    folder, here = live
    save(folder, LOAD, NODE, RUN, at=-3600)
    ran = here.run(VERIFY)
    assert ran.error is not None
    assert ran.error[0] == "UsageFault"
    assert "is older than what ran here: In [2] (`LIMIT = 3`)" in ran.error[1]
    assert "not in it; save the notebook, then verify again" in ran.error[1]


def test_the_file_is_found(live: tuple[Path, Kernel]) -> None:
    """The server tells the kernel its file; without that, and without a server that knows it, the user is asked."""
    folder, here = live
    assert "name it, `%wf verify NOTEBOOK.ipynb`" in str(here.run("%wf verify").error)
    here.run(f"import os; os.environ['JPY_SESSION_NAME'] = {str(folder / 'flow.ipynb')!r}")
    save(folder, LOAD, LIMIT, NODE, RUN)
    assert "equal" in here.run("import wfkit; wfkit.current().verify().status").text
