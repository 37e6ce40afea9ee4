"""Archives: what another store takes in is what was there, once, verified, and it executes nothing."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from tests.store.collecting import entries_of, hits, object_count, reports, story_of, three_versions
from tests.store.database.store_folder import tables, write_journal
from wfkit import Workflow, housekeeping
from wfkit.core.events import Adopted, Entry, RunEnded, Succeeded
from wfkit.core.terms import RunState
from wfkit.define.cell import parse_cell
from wfkit.errors import StoreFault, UsageFault, ValueFault
from wfkit.store import place, wire
from wfkit.store.collection.archive import HEAD, LINES, export
from wfkit.store.collection.taking_in import take_in
from wfkit.store.conformance import digest, result
from wfkit.store.disk import open_store
from wfkit.store.doctor import doctor


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return _new(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return _new(tmp_path / "another" / "place")


def _new(folder: Path) -> Path:
    place.prepare(folder / ".wfkit")
    return folder / ".wfkit"


def test_all_comes_along(here: Path, there: Path, tmp_path: Path) -> None:
    """Runs with their reports, results, replies and large values are in the other store as they were here."""
    three_versions(here)
    path = tmp_path / "store.zip"
    made = export(here, path)
    done = take_in(there, path)
    assert (done.lines, done.objects, done.left_out) == (made.lines, made.objects, 0)
    assert reports(there) == reports(here)
    assert object_count(there) == object_count(here)
    assert hits(there, 1) == {"numbers": 1, "doubled": 3, "large": 1, "told": 1}
    assert doctor(there).ok


def test_twice_is_once(here: Path, there: Path, tmp_path: Path) -> None:
    """What is here already is not taken in again; of a later archive only what is new is."""
    three_versions(here)
    export(here, tmp_path / "one.zip")
    take_in(there, tmp_path / "one.zip")
    store = open_store(there)
    store.database()
    store.close()
    before = tables(there / "wfkit.duckdb")
    assert (take_in(there, tmp_path / "one.zip").lines, take_in(here, tmp_path / "one.zip").lines) == (0, 0)
    write_journal(here, story_of("later", RunState.SUCCESS))
    export(here, tmp_path / "two.zip")
    assert take_in(there, tmp_path / "two.zip").lines == 3
    assert set(before["results"]) == set(tables(there / "wfkit.duckdb")["results"])
    assert len(reports(there)) == 5


def test_an_open_store_sees_it(here: Path, there: Path, tmp_path: Path) -> None:
    """A store that is open meanwhile finds what was taken in."""
    write_journal(here, story_of("one", RunState.SUCCESS))
    export(here, tmp_path / "a.zip")
    store = open_store(there)
    assert store.find_call(digest("one asked")) is None
    take_in(there, tmp_path / "a.zip")
    assert store.find_call(digest("one asked")) is not None
    store.close()


def test_a_run_that_goes_on_is_not_taken_up_elsewhere(here: Path, there: Path, tmp_path: Path) -> None:
    """Of a run without an end the replies come along, and the run itself when it has ended."""
    write_journal(here, story_of("run", None))
    export(here, tmp_path / "one.zip")
    take_in(there, tmp_path / "one.zip")
    store = open_store(there)
    assert store.find_call(digest("run asked")) is not None
    assert (store.interrupted(), store.runs()) == ([], [])
    store.close()
    write_journal(here, [Entry("run", 0, 2, RunEnded(RunState.SUCCESS, 9.0))])
    export(here, tmp_path / "two.zip")
    take_in(there, tmp_path / "two.zip")
    assert set(reports(there)) == {"run"}
    assert len(entries_of(there)) == 3


def test_late_entries_stay_late(here: Path, there: Path, tmp_path: Path) -> None:
    """The story of a run through several hands is the same on the other side, whichever journal was older."""
    write_journal(here, [Entry("run", 1, 0, Adopted(1, 5.0)), Entry("run", 1, 1, RunEnded(RunState.SUCCESS, 6.0))])
    write_journal(here, story_of("run", None))
    export(here, tmp_path / "one.zip")
    take_in(there, tmp_path / "one.zip")
    told = []
    for root in (here, there):
        store = open_store(root)
        told.append(store.entries("run"))
        store.close()
    assert told[0] == told[1]
    assert len(told[0]) == 4


def test_pickles_stay_outside(here: Path, there: Path, tmp_path: Path) -> None:
    """A pickle is not even written into the store; its node runs again there."""
    cells = {"odd --codec pickle": "{1, 2, 3}", "size": "len(odd)"}
    if not _has_option("codec"):
        _pickled(here)
    else:
        _run(here, cells)
    export(here, tmp_path / "a.zip")
    done = take_in(there, tmp_path / "a.zip")
    assert done.left_out == 1
    values = [entry.event.result.value for entry in entries_of(there) if isinstance(entry.event, Succeeded)]
    assert "pickle" not in {value.codec for value in values}


def _has_option(name: str) -> bool:
    from wfkit.define.options import TABLE

    return any(option.name == name for option in TABLE)


def _pickled(root: Path) -> None:
    store = open_store(root)
    stored = store.encode({1, 2}, digest("pickled"), "pickle")
    made = replace(result(store, "k", 1), value=stored)
    store.append([Entry("run", 0, 1, Succeeded(0, 1, made, 1.0))], durable=True).wait()
    store.close()


def _run(root: Path, cells: dict[str, str]) -> None:
    workflow = Workflow("w", store=root, namespace={})
    for line, body in cells.items():
        workflow.add(parse_cell(line, body, {}))
    workflow.run()
    workflow.close()


def test_a_lost_object_is_a_miss(here: Path, there: Path, tmp_path: Path) -> None:
    """A value whose object is gone cannot come along: it is said, and the node runs again on the other side."""
    three_versions(here)
    next(path for path in (here / "objects").rglob("*") if path.is_file()).unlink()
    assert export(here, tmp_path / "a.zip").left_out == 1
    assert take_in(there, tmp_path / "a.zip").left_out == 1
    assert sum(hits(there, version)["large"] for version in (1, 2, 3)) == 2


Members = dict[str, bytes]


def _cut(members: Members) -> None:
    del members[LINES]


def _newer(members: Members) -> None:
    members[HEAD] = orjson.dumps({"format": 99})


def _no_head(members: Members) -> None:
    members[HEAD] = b"[]"


def _stranger(members: Members) -> None:
    members["../../evil.py"] = b"x"


def _other_object(members: Members) -> None:
    name = next(name for name in members if name.startswith("objects/"))
    members[name] += b"x"


def _other_line(members: Members) -> None:
    members[LINES] = members[LINES].replace(b"success", b"SUCCESS", 1)


def _other_value(members: Members) -> None:
    lines = members[LINES].splitlines(keepends=True)
    for number, line in enumerate(lines):
        event = wire.decode(line[:-1])
        if isinstance(event.event, Succeeded) and event.event.result.value.inline is not None:
            value = replace(event.event.result.value, inline="[6]")
            wrong = replace(event, event=replace(event.event, result=replace(event.event.result, value=value)))
            lines[number] = wire.encode(wrong)
            break
    members[LINES] = b"".join(lines)


def _newer_event(members: Members) -> None:
    from zlib import crc32

    body = b'{"t":"Tomorrow","run":"r","epoch":0,"seq":0,"event":{}}'
    members[LINES] += b"%08x %b\n" % (crc32(body), body)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_cut, "lacks a part"),
        (_newer, "update wfkit"),
        (_no_head, "cannot be read"),
        (_stranger, "does not belong"),
        (_other_object, "not what its name says"),
        (_other_line, "checksum"),
        (_other_value, "not what its digest says"),
        (_newer_event, "newer wfkit"),
    ],
    ids=["cut", "newer", "no head", "stranger", "object", "line", "value", "event"],
)
def test_a_spoilt_archive_changes_nothing(
    here: Path, there: Path, tmp_path: Path, spoil: Callable[[Members], None], told: str
) -> None:
    """Whatever is wrong with an archive is found before anything is written, and said in a sentence."""
    three_versions(here)
    export(here, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    spoil(members)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    files = sorted(there.rglob("*"))
    with pytest.raises(StoreFault, match=told):
        take_in(there, tmp_path / "b.zip")
    assert sorted(there.rglob("*")) == files


def test_what_is_no_archive(here: Path, tmp_path: Path) -> None:
    """Neither a missing file, nor any other file, nor a half one is taken for an archive; none is overwritten, and for
    a missing one no store is made."""
    with pytest.raises(UsageFault, match="there is no archive"):
        housekeeping.take_in(tmp_path / "nowhere", tmp_path / "a.zip")
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "a.zip").write_bytes(b"text")
    with pytest.raises(StoreFault, match="no whole archive"):
        take_in(here, tmp_path / "a.zip")
    with pytest.raises(UsageFault, match="there already"):
        export(here, tmp_path / "a.zip")
    write_journal(here, story_of("one", RunState.SUCCESS))
    export(here, tmp_path / "b.zip")
    (tmp_path / "b.zip").write_bytes((tmp_path / "b.zip").read_bytes()[:-40])
    with pytest.raises(StoreFault, match="no whole archive"):
        take_in(here, tmp_path / "b.zip")
    with pytest.raises(StoreFault, match="cannot be written"):
        export(here, tmp_path / "no folder" / "b.zip")


def test_values_are_the_same(here: Path, there: Path, tmp_path: Path) -> None:
    """Every value that can be had here can be had there, bit by bit."""
    three_versions(here)
    export(here, tmp_path / "a.zip")
    take_in(there, tmp_path / "a.zip")
    one, two = open_store(here), open_store(there)
    known = one.known(["numbers", "doubled", "large", "told"])
    digests = [item.digest for items in known.values() for item in items]
    assert one.get_many(digests) == two.get_many(digests)
    with pytest.raises(ValueFault):
        two.get(digest("nothing"))
    one.close()
    two.close()
