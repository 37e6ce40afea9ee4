"""Promises of `wfkit.file`: a file counts by its content, and one that a body made comes back on a hit."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path, PosixPath

import pytest

import wfkit
from tests.engine.lab import Lab, did, run
from wfkit.errors import ValueFault

MAKES = "import wfkit\nfrom pathlib import Path\nPath('out.txt').write_text(f'{N}')\nwfkit.file('out.txt')"
NEXT = {"made": MAKES, "told": "made.read_text() + '!'"}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")


def test_a_file_is_a_path_that_counts_by_content() -> None:
    """It is a Path for every library."""
    Path("a.txt").write_text("x")
    found = wfkit.file("a.txt")
    assert isinstance(found, Path)
    assert (found.read_text(), found.project_name) == ("x", "a.txt")


OTHERS: dict[str, Callable[[Path], Path]] = {
    "parent": lambda found: found.parent,
    "parents": lambda found: found.parents[0],
    "joined": lambda found: found / "b.txt",
    "joined to another": lambda found: "/elsewhere" / found,
    "renamed in name": lambda found: found.with_suffix(".md"),
    "relative": lambda found: found.relative_to("/"),
    "resolved": lambda found: found.resolve(),
    "read as a link": lambda found: found.readlink(),
    "renamed": lambda found: found.rename("b.txt"),
    "replaced": lambda found: found.replace("b.txt"),
    "listed": lambda found: next(iter(wfkit.file(found.parent).iterdir())),
    "found": lambda found: next(wfkit.file(found.parent).glob("a.txt")),
}


@pytest.mark.parametrize("made", OTHERS.values(), ids=OTHERS)
def test_other_paths_made_from_it_are_mere_paths(made: Callable[[Path], Path]) -> None:
    """They are not told to be files of the project, whichever way they are made."""
    Path("link").touch()
    Path("a.txt").symlink_to("link")
    assert type(made(wfkit.file("a.txt"))) is PosixPath


def test_a_declared_file_is_a_read(lab: Lab) -> None:
    """A file that is declared in the body counts, whoever opens it."""
    cells = {"made": "import wfkit\npath = wfkit.file(FOLDER + '/a.txt')\nlen(str(path)) > 0"}
    Path("data").mkdir()
    seen = []
    for text in ("1", "1", "2"):
        Path("data/a.txt").write_text(text)
        seen.append(did(run(lab.cells(cells, {"FOLDER": "da" + "ta"})))["made"])
    assert seen == ["run", "hit", "run"]


def test_a_file_of_the_notebook_counts_by_content(lab: Lab) -> None:
    """A variable of the notebook that is a file is part of the key by what is in the file."""
    seen = []
    for text in ("1", "1", "2"):
        Path("a.bin").write_text(text)
        outcome = run(lab.cells({"made": "int(SOURCE.read_text())"}, {"SOURCE": wfkit.file("a.bin")}))
        seen.append((outcome["made"], did(outcome)["made"]))
    assert seen == [(1, "run"), (1, "hit"), (2, "run")]


def test_a_made_file_comes_back(lab: Lab) -> None:
    """On a hit the file is there again, byte by byte and with its mode, if it was missing or of another result."""
    cells = {"made": MAKES.replace("wfkit.file", "Path('out.txt').chmod(0o640)\nwfkit.file")}
    assert not run(lab.cells(cells, {"N": 2})).warnings
    assert not run(lab.cells(cells, {"N": 1})).warnings
    for spoil in (lambda: Path("out.txt").unlink(), lambda: Path("out.txt").write_text("2"), lambda: None):
        spoil()
        outcome = run(lab.cells(cells, {"N": 1}))
        assert did(outcome) == {"made": "hit"}
        assert Path("out.txt").read_text() == "1"
        assert stat.S_IMODE(Path("out.txt").stat().st_mode) == 0o640


def test_a_file_of_the_user_is_not_written_over(lab: Lab) -> None:
    """What no result made in that place stays until the body itself writes there: the node runs again, and the plan
    says so. A value handed out later does not write over it either.
    """
    body = MAKES.replace("Path('out.txt').write_text", "Path('out.txt').exists() or Path('out.txt').write_text")
    outcome = run(lab.cells({"made": body}, {"N": 1}))
    Path("out.txt").write_text("mine")
    workflow = lab.cells({"made": body}, {"N": 1})
    assert "file changed" in workflow.plan().text()
    with pytest.raises(ValueFault, match="not written over"):
        workflow.store.get(known_digests(workflow)[0])
    again = run(workflow)
    assert (did(again)["made"], again["made"].read_text(), Path("out.txt").read_text()) == ("run", "mine", "mine")
    assert outcome.status == again.status


def test_a_file_of_the_user_in_a_folder_is_not_written_over(lab: Lab) -> None:
    """In a folder that a result made, a file that the user changed stays; a missing one comes back."""
    body = (
        "import wfkit\nfrom pathlib import Path\nPath('out').mkdir(exist_ok=True)\n"
        "for name in 'ab':\n    path = Path('out', name)\n    path.exists() or path.write_text(name)\nwfkit.file('out')"
    )
    run(lab.cells({"made": body}))
    Path("out/a").write_text("mine")
    assert did(run(lab.cells({"made": body}))) == {"made": "run"}
    assert Path("out/a").read_text() == "mine"


def known_digests(workflow: wfkit.Workflow) -> list[str]:
    """The value digests of the results of `made`."""
    return [known.digest for found in workflow.store.known(["made"]).values() for known in found]


def test_what_is_downstream_follows_the_content(lab: Lab) -> None:
    """A file made anew with the same content stops the wave; other content goes on."""
    assert run(lab.cells(NEXT, {"N": 1}))["told"] == "1!"
    same = {**NEXT, "made": MAKES.replace("f'{N}'", "str(N)")}
    assert did(run(lab.cells(same, {"N": 1}))) == {"made": "run", "told": "hit"}
    outcome = run(lab.cells(same, {"N": 2}))
    assert (outcome["told"], did(outcome)) == ("2!", {"made": "run", "told": "run"})
    assert run(lab.cells(same, {"N": 1}))["told"] == "1!"


def test_an_output_that_was_there_before(lab: Lab) -> None:
    """A body that declares its output first and writes over an old one has read nothing of it."""
    cells = {"made": "import wfkit\nout = wfkit.file('out.txt')\nout.write_text(str(N))\nout"}
    Path("out.txt").write_text("of old")
    outcome = run(lab.cells(cells, {"N": 1}))
    assert not outcome.warnings
    Path("out.txt").unlink()
    assert did(run(lab.cells(cells, {"N": 1}))) == {"made": "hit"}
    assert Path("out.txt").read_text() == "1"


def test_a_file_that_was_only_read_is_not_written_back(lab: Lab) -> None:
    """Handing on an input file does not make it the node's: when it is edited the node runs, the edit stays."""
    Path("in.txt").write_text("mine")
    cells = {"made": "import wfkit\nwfkit.file('in.txt')"}
    run(lab.cells(cells))
    Path("in.txt").write_text("edited")
    assert did(run(lab.cells(cells))) == {"made": "run"}
    assert Path("in.txt").read_text() == "edited"


def test_a_folder_comes_back(lab: Lab) -> None:
    """A folder is a value with every file in it."""
    body = (
        "import wfkit\nfrom pathlib import Path\nPath('out/sub').mkdir(parents=True, exist_ok=True)\n"
        "Path('out/a.txt').write_text('a')\nPath('out/sub/b.txt').write_text('b')\nwfkit.file('out')"
    )
    run(lab.cells({"made": body}))
    Path("out/sub/b.txt").unlink()
    assert did(run(lab.cells({"made": body}))) == {"made": "hit"}
    assert Path("out/sub/b.txt").read_text() == "b"


def test_a_file_in_a_list_comes_back(lab: Lab) -> None:
    """Files may stand in lists and dicts."""
    cells = {"made": MAKES.replace("wfkit.file('out.txt')", "[{'plot': wfkit.file('out.txt')}]")}
    run(lab.cells(cells, {"N": 1}))
    Path("out.txt").unlink()
    assert run(lab.cells(cells, {"N": 1}))["made"][0]["plot"].read_text() == "1"


def test_a_file_that_is_not_returned_is_warned_about(lab: Lab) -> None:
    """A hit would not write it again; the warning names it and says what to do."""
    (warning,) = run(lab.cells({"made": "open('left.txt', 'w').close()\n1"})).warnings
    assert "'left.txt'" in warning
    assert "return wfkit.file('left.txt')" in warning


@pytest.mark.parametrize("path", ["../outside.txt", ".hidden/a.txt", "link.txt"])
def test_what_is_no_file_of_the_project_is_not_kept(path: str, lab: Lab, tmp_path: Path) -> None:
    """Links, hidden folders and places outside the project are refused by name, and nothing is written there."""
    Path(".hidden").mkdir()
    Path("target.txt").write_text("")
    Path("link.txt").symlink_to("target.txt")
    body = f"import wfkit\nfrom pathlib import Path\nPath({path!r}).write_text('x')\nwfkit.file({path!r})"
    outcome = run(lab.cells({"made": body}))
    assert Path(path).name in outcome.warnings[0]
    assert did(run(lab.cells({"made": body}))) == {"made": "run"}
    (tmp_path / path).unlink()


def test_a_file_that_is_missing(lab: Lab) -> None:
    """A file that was never written has no content: the result is not cached, and that is said."""
    outcome = run(lab.cells({"made": "import wfkit\nwfkit.file('gone.txt')"}))
    assert "not there" in outcome.warnings[0]
