"""Record and replay: a run that was recorded once gives the same without key and network, and says what diverged."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import wfkit
from wfkit import Workflow, prompt
from wfkit.core.terms import FailureKind
from wfkit.define.cell import parse_cell
from wfkit.errors import UsageFault
from wfkit.llm import registry
from wfkit.llm.provider import Behaviour, Faults, Provider

DOCS = ["The sky is up high.", "The sea is deep.", "Grass is green here."]
SCHEMA = {"type": "object", "properties": {"label": {"enum": ["good", "bad"]}}, "required": ["label"]}
CANARY = "canary-of-a-secret-8812"


def flow(folder: Path, text: str = "Say it again: {{ doc }}", **options: Any) -> Workflow:
    workflow = Workflow("taped", store=folder / ".wfkit", namespace={})
    options = {"model": "openai/gpt-4o-mini", "retries": 3, **options}
    workflow.add(prompt("said", text, each="doc in docs", **options))
    workflow.add(prompt("label", "Label: {{ said[0] }}", model="openai/gpt-4o-mini", schema=SCHEMA, repairs=2))
    return workflow


def run(workflow: Workflow, **options: Any) -> Any:
    """What a run came to, its values read."""
    try:
        outcome = workflow.run("label", "said", inputs={"docs": DOCS}, **options)
        return SimpleNamespace(
            status=outcome.status,
            values={name: list(value) if name == "said" else value for name, value in outcome.values().items()},
            failures=outcome.failures,
            calls=outcome.report.run.spent.calls,
            unused=outcome.unused_recordings,
        )
    finally:
        workflow.close()


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Any]:
    """A cassette of a run with a 429, a 500 and an answer that had to be corrected; then no key and no network."""
    tape = tmp_path / "tapes" / "run.jsonl"
    faults = Faults(script=("429", "ok", "500", "ok", "ok", "not_json"), retry_after_s=0.01)
    with Provider(Behaviour(faults=faults)) as provider, monkeypatch.context() as there:
        there.setenv("OPENAI_API_BASE", provider.url)
        there.setenv("OPENAI_API_KEY", CANARY)
        outcome = run(flow(tmp_path / "first", retries=3), record=str(tape))
        assert outcome.status == "success"
        assert len(provider.effects()) == 7
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(socket.socket, "connect", _closed)
    return tape, outcome


def _closed(*_: object) -> None:
    raise AssertionError("a socket was opened")


def test_replay(tmp_path: Path, recorded: tuple[Path, Any]) -> None:
    """Without key and network: equal values, the refused and the corrected request included; nothing is billed."""
    tape, first = recorded
    again = run(flow(tmp_path / "second"), replay=str(tape))
    assert again.status == "success", again.failures
    assert again.values == first.values
    assert set(again.values) == {"said", "label"}
    assert again.calls == 0
    assert again.unused == 0


def test_the_file(tmp_path: Path, recorded: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line a request in the order of nodes and items, failures too; recording again writes the same; no key in it."""
    tape, _ = recorded
    rows = [json.loads(line) for line in tape.read_text().splitlines()]
    assert rows[0] == {"wfkit_cassette": 1}
    assert [(row["node"], row.get("item")) for row in rows[1:]] == sorted(
        [(row["node"], row.get("item")) for row in rows[1:]], key=lambda pair: (pair[0] == "label", pair[1] or 0)
    )
    assert sorted(row["failure"]["status"] for row in rows[1:] if "failure" in row) == [429, 500]
    assert CANARY not in tape.read_text()
    monkeypatch.undo()
    other = tmp_path / "other.jsonl"
    with Provider(Behaviour()) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        monkeypatch.setenv("OPENAI_API_KEY", CANARY)
        run(flow(tmp_path / "third"), record=str(other))
        text = other.read_text()
        run(flow(tmp_path / "third"), record=str(other))  # all is cached now, and is recorded all the same
    assert other.read_text() == text
    assert len(provider.effects()) == 4


@pytest.mark.parametrize("first", ["left", "right"])
def test_one_order(tmp_path: Path, first: str) -> None:
    """Nodes that run side by side stand in one order, whichever of them is answered first."""
    answered = threading.Event()

    @wfkit.adapter("acme")
    def ask(request: Any) -> str:
        if request.messages[-1].content == first:
            answered.set()
        else:
            assert answered.wait(60)
        return "fine"

    workflow = Workflow("taped", store=tmp_path / ".wfkit", namespace={})
    for name in ("left", "right"):
        workflow.add(prompt(name, name, model="acme/one"))
    try:
        assert workflow.run("left", "right", record=str(tmp_path / "run.jsonl")).status == "success"
    finally:
        workflow.close()
        registry.remove("acme")
    rows = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()[1:]]
    assert [row["node"] for row in rows] == ["left", "right"]


def test_divergence(tmp_path: Path, recorded: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed word fails with node, item and a diff against the nearest recording, and the words that record again;
    the summary's exit code is 5."""
    tape, _ = recorded
    monkeypatch.chdir(tape.parent)
    again = run(flow(tmp_path / "second", "Tell it again: {{ doc }}"), replay=str(tape))
    assert again.status == "failed"
    failure = again.failures[0].failure
    assert failure.kind is FailureKind.DIVERGED
    assert "-Say it again: The sky is up high." in failure.message
    assert "+Tell it again: The sky is up high." in failure.message
    assert "said[0]" in failure.message
    assert f"record again: --record {tape.name}\n" in failure.message
    assert again.unused == 4 + 3


def test_replay_or_record(tmp_path: Path, recorded: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on the cassette is played, what is not is asked and added."""
    tape, first = recorded
    monkeypatch.undo()
    with Provider(Behaviour()) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        monkeypatch.setenv("OPENAI_API_KEY", CANARY)
        workflow = flow(tmp_path / "second")
        outcome = workflow.run("said", inputs={"docs": [*DOCS, "Snow is cold."]}, replay_or_record=str(tape))
        assert list(outcome["said"])[:3] == first.values["said"]
        workflow.close()
        assert len(provider.effects()) == 1
    assert "Snow is cold." in tape.read_text()
    assert len(tape.read_text().splitlines()) == 1 + 7 + 1


@pytest.mark.parametrize("mode", ["record", "replay_or_record"])
def test_what_was_cached_comes_on_the_cassette_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Results of runs without a cassette, of prompts and of code that asks: their replies are put on it from the call
    log, nothing is asked again, and it replays where no store is."""
    tape = tmp_path / "tape.jsonl"
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)

    def asking(folder: str) -> Workflow:
        workflow = flow(tmp_path / folder)
        workflow.add(
            parse_cell("told", "await wfkit.ask(f'Tell {label}', model='openai/gpt-4o-mini')", {"wfkit": wfkit})
        )
        return workflow

    def told(folder: str, **options: Any) -> Any:
        workflow = asking(folder)
        outcome = workflow.run("told", inputs={"docs": DOCS}, **options)
        value, states = outcome["told"], outcome.report.run.tasks
        workflow.close()
        return outcome.status, value, states

    with Provider(Behaviour()) as provider, monkeypatch.context() as there:
        there.setenv("OPENAI_API_BASE", provider.url)
        first = told("first")
        assert told("first", **{mode: str(tape)})[:2] == first[:2]
        assert len(provider.effects()) == len(DOCS) + 2 == len(tape.read_text().splitlines()) - 1
    monkeypatch.setattr(socket.socket, "connect", _closed)
    assert told("second", replay=str(tape))[:2] == first[:2]
    assert told("first", replay=str(tape))[2] == {"cached": len(DOCS) + 2}


def test_touched_by_an_editor(tmp_path: Path, recorded: tuple[Path, Any]) -> None:
    """Lines in another order, lines twice, a byte order mark, other line ends, blank lines: all replay the same."""
    tape, first = recorded
    head, *rows = tape.read_text().splitlines()
    tape.write_bytes("\r\n".join(["\ufeff" + head, *reversed(rows), "", *rows]).encode())
    again = run(flow(tmp_path / "second"), replay=str(tape))
    assert (again.status, again.values) == ("success", first.values)


def test_no_place_for_a_cassette(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cassette that cannot be written is told before anything is asked; a full disk at the end, with what to do."""
    (tmp_path / "file").touch()
    with Provider(Behaviour()) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        monkeypatch.setenv("OPENAI_API_KEY", CANARY)
        for place in (tmp_path / "file" / "c.jsonl", tmp_path, Path()):
            with pytest.raises(UsageFault, match="cannot be written"):
                run(flow(tmp_path / "first"), record=str(place))
        assert not provider.effects()
        with monkeypatch.context() as full:
            full.setattr(Path, "write_text", _full)
            with pytest.raises(UsageFault, match="nothing is bought twice"):
                run(flow(tmp_path / "first"), record=str(tmp_path / "c.jsonl"))
        sent = len(provider.effects())
        assert run(flow(tmp_path / "first"), record=str(tmp_path / "c.jsonl")).status == "success"
        assert len(provider.effects()) == sent
    assert not list(tmp_path.glob(".c.jsonl*"))


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace('"wfkit_cassette": 1', '"wfkit_cassette": 99'), "version 99"),
        (lambda text: "hello\n", "no cassette of wfkit"),
        (lambda text: text[:-20], "cut off in line"),
        (lambda text: text.replace('"messages"', '"mess"'), "line 2 of the cassette"),
        (lambda text: text.replace("The sky", "sk-" + "a" * 30), "holds a secret"),
        (lambda text: text.replace("The sky", "A sky"), "changed by hand"),
        (lambda text: text.replace('"item": 0', '"item": "first"'), "an item a number"),
        (lambda text: text.replace("\n", "\n<<<<<<< mine\n", 1), "line 2 of the cassette"),
    ],
)
def test_broken_cassettes(tmp_path: Path, recorded: tuple[Path, Any], spoil: Any, said: str) -> None:
    """Another version, another file, a cut line, a broken line, a secret, a question that was changed by hand: refused
    before anything runs, in words."""
    tape, _ = recorded
    tape.write_text(spoil(tape.read_text()))
    with pytest.raises(UsageFault, match=said):
        run(flow(tmp_path / "second"), replay=str(tape))
    with pytest.raises(UsageFault, match="there is no cassette"):
        run(flow(tmp_path / "third"), replay=str(tmp_path / "nowhere.jsonl"))
    with pytest.raises(UsageFault, match="one cassette"):
        run(flow(tmp_path / "fourth"), replay=str(tape), record=str(tape))
