"""No secret is written: values that hold one are refused, texts are redacted, replies withheld, all of it said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tests.store.test_wire import CALL, EVENTS, FAILURE, RESULT
from wfkit.core.events import CallEnded, Entry, Failed, NodeDefined, Succeeded
from wfkit.core.result import Output, Read
from wfkit.core.terms import NodeKind, Verdict
from wfkit.errors import ValueFault
from wfkit.store import wire
from wfkit.store.conformance import call, digest
from wfkit.store.disk import DiskStore, open_store
from wfkit.store.memory import MemoryStore
from wfkit.store.secrets import Secrets

CANARY = 'canary"4711\\é'
TOKENS = [
    "sk-proj-abcdefghijklmnop1234",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_11ABCDEFG0abcdefghijklmnopqrstuv",
    "AKIAIOSFODNN7EXAMPLE",
    "xoxb-123456789012-abcdefghij",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "gsk_abcdefghij1234567890abcdefghij1234567890",
    "hf_abcdefghijklmnopqrstuvwxyz12345678",
    "xai-abcdefghijklmnop1234567890ABCDEFGH",
    "glpat-abcdefghij1234567890",
    "Authorization: Bearer abcdefghijklmnopqrstuvwxyz",
]


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Secrets:
    monkeypatch.setenv("SOME_API_KEY", CANARY)
    monkeypatch.setenv("MY_PASSWORD", "hunter22")
    monkeypatch.setenv("PIN_TOKEN", "1234")
    monkeypatch.setenv("KEYBOARD_LAYOUT", "german-neo")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "falsefalse")
    return Secrets()


def test_values_of_the_environment(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of variables named like keys are secrets from 8 bytes on, as soon as they are set and no longer."""
    assert secrets.redact(f"a {CANARY} b hunter22 c 1234 german-neo falsefalse") == (
        "a [secret: the value of $SOME_API_KEY] b [secret: the value of $MY_PASSWORD] c 1234 german-neo falsefalse"
    )
    assert secrets.redact("later-secret") == "later-secret"
    monkeypatch.setenv("LATE_SECRET", "later-secret")
    assert secrets.redact("later-secret") == "[secret: the value of $LATE_SECRET]"
    monkeypatch.delenv("LATE_SECRET")
    assert secrets.redact("later-secret") == "later-secret"


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token[:4])
def test_shapes(secrets: Secrets, token: str) -> None:
    """Tokens are known by their shape."""
    assert "[secret: a token like" in secrets.redact(f"x {token}.")
    assert token[-12:] not in secrets.redact(f"x {token}.")


@pytest.mark.parametrize(
    "text", ["a task-oriented risk-based-approach-to-everything-there-is", "bearer of news", "AKIA"]
)
def test_plain_words_stay(secrets: Secrets, text: str) -> None:
    """Words that merely look like the beginning of a token are left alone."""
    assert secrets.redact(text) == text
    secrets.refuse(text.encode(), "a value")


@pytest.mark.parametrize("store", ["memory", "disk"])
def test_values_are_refused(secrets: Secrets, store: str, tmp_path: Path) -> None:
    """A value that holds a secret is not stored, in whatever codec; the message names the secret, not its text."""
    opened = MemoryStore() if store == "memory" else open_store(tmp_path / ".wfkit")
    for value in (CANARY, {"a": [CANARY]}, (1, CANARY), {CANARY: b"x" * 2000}, CANARY.encode()):
        with pytest.raises(ValueFault, match=r"a value holds the value of \$SOME_API_KEY") as caught:
            opened.encode(value, digest("x"))
        assert "4711" not in str(caught.value)
    opened.close()


def test_large_values_are_searched(secrets: Secrets) -> None:
    """A secret is found in a large frame or array, in its text, its labels, its attrs, or in what stands beside it."""
    numbers = pd.DataFrame({"x": np.arange(50_000.0)})
    marked = numbers.copy()
    marked.attrs = {"made by": CANARY}
    large = np.arange(50_000)
    store = MemoryStore()
    for value in (
        pd.DataFrame({"x": ["some text"] * 50_000 + [CANARY]}),
        numbers.rename(columns={"x": CANARY}),
        marked,
        pd.concat([numbers, pd.DataFrame({CANARY: [1.0]})], axis=1),
        {"beside": CANARY, "x": large},
        {"x": [large, np.array([CANARY] * 20_000)]},
        pa.table({"x": range(50_000), CANARY: range(50_000)}),
        pl.DataFrame({"x": ["some text"] * 50_000 + [CANARY]}),
    ):
        with pytest.raises(ValueFault, match=r"the value of \$SOME_API_KEY"):
            store.encode(value, digest("x"))
    for value in (numbers, large, {"x": large}):
        assert store.encode(value, digest("x")).inline is None
    store.close()


def test_everything_that_happened_is_redacted(secrets: Secrets) -> None:
    """Errors, tracebacks, previews, outputs, sources, prompts and params hold no secret when they are written."""
    failure = replace(FAILURE, message=f"no {CANARY}", traceback=CANARY, hint=TOKENS[0])
    result = replace(RESULT, preview=CANARY, outputs=(Output("stdout", "text/plain", f"> {CANARY}\n"),))
    asked = replace(CALL, request=replace(CALL.request, messages=(replace(CALL.request.messages[0], content=CANARY),)))
    for event in (
        Failed(0, 1, failure, 1.0, None, result.outputs),
        Succeeded(0, 1, result, 1.0),
        Succeeded(0, 1, replace(RESULT, preview="", outputs=(), reads=(Read("file", f"{CANARY}.txt", ""),)), 1.0),
        CallEnded(0, 1, asked, 1.0),
        NodeDefined("n", "d", NodeKind.PYTHON, f"key = '{CANARY}'", "{}", (("f", "d", CANARY),)),
    ):
        entry = Entry("run", 0, 0, event)
        cleaned, said = secrets.clean(entry, wire.encode(entry))
        assert b"4711" not in wire.encode(cleaned)
        assert b"sk-proj" not in wire.encode(cleaned)
        assert said is None
        assert type(cleaned.event) is type(event)


def test_a_clean_entry_is_the_same(secrets: Secrets) -> None:
    """An entry without secrets is not copied."""
    for event in EVENTS:
        entry = Entry("run", 0, 0, event)
        assert secrets.clean(entry, wire.encode(entry)) == (entry, None)


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_a_reply_is_withheld(secrets: Secrets, kind: str, tmp_path: Path) -> None:
    """A reply with a secret is not stored nor served; that it was paid for is, and the user is told."""
    store = MemoryStore() if kind == "memory" else open_store(tmp_path / ".wfkit")
    record = call("r1", f"your key is {CANARY}")
    with pytest.warns(RuntimeWarning, match=r"the reply to call .* holds a secret: it is not stored"):
        store.append([Entry("run", 0, 0, CallEnded(0, 1, record, 1.0))], durable=True).wait()
    assert store.find_call(digest("r1")) is None
    [entry] = store.entries("run")
    assert isinstance(entry.event, CallEnded)
    assert entry.event.call.verdict is Verdict.INVALID
    assert entry.event.call.reply
    assert entry.event.call.reply.usage == record.reply.usage if record.reply else False
    store.close()


def test_no_secret_on_disk(secrets: Secrets, tmp_path: Path) -> None:
    """After all of it, no file of the store holds the canary in any spelling."""
    store = open_store(tmp_path / ".wfkit")
    assert isinstance(store, DiskStore)
    failed = Failed(0, 1, replace(FAILURE, message=CANARY), 1.0)
    both = [Entry("run", 0, 0, Succeeded(0, 1, replace(RESULT, preview=CANARY), 1.0)), Entry("run", 0, 1, failed)]
    store.append(both)
    store.runs()
    store.close()
    for path in (tmp_path / ".wfkit").rglob("*"):
        assert not path.is_file() or b"4711" not in path.read_bytes(), path
