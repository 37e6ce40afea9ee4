"""Promises of the verb table: a notebook and a shell read the same words alike, and a wrong word gets one sentence.

Only the reading: what verbs do is tested where it is written.
"""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.errors import UsageFault
from wfkit.verb_words import HelpShown, find, overview, read, read_line
from wfkit.verbs import TABLE, Where, usable

WRONG = [
    ("rn", "did you mean run?"),
    ("", "has no verb ''"),
    ("demo", "is for a shell"),
    ("run --forc", "did you mean --force?"),
    ("run 'label", "a quote has no partner"),
    ("why", "%wf why NODE [--item N]"),
    ("why label --item two", "--item is a whole number, not 'two'"),
    ("show csot", "did you mean cost?"),
    ("sql", "SELECT"),
    ("doctor now", "unknown argument now"),
    ("history --lim 3", "did you mean --limit?"),
]


@pytest.mark.parametrize(("line", "message"), WRONG)
def test_a_wrong_line_is_one_sentence(line: str, message: str) -> None:
    """It says what is wrong and what would be right."""
    with pytest.raises(UsageFault) as caught:
        read_line(line)
    assert message in str(caught.value)


def test_targets_are_positional_and_flags_named() -> None:
    """A line becomes the call that Python would make."""
    asked = read_line("run label --force score")
    assert (asked.verb.method, asked.args) == ("run", ("label", "score"))
    off = dict.fromkeys(("fresh_replies", "quiet", "random", "keep", "failed"), False)
    assert asked.kwargs == off | {"force": True}
    asked = read_line("run label --limit 20 --random --seed 3")
    assert asked.kwargs == off | {"force": False, "random": True, "limit": 20, "seed": 3}


def test_left_out_is_left_out() -> None:
    """What was not said is not passed: the method's own default holds."""
    assert read_line("show").kwargs == {}
    assert read_line("show lineage label --item 3").kwargs == {"view": "lineage", "node": "label", "item": 3}


def test_sql_is_taken_as_it_stands() -> None:
    """Quotes, dashes and blanks of a statement are not a shell's business."""
    query = "select 'it''s'  --force\n from \"runs\" where a='x"
    assert read_line(f"sql {query}").args == (query,)


@pytest.mark.parametrize("where", [Where.NOTEBOOK, Where.SHELL])
def test_every_verb_explains_itself(where: Where) -> None:
    """Each verb is in the overview and answers --help without ending the process."""
    for verb in usable(where):
        with pytest.raises(HelpShown) as caught:
            read(verb, ["--help"], where)
        assert verb.summary in " ".join(caught.value.text.split())  # however wide the terminal is
        assert f"  {verb.name} " in overview(where)
        assert find(verb.name, where) is verb


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_without_a_verb_is_the_overview(flag: str) -> None:
    """`%wf --help` shows what `%wf` alone does."""
    with pytest.raises(HelpShown) as caught:
        read_line(flag)
    assert caught.value.text == f"{overview(Where.NOTEBOOK)}\n"


@pytest.mark.parametrize(("columns", "widest"), [(60, 60), (80, 80), (200, 80)])
@pytest.mark.parametrize("where", [Where.NOTEBOOK, Where.SHELL])
def test_the_overview_fits_a_screen(where: Where, columns: int, widest: int) -> None:
    """No line of it is wider than a terminal or a cell of JupyterLab, and every argument is in it, unbroken."""
    text = overview(where, columns)
    verbs = text.rsplit("\n", 2)[0] if where is Where.NOTEBOOK else text
    assert max(map(len, verbs.splitlines())) <= widest
    assert "[--item N]" in text
    assert "[--limit N] [--random] [--seed N]" in " ".join(text.split())


def test_a_flag_unlike_all_others_gets_no_suggestion() -> None:
    """Two dashes in common are no likeness."""
    with pytest.raises(UsageFault) as caught:
        read(find("run", Where.SHELL), ["a.ipynb", "--max-used", "3"], Where.SHELL)
    assert "did you mean" not in str(caught.value)
    with pytest.raises(UsageFault, match="did you mean --limit"):
        read(find("run", Where.SHELL), ["a.ipynb", "--limt", "3"], Where.SHELL)


def test_parameters_come_in_pairs() -> None:
    """`-p NAME VALUE` may be said again."""
    verb = find("run", Where.SHELL)
    asked = read(verb, ["a.ipynb", "-p", "limit", "4", "-p", "model", "openai/m", "--json"], Where.SHELL)
    assert asked.kwargs["p"] == [["limit", "4"], ["model", "openai/m"]]
    with pytest.raises(UsageFault, match="-p takes NAME VALUE"):
        read(verb, ["a.ipynb", "-p", "limit"], Where.SHELL)


def test_a_name_means_one_thing_in_one_place() -> None:
    """No verb is in the table twice for a notebook, or twice for a shell."""
    for where in (Where.NOTEBOOK, Where.SHELL):
        names = [verb.name for verb in usable(where)]
        assert len(names) == len(set(names))
    assert {verb.name for verb in TABLE} >= {"run", "plan", "why", "show", "log", "history", "sql", "forget"}


@given(st.text(max_size=40))
def test_no_line_is_a_crash(line: str) -> None:
    """Any line is a call, help, or a UsageFault."""
    with contextlib.suppress(UsageFault, HelpShown):
        read_line(line)
