"""Promises of `wfkit run --record` and `--replay`: CI gives the same without key and network, and says what diverged.

Real kernels and the real command, against the fault-injecting provider.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.test_main import last_object, shell, write
from wfkit.llm.provider import Behaviour, Faults, Provider

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # a kernel a run

NOTEBOOK = (
    "%load_ext wfkit",
    "docs = ['The sky is up.', 'The sea is deep.']",
    "%%wf_node said --model openai/gpt-4o-mini\n#| each: doc in docs\nSay it again: {{ doc }}",
    "%wf run said",
    "print(said)",
    "import wfkit\nprint(await wfkit.ask('Is the sky wide?', model='openai/gpt-4o-mini'))",
)
DEAD = {"OPENAI_API_BASE": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "", "WFKIT_STORE": ""}


def test_record_then_replay(tmp_path: Path) -> None:
    """Recorded once through a 429; replayed in an empty store without a key: equal outputs, no call, exit code 0.
    A changed word: exit code 5 and the diff. A recording that nothing asked for is told, and none that a plain cell
    asked for after the last run."""
    notebook = write(tmp_path / "flow.ipynb", *NOTEBOOK)
    with Provider(Behaviour(faults=Faults(script=("429",), retry_after_s=0.01))) as provider:
        keys = {"OPENAI_API_BASE": provider.url, "OPENAI_API_KEY": "canary-of-a-key-123456"}
        first = shell(
            tmp_path, "run", "flow.ipynb", "--record", "tape.jsonl", "--json", WFKIT_STORE=str(tmp_path / "a"), **keys
        )
        assert first.returncode == 0, first.stderr
        assert len(provider.effects()) == 4
    dead = {**DEAD, "WFKIT_STORE": str(tmp_path / "b")}
    again = shell(tmp_path, "run", "flow.ipynb", "--replay", "tape.jsonl", "--json", **dead)
    assert again.returncode == 0, again.stderr
    assert (last_object(first)["model_calls"], last_object(again)["model_calls"]) == (4, 0)
    assert "not used of the cassette" not in again.stderr
    write(notebook, *(cell.replace("Say it", "Tell it") for cell in NOTEBOOK))
    other = shell(tmp_path, "run", "flow.ipynb", "--replay", "tape.jsonl", **dead)
    assert other.returncode == 5
    assert "-Say it again: The sky is up." in other.stderr + other.stdout
    write(notebook, *(cell.replace(", 'The sea is deep.'", "") for cell in NOTEBOOK))
    fewer = shell(
        tmp_path, "run", "flow.ipynb", "--replay", "tape.jsonl", **{**dead, "WFKIT_STORE": str(tmp_path / "c")}
    )
    assert fewer.returncode == 0
    # Which of the two the 429 fell on is chance: it is unused with its request.
    assert re.search("not used of the cassette: (1 recording|2 recordings);", fewer.stdout)


def test_bad_words(tmp_path: Path) -> None:
    """A cassette that is not there, or two at once, is refused before a kernel starts."""
    write(tmp_path / "flow.ipynb", *NOTEBOOK)
    missing = shell(tmp_path, "run", "flow.ipynb", "--replay", "nowhere.jsonl")
    assert (missing.returncode, "there is no cassette" in missing.stderr) == (2, True)
    both = shell(tmp_path, "run", "flow.ipynb", "--replay", "a", "--record", "b")
    assert (both.returncode, "one cassette" in both.stderr) == (2, True)
