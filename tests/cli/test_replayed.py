"""A notebook that was recorded once gives the same in CI, where no socket opens and no key is set.

Sockets are blocked by an audit hook in every Python process of the replay: the kernel's own channels are no Python
sockets that connect.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

import wfkit
from tests.cli.test_main import last_object, shell, write
from wfkit.llm.provider import Behaviour, Faults, Provider

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # a kernel a run

NOTEBOOK = (
    "%load_ext wfkit\nimport wfkit",
    "docs = ['The sky is up.', 'The sea is deep.', 'A kettle boils water.']",
    "%%wf_node said --model openai/gpt-4o-mini\n#| each: doc in docs\n#| stream: on\nSay it again: {{ doc }}",
    "def find(word: str) -> str:\n    '''Look a word up.'''\n    return f'{word} is in the book'",
    "%%wf_node looked --model openai/gpt-4o-mini\n#| tools: find\nLook up what matters in: {{ said[0] }}",
    """%%wf_node judged
import asyncio
await asyncio.gather(*(wfkit.ask(f'Is this true? {text}', model='openai/gpt-4o-mini') for text in said))""",
    "%wf run said judged looked",
    "print(list(said), looked, judged)",
)
BLOCK = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        with open("opened.txt", "a") as file:
            file.write(f"{event} {arguments[1:]}\\n")
        raise OSError("no network in this test")
sys.addaudithook(refuse)
"""


def printed(path: Path) -> list[str]:
    """What the cells of an executed notebook wrote."""
    cells = nbformat.read(path, as_version=4).cells
    return [output.text for cell in cells for output in cell.get("outputs", ()) if output.output_type == "stream"]


def test_same_notebook_without_network(tmp_path: Path) -> None:
    """Streams, a tool, calls of a Python node and a 429 that passed: the replay writes the same, buys nothing, opens no
    socket; a changed word ends with exit code 5 and the diff."""
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "sitecustomize.py").write_text(BLOCK, encoding="utf-8")
    notebook = write(tmp_path / "flow.ipynb", *NOTEBOOK)
    faults = Faults(script=("ok", "429", "500"), retry_after_s=0.01)
    with Provider(Behaviour(faults=faults)) as provider:
        keys = {"OPENAI_BASE_URL": provider.url, "OPENAI_API_KEY": "canary-of-a-key-123456"}
        words = ("run", "flow.ipynb", "--record", "tape.jsonl", "--out", "first", "--json")
        first = shell(tmp_path, *words, WFKIT_STORE=str(tmp_path / "a"), **keys)
        assert first.returncode == 0, first.stderr + first.stdout
        outcomes = [effect.outcome for effect in provider.effects()]
        assert {"429", "500"} <= set(outcomes)
    path = f"{tmp_path / 'blocked'}:{Path(wfkit.__file__).parents[1]}"
    blocked = {"OPENAI_API_KEY": "", "PYTHONPATH": path}
    words = ("run", "flow.ipynb", "--replay", "tape.jsonl", "--json", "--out")
    again = shell(tmp_path, *words, "again", **blocked, WFKIT_STORE=str(tmp_path / "b"))
    assert again.returncode == 0, again.stderr + again.stdout
    assert not (tmp_path / "opened.txt").exists()
    assert printed(tmp_path / "again" / "flow.ipynb") == printed(tmp_path / "first" / "flow.ipynb") != []
    assert (last_object(first)["model_calls"], last_object(again)["model_calls"]) == (len(outcomes), 0)
    write(notebook, *(cell.replace("Is this true?", "Is this right?") for cell in NOTEBOOK))
    other = shell(tmp_path, *words, "other", **blocked, WFKIT_STORE=str(tmp_path / "c"))
    assert other.returncode == 5, other.stderr + other.stdout
    assert "-Is this true? " in other.stderr + other.stdout
    assert "+Is this right? " in other.stderr + other.stdout
