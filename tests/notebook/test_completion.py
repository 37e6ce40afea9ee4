"""Promises of completion: on lines of wfkit Tab offers what fits and nothing else; elsewhere it keeps out of the way.

The last tests ask IPython's own completer in a real shell.
"""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from pydantic import BaseModel

from wfkit.define.options import TABLE
from wfkit.notebook.completion import Names, complete
from wfkit.notebook.magics import install_completion
from wfkit.verbs import Where, usable


class Label(BaseModel):
    text: str


def find(word: str) -> str:
    return word


NAMES = Names(lambda: ["clean", "label"], {"Label": Label, "x": 1, "int": int, "find": find})

FITS = [
    ("%%wf_node ", ["clean", "label"]),
    ("%%wf_node label --on_error ", ["fail", "skip", "keep"]),
    ("%%wf_node label --cache o", ["on", "off"]),
    ("%%wf_node label --model def", ["default"]),
    ("%%wf_node label --schema ", ["Label"]),
    ("%%wf_node label --each x in ", ["clean", "label"]),
    ("%%wf_node label --retries ", []),
    ("%%wf_node label --retr", ["--retries"]),
    ("%wf ru", ["run"]),
    ("%wf run cl", ["clean"]),
    ("%wf run clean ", ["label"]),
    ("%wf run --f", ["--force", "--fresh-replies", "--failed"]),
    ("%wf run --force --f", ["--fresh-replies", "--failed"]),
    ("%wf run --q", ["--quiet"]),
    ("%wf show co", ["cost"]),
    ("%wf show lineage la", ["label"]),
    ("%wf config thr", ["threads"]),
    ("%wf why ", ["clean", "label"]),
    ("%wf nothing ", []),
]
DIRECTIVES = [
    ("#| sch", ["schema: "]),
    ("#| schema: ", ["Label"]),
    ("#| tools: ", ["find"]),
    ("#| on_error: k", ["keep"]),
    ("#| each: x in c", ["clean"]),
    ("#| each: ", []),
    ("#| needs: ", ["clean", "label"]),
]


def offered(text: str, line: int = 0) -> list[str] | None:
    before = text.split("\n")[line]
    found, fragment = complete(text, line, before, NAMES)
    return None if found is None else [word for word in found if word.startswith(fragment)]


@pytest.mark.parametrize(("before", "words"), FITS)
def test_offers_what_fits(before: str, words: list[str]) -> None:
    """Names, options, values, verbs and flags at their places, in the order of their table."""
    assert offered(before) == words


@pytest.mark.parametrize(("before", "words"), DIRECTIVES)
def test_directive_lines(before: str, words: list[str]) -> None:
    """In a `#|` line the same options and values are offered."""
    assert offered(f"%%wf_node label\n{before}", 1) == words


def test_every_option_and_verb_is_offered() -> None:
    """The tables are the source: what is in them can be completed."""
    assert offered("%%wf_node label -") == [f"--{option.name}" for option in TABLE]
    assert offered("%wf ") == [verb.name for verb in usable(Where.NOTEBOOK)]


@pytest.mark.parametrize("text", ["x = 1", "%%time\n--", "import os\nos.pa", "%wfx run", "", "   "])
def test_other_lines_are_not_touched(text: str) -> None:
    """Elsewhere the matcher has no opinion."""
    assert offered(text, text.count("\n")) is None


def test_the_body_is_python() -> None:
    """Below the magic line, names are completed by IPython as ever."""
    assert offered("%%wf_node label\nimport os\nos.pa", 2) is None


@pytest.fixture
def shell() -> InteractiveShell:
    made = InteractiveShell()
    install_completion(made)
    install_completion(made)
    return made


def asked(shell: InteractiveShell, text: str) -> list[str]:
    with provisionalcompleter():
        return [one.text for one in shell.Completer.completions(text, len(text))]


def test_ipython_shows_only_ours(shell: InteractiveShell) -> None:
    """Python names do not mix in (`--re` would offer `--repr`), and a second installation doubles nothing."""
    assert asked(shell, "%%wf_node label --re") == ["--retries", "--returns", "--repairs"]
    assert asked(shell, "%wf show ti") == ["timeline"]


def test_ipython_still_completes_python(shell: InteractiveShell) -> None:
    """Outside our lines IPython answers."""
    shell.run_cell("import os")
    assert "path" in asked(shell, "os.pat")
