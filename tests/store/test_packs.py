"""Many entries in one line come back equal; older lines and single ones are read by the same reader."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import orjson
import pytest

from tests.store.database.stories import random_run, result
from wfkit.core.events import Dispatched, Entry, Event, NodeDefined, Resolved, Skipped, Succeeded
from wfkit.core.result import Output, Read, Result, Spent, Stored
from wfkit.core.scope import Sample
from wfkit.core.terms import NodeKind
from wfkit.errors import StoreFault
from wfkit.store import packs, wire
from wfkit.store.collection import compact
from wfkit.store.journals import cataloguing, journal, segments
from wfkit.store.journals.catalog import open_catalog
from wfkit.store.journals.journal import Journal, Log
from wfkit.store.secrets import Secrets

CANARY = "canary-of-a-secret"
PLAIN = replace(result("r"), reads=(), outputs=(), spent=Spent())
EVENTS: list[Event] = [
    NodeDefined("a", "d" * 32, NodeKind.PYTHON, "x = 1\n", "", (("a", "d" * 32, "x = 1\n"),), 1.0),
    Resolved(0, ("k", None), ("never_run", "uncacheable"), (None, None), 1.5),
    Resolved(1, ("k",), ("cached",), ("v",), 1.5, None, None, "r0"),
    Dispatched((0,), 1, 2.0),
    Succeeded(0, 1, PLAIN, 3.0),
    Succeeded(1, 2, replace(PLAIN, preview="lone \ud800 \x1a", cacheable=False, run_s=None), 3.5),
]
ENTRIES = [Entry("run", 1, 7 + place, event) for place, event in enumerate(EVENTS)]


def test_round_trip() -> None:
    """Every kind of event that fits, in its order, with its number; lone surrogates too."""
    assert all(packs.fits(event) for event in EVENTS)
    assert packs.decode(packs.encode(ENTRIES)[:-1]) == ENTRIES
    assert packs.decode(packs.encode(ENTRIES[::2])[:-1]) == ENTRIES[::2]


@pytest.mark.parametrize("seed", range(10))
def test_single_lines(seed: int) -> None:
    """A line of one entry, as older versions wrote them all, is read as before."""
    for entry in random_run(seed, "r").entries:
        assert packs.decode(wire.encode(entry)[:-1]) == [entry]


@pytest.mark.parametrize(
    "told", [{"reads": (Read("file", "a", "b"),)}, {"outputs": (Output("stdout", "text/plain", "x"),)}], ids=list
)
def test_what_does_not_fit(told: dict[str, object]) -> None:
    """A result that read, printed or cost something has a line of its own, and so has every other event."""
    assert not packs.fits(Succeeded(0, 1, replace(PLAIN, **told), 3.0))
    assert not packs.fits(Succeeded(0, 1, replace(PLAIN, spent=Spent(calls=1)), 3.0))
    assert not packs.fits(Skipped(0, 0, 1.0))


@pytest.mark.parametrize(
    "told", [{"labels": ("a",)}, {"sample": Sample(9, (2,), 7)}, {"made_by": ("d" * 32,)}], ids=list
)
def test_a_map_with_more_to_tell(told: dict[str, object]) -> None:
    """A map whose items have names, are a sample or were made by older code has a line of its own, and comes back."""
    event = Resolved(0, ("k",), ("cached",), ("v",), 1.5, **told)
    assert not packs.fits(event)
    entry = Entry("run", 1, 7, event)
    assert packs.decode(wire.encode(entry)[:-1]) == [entry]


def test_every_field_is_there() -> None:
    """Every field of an event or result is in its row, or `fits` tells what else it must be: think of both when one is
    added."""
    told = {Dispatched: (), NodeDefined: (), Stored: (), Resolved: ("labels", "items", "sample", "made_by")}
    told |= {Result: ("value", "reads", "outputs", "spent")}
    rows = (packs._dispatched, packs._defined, packs._stored, packs._resolved, packs._result)
    for (cls, left_out), row in zip(told.items(), rows, strict=True):
        names = row.__reduce__()[1]
        assert {field.name for field in fields(cls)} == {*names, *left_out}


def test_groups_are_short_and_of_one_run() -> None:
    """A line holds entries of one run and epoch with consecutive numbers, and no more than one reads for a value."""
    many = [Entry("run", 1, seq, Dispatched((seq,), 1, 1.0)) for seq in range(300)]
    assert [len(group) for group in packs.grouped(many)] == [128, 128, 44]
    other = [
        replace(many[1], run_id="other"),
        replace(many[2], epoch=2),
        many[4],
        Entry("run", 1, 5, Skipped(0, 0, 1.0)),
    ]
    assert [len(group) for group in packs.grouped([*many[:1], *other, *many[6:8]])] == [1, 1, 1, 1, 1, 2]


def test_damage_and_newer() -> None:
    """A pack whose checksum fails or that lacks a row is damaged; one of a newer version is told as such."""
    line = packs.encode(ENTRIES)[:-1]
    with pytest.raises(wire.Damaged):
        packs.decode(line.replace(b"never_run", b"never_ran"))
    raw = wire.parse(line)
    with pytest.raises(wire.Damaged):
        packs.decode(wire.line({**raw, "event": {**raw["event"], "d": []}})[:-1])
    with pytest.raises(StoreFault, match=r"'z' in a pack: it was written by a newer wfkit"):
        packs.decode(wire.line({**raw, "event": {**raw["event"], "order": "rz"}})[:-1])


def test_journal_packs_what_waits(tmp_path: Path) -> None:
    """Entries appended one by one are one line when they are written, read back in order, and `take_lines` agrees."""
    own = Journal(tmp_path)
    for entry in ENTRIES:
        receipt, _ = own.append((entry,))
    receipt.wait()
    own.append((Entry("run", 1, 99, Skipped(0, 0, 1.0)),), durable=True)[0].wait()
    lines = list(journal.read_entries(own.path))
    assert [entry for _, _, entry in lines] == [*ENTRIES, Entry("run", 1, 99, Skipped(0, 0, 1.0))]
    assert own.take_lines() == lines
    assert own.path.read_bytes().count(b"\n") < len(lines)
    own.close()


def test_secrets_in_packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in a preview or in the text of a definition is redacted, however many entries share its line."""
    monkeypatch.setenv("SOME_API_KEY", CANARY)
    own = Journal(tmp_path, Secrets())
    source = f"key = '{CANARY}'\n"
    told: list[Event] = [
        *EVENTS,
        Succeeded(2, 1, replace(PLAIN, preview=f"it is {CANARY}"), 4.0),
        NodeDefined("b", "e" * 32, NodeKind.PYTHON, source, "", (("b", "e" * 32, source),), 1.0),
    ]
    own.append([Entry("run", 1, seq, event) for seq, event in enumerate(told)], durable=True)[0].wait()
    data = own.path.read_bytes()
    assert CANARY.encode() not in data
    assert data.count(b"[secret: the value of $SOME_API_KEY]") == 3
    assert [entry for _, _, entry in journal.read_entries(own.path)] == [entry for _, _, entry in own.take_lines()]
    own.close()


def test_catalog_reads_packs(tmp_path: Path) -> None:
    """Results and definitions that stand in a pack are in the catalog, those that may not serve are not."""
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "j.jsonl").write_bytes(packs.encode(ENTRIES))
    assert cataloguing.update(tmp_path, dict)
    catalog = open_catalog(tmp_path, journal.list_journals(tmp_path))
    assert catalog is not None
    known = catalog.known([PLAIN.node])
    assert known is not None
    assert [(item.key, item.digest, item.cost_usd) for item in known[0]] == [(PLAIN.key, PLAIN.value.digest, 0)]
    assert catalog.definitions == {"d" * 32}


def test_a_part_is_collected(tmp_path: Path) -> None:
    """Of a pack a collection keeps what it must, and the line and its gap are as long as the line was."""
    many = [Entry("run", 1, seq, Succeeded(seq, 1, replace(PLAIN, key=f"{seq:032}"), 3.0)) for seq in range(20)]
    data = packs.encode(many)
    log = Log("j", segments.write(tmp_path, "j", data), len(data), segment=True)
    done = compact.compact(log, lambda entry: entry if entry.seq % 3 == 0 else None)
    assert (len(done.data), done.changed) == (len(data), True)
    first = done.data.split(b"\n")[0]
    assert packs.decode(first) == many[::3]
    assert orjson.loads(first[9:])["event"]["seqs"] == [0, 3, 6, 9, 12, 15, 18]
