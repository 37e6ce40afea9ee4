"""An entry is one line and comes back equal; a line that is not what was written is never taken for one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import get_args
from zlib import crc32

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.call import CallRecord, Cost, Failure, Message, Reply, Request, Usage
from wfkit.core.columns import Items
from wfkit.core.decision import Decision
from wfkit.core.events import (
    Adopted,
    CallEnded,
    CallStarted,
    Dispatched,
    Entry,
    Event,
    Failed,
    Forgotten,
    GuardDecided,
    ItemsSucceeded,
    NodeDefined,
    NodeSpec,
    NotKept,
    Resolved,
    RunEnded,
    RunStarted,
    Skipped,
    SliceSucceeded,
    Succeeded,
    ToolEnded,
    ToolStarted,
    Unresolvable,
)
from wfkit.core.policy import RetryPolicy
from wfkit.core.result import Output, Read, Result, Spent, Stored
from wfkit.core.terms import Act, CostSource, FailureKind, NodeKind, OnError, Reason, RunState, UsageSource, Verdict
from wfkit.errors import StoreFault
from wfkit.store import wire

RESULT = Result(
    "k" * 32,
    "node",
    "d" * 32,
    Stored("v" * 32, "json", "p" * 32, 7, '{"a":1}'),
    reads=(Read("file", "data/x.csv", "f" * 32),),
    inputs=(("up", "u" * 32),),
    preview="{'a': 1}",
    outputs=(Output("stdout", "text/plain", "hello\n"),),
    run_s=0.25,
    spent=Spent(2, 10, None, Decimal("0.000001234"), 1, 0),
    run_id="run",
    created_at=1795248403.51672,
)
FAILURE = Failure(FailureKind.RATE_LIMITED, "RateLimitError", "slow down", 429, 1.5, "Traceback…", "wait")
CALL = CallRecord(
    "c1",
    "r" * 32,
    Request("m", (Message("system", "be brief"), Message("user", "hi")), (("stop", ["a"]), ("temperature", 0.0))),
    1.0,
    2.5,
    reply=Reply(
        "yo",
        "m-2",
        "stop",
        "id",
        Usage(1, 2, source=UsageSource.PROVIDER),
        Cost(Decimal("0.1"), None, None, CostSource.LOCAL),
    ),
    verdict=Verdict.TRUNCATED,
)
ITEMS = Items(
    node="node",
    definition="d" * 32,
    run_id="run",
    created_at=1795248403.51672,
    keys="1" * 32 + "2" * 32,
    digests="3" * 32 + "4" * 32,
    run_s=(0.25, 0.5),
    item="row",
    inputs="5" * 32 + "6" * 32,
    payloads="7" * 32 + "8" * 32,
    codecs=("json", "npy"),
    sizes=(7, 100_000),
    inlines=('{"a":1}', None),
    shared=(("up", "u" * 32),),
    reads=((), RESULT.reads),
    read_of=(0, 1),
    outputs=((1, RESULT.outputs),),
    previews=((1, "ndarray (2,)"),),
)
EVENTS: list[Event] = [
    RunStarted(
        "run",
        "w",
        ("a",),
        (NodeSpec("a", NodeKind.PROMPT, (0, 1), 1, "d", RetryPolicy(2), 3.5, 1, OnError.KEEP),),
        "g",
        1.0,
        7,
    ),
    NodeDefined("a", "d", NodeKind.PYTHON, "x = 1\n", "{}", (("f", "d2", "def f(): ..."),), 1.0),
    Resolved(0, ("k", None), ("cached", "never_run"), ("v", None), 1.0, None, None, "run0"),
    Unresolvable(1, FAILURE, 2.0),
    Dispatched((1, 2), 1, 1.0),
    Succeeded(1, 1, RESULT, 1.0),
    SliceSucceeded((1, 2), 1, ITEMS, 1.0),
    ItemsSucceeded((1, 2), 1, (RESULT, replace(RESULT, key="x")), 1.0),
    Failed(1, 2, FAILURE, 1.0, 2.0, RESULT.outputs),
    Skipped(3, 1, 1.0),
    CallStarted(1, 1, "c1", "r", "m", 1.0),
    CallEnded(1, 1, CALL, 1.0, True),
    GuardDecided(1, 1, Decision("rate", "openai/m", Act.WAITED, "the provider takes no more for now", 1.5), 1.0),
    ToolStarted(1, 1, "t" * 32, 0, "find", '{"query": "x"}', 1.0, "k" * 32, True),
    ToolEnded(1, 1, "t" * 32, 0, "find", "{", "no", 1.0, 0.5, "ValueError", RESULT.reads, "it has no end", True),
    RunEnded(RunState.PARTIAL, 1.0),
    Adopted(1, 1.0, "host"),
    Forgotten("a", ("k1", "k2"), 1.0),
    NotKept("a", "d", ("k1", "k2"), Reason.FAILED_BEFORE, "ValueError: no", 1.0, "run"),
]


def line_of(raw: object) -> bytes:
    body = orjson.dumps(raw)
    return b"%08x %b" % (crc32(body), body)


def test_every_event_is_tried() -> None:
    """An event that is added is added here too."""
    assert {type(event) for event in EVENTS} == set(get_args(Event))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_comes_back_equal(event: Event) -> None:
    """Every event comes back equal, types and all, from one line."""
    entry = Entry("run", 3, 14, event)
    line = wire.encode(entry)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert repr(wire.decode(line[:-1])) == repr(entry)
    assert wire.decode(line[:-1]) == entry


@given(st.text(st.characters(), max_size=40), st.text("\x1a\ud800\udfffd80", max_size=12))
def test_any_text(text: str, odd: str) -> None:
    """Any Python string comes back as it was: surrogates, alone or in pairs, and what they are escaped with, too."""
    entry = Entry(odd, 0, 0, Failed(0, 1, replace(FAILURE, message=text + odd, hint=odd), 1.0))
    assert wire.decode(wire.encode(entry)[:-1]) == entry


def test_surrogates_beside_escapes() -> None:
    """The two halves of an emoji stay two."""
    entry = Entry("run", 0, 0, Failed(0, 1, replace(FAILURE, message="\ud83d\ude00 \x1ad83d 😀"), 1.0))
    assert wire.decode(wire.encode(entry)[:-1]) == entry


def test_a_changed_byte_is_damage() -> None:
    """Whatever byte of a line is changed, or cut, the line is damaged."""
    line = wire.encode(Entry("run", 0, 1, EVENTS[5]))[:-1]
    for place in range(len(line)):
        for changed in (line[:place] + bytes([line[place] ^ 4]) + line[place + 1 :], line[:place]):
            with pytest.raises(wire.Damaged):
                wire.decode(changed)


@pytest.mark.parametrize(
    "raw", [[], 7, {}, {"t": "Adopted"}, {"t": "Adopted", "run": "r", "epoch": 0, "seq": 0, "event": 5}]
)
def test_wrong_shape_is_damage(raw: object) -> None:
    """A line with a good checksum and no entry in it is damaged, not a crash."""
    with pytest.raises(wire.Damaged):
        wire.decode(line_of(raw))


def test_newer_event() -> None:
    """An event of a newer version is a StoreFault that says so."""
    with pytest.raises(StoreFault, match=r"'Paused'.*newer wfkit"):
        wire.decode(line_of({"t": "Paused", "run": "r", "epoch": 0, "seq": 0, "event": {}}))


def test_newer_word() -> None:
    """A word of a newer version is a StoreFault that says so."""
    with pytest.raises(StoreFault, match=r"'paused' as a RunState.*newer wfkit"):
        wire.decode(
            line_of({"t": "RunEnded", "run": "r", "epoch": 0, "seq": 0, "event": {"status": "paused", "at": 1}})
        )


def test_newer_field_is_dropped() -> None:
    """A field that a newer version added is left out, a field that an older one did not have gets its default."""
    event = {"epoch": 2, "at": 1.0, "mood": "good"}
    line = line_of({"t": "Adopted", "run": "r", "epoch": 2, "seq": 0, "event": event, "more": 1})
    assert wire.decode(line) == Entry("r", 2, 0, Adopted(2, 1.0, ""))


def test_what_json_cannot_say() -> None:
    """An event that holds what JSON cannot say is a StoreFault naming the event and the run."""
    bad = replace(CALL, request=replace(CALL.request, params=(("x", object()),)))
    with pytest.raises(StoreFault, match=r"CallEnded of run 'run' cannot be written.*object"):
        wire.encode(Entry("run", 0, 0, CallEnded(0, 1, bad, 1.0)))
