"""Whoever cuts a text redacts it before: at no place of the cut a piece of a secret is left, in any room."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from tests.ids import stable
from wfkit.core.call import Message, Reply, Request
from wfkit.core.report import NodeRow, RunReport, RunRow
from wfkit.define import violations
from wfkit.define.excerpt import excerpt
from wfkit.engine.attempts.tool_text import text_of
from wfkit.engine.plans.comparing import Input, input_changes
from wfkit.engine.plans.comparing import text_of as lines_of
from wfkit.engine.preview import preview, shortened
from wfkit.engine.running.live import Live
from wfkit.executors.capture import capture
from wfkit.keys import preview as keys
from wfkit.llm import failures
from wfkit.llm.cassette import _diff
from wfkit.llm.structured import _gave_up, correction
from wfkit.store.secrets import Secrets

VALUE = 'V4l"ue-\\of\n&-<a>-Sec.ret~19'  # as a repr, JSON, a page or an address each time spelled another way
TOKEN = "sk-proj-Zq8Wv5Ty2Ub7Nm4Lk1Jh6Gf3"
PIECE = 6  # characters of a secret that must not be left


def pieces(secret: str) -> set[str]:
    """Every piece of a secret, plain and as a repr or JSON spells it."""
    spelled = {secret, repr(secret)[1:-1], repr(secret)[1:-1].replace('"', '\\"')}
    return {text[at : at + PIECE] for text in spelled for at in range(len(text) - PIECE + 1)}


class Odd:
    """A value that only its repr tells of."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Odd({self.text!r})"


def said(text: str) -> Reply:
    return Reply(text, "m")


def live(text: str) -> str:
    """What the display shows at any time while the text comes in small pieces."""
    voices, shown = Live(), []
    report = RunReport(RunRow("r", "w", "running", 0.0, None, {}), (NodeRow("n", "prompt", (), False, {}),))
    with voices.hearing("n", 0) as voice:
        voice.begins()
        for at in range(0, len(text), 7):
            voice.says(text[at : at + 7])
            shown.append(voices.onto(report).nodes[0].saying or "")
    return "\n".join(shown)


def printed(text: str) -> str:
    with capture(200) as captured:
        for at in range(0, len(text), 7):
            captured.write("stdout", text[at : at + 7])
    return "".join(output.data for output in captured.outputs())


def violated(text: str) -> str:
    return violations._got(text) + violations._got({"a": [text]})


def changed(text: str) -> str:
    old, new = Input("a" * 32, lines_of(f"old\n{text}")), Input("b" * 32, lines_of(f"new\n{text}\nmore"))
    return str(input_changes("n", {"x": old}, {"x": new}))


def asked(text: str) -> Request:
    return Request("m", (Message("user", text),))


CUTS: dict[str, tuple[Callable[[str], str], int]] = {
    "preview of a text": (preview, 500),
    "preview of a list": (lambda text: preview([text[:-40], text, text]), 500),
    "preview of a list's text": (lambda text: preview([text[:499]]), 250),
    "preview of a dict": (lambda text: preview({"key": text}), 500),
    "preview of an object": (lambda text: preview(Odd(text)), 500),
    "preview of a frame": (lambda text: preview(pd.DataFrame({text: [1], "b": [2]})), 500),
    "preview of bytes": (lambda text: preview(text.encode()), 500),
    "line of a log": (shortened, 160),
    "preview of a constant": (keys.preview, 500),
    "preview of constants": (lambda text: keys.preview((text, Odd(text))), 500),
    "result of a tool": (lambda text: text_of(text)[-120:], 20_000),
    "correction": (lambda text: correction(asked("?"), text, "no").messages[1].content[-120:], 20_000),
    "answer that does not fit": (lambda text: _gave_up(said(text), "no", 1).message, 200),
    "error of a provider": (lambda text: failures.refused(500, {}, text.encode(), "m").message, 600),
    "error of a connection": (lambda text: failures.broken(OSError(text), "m").message, 600),
    "stream that broke off": (lambda text: failures.cut("m", text).message, 400),
    "error in a stream": (lambda text: failures.told_in_stream({"message": text}, "m", text).message, 600),
    "value that fits no schema": (violated, 80),
    "line of a cell": (lambda text: excerpt(text, 3), 160),
    "diff of inputs": (changed, 100),
    "diff of a cassette": (lambda text: _diff(asked(text), asked(f"other\n{text}")), 100),
    "output of a body": (printed, 200),
    "live display": (live, 60),
}


@pytest.mark.parametrize("secret", [VALUE, TOKEN], ids=["of a variable", "of a shape"])
@pytest.mark.parametrize("name", CUTS, ids=stable)
def test_no_piece_of_a_secret_is_left(name: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the secret stands around the cut, also at its very end: no six characters of it in a row are shown."""
    monkeypatch.setenv("CANARY_KEY", VALUE)
    cut, limit = CUTS[name]
    left, written = pieces(secret), Secrets()
    for at in range(limit - len(secret) - 12, limit + 12, 1 if limit < 10_000 else 3):
        for rest in ("", " and so on" * 60):
            shown = written.redact(cut("." * max(0, at - 1) + " " + secret + rest))  # as whatever is written
            found = [piece for piece in left if piece in shown]
            assert not found, (at, bool(rest), found, shown[-200:])
