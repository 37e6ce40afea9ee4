"""The file of facts: what another process may find in it, whatever happened to it."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from wfkit.store.journals import facts as module
from wfkit.store.journals.facts import FILE, Facts, finders

SUBJECTS = [f"subject {number}" for number in range(20)]


def filled(root: Path) -> Path:
    facts = Facts(root, lambda: "me")
    for subject in SUBJECTS:
        facts.remember(subject, f'["{subject}"]')
    facts.save()
    return root / FILE


def known(root: Path, finder: str = "me") -> list[str]:
    facts = Facts(root, lambda: finder)
    found = {subject: facts.recall(subject) for subject in SUBJECTS}
    assert all(fact == f'["{subject}"]' for subject, fact in found.items() if fact is not None)
    return [subject for subject, fact in found.items() if fact is not None]


def test_facts_outlive_the_process(tmp_path: Path) -> None:
    """What was saved is known to the next process; only its owner may read it."""
    assert known(tmp_path) == []
    assert filled(tmp_path).stat().st_mode & 0o777 == 0o600
    assert known(tmp_path) == SUBJECTS


def test_nothing_new_is_nothing_written(tmp_path: Path) -> None:
    """Without new facts no file is made; the same process may save again and again."""
    facts = Facts(tmp_path, lambda: "me")
    facts.save()
    assert not (tmp_path / FILE).exists()
    facts.remember("a", "1")
    facts.save()
    facts.save()
    assert facts.recall("a") == "1"
    assert (tmp_path / FILE).read_bytes().count(b"\n") == 2


def test_another_finder_knows_nothing(tmp_path: Path) -> None:
    """Facts that another Python or another wfkit found out do not count, and stay."""
    filled(tmp_path)
    assert known(tmp_path, "other") == []
    assert known(tmp_path) == SUBJECTS


def test_finders_change_with_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit of a file that finds facts makes all facts unknown; an archive without files is no error."""
    monkeypatch.setattr(module, "_PACKAGE", tmp_path)
    before = finders(["room"])
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text("1")
    first = finders(["room"])
    os.utime(tmp_path / "room" / "a.py", ns=(1, 1))
    assert len({before, first, finders(["room"])}) == 3


def test_a_torn_line_costs_one_fact(tmp_path: Path) -> None:
    """A process that died while writing takes only its last fact along; what is written afterwards is whole."""
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    assert known(tmp_path) == SUBJECTS[:-1]
    facts = Facts(tmp_path, lambda: "me")
    facts.remember(SUBJECTS[-1], f'["{SUBJECTS[-1]}"]')
    facts.save()
    assert known(tmp_path) == SUBJECTS


@pytest.mark.parametrize("place", range(0, 800, 61))
def test_a_damaged_byte_is_never_believed(tmp_path: Path, place: int) -> None:
    """Whatever byte is damaged, the other facts stay, and no wrong one appears."""
    path = filled(tmp_path)
    data = bytearray(path.read_bytes())
    data[place] ^= 0x11
    path.write_bytes(data)
    assert len(known(tmp_path)) >= len(SUBJECTS) - 2


def test_facts_do_not_change_places(tmp_path: Path) -> None:
    """A fact under the key of another subject is not believed: the check covers both."""
    path = filled(tmp_path)
    lines = path.read_text().strip().split("\n")
    path.write_text("\n".join(one[:32] + two[32:] for one, two in pairwise(lines)))
    assert known(tmp_path) == []


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_bytes(bytes(range(256)) * 9), os.mkfifo])
def test_what_is_no_file_of_facts_is_no_error(tmp_path: Path, make: object) -> None:
    """A folder, a pipe or foreign bytes in its place: nothing is known, nothing is raised."""
    make(tmp_path / FILE)
    assert known(tmp_path) == []
    filled(tmp_path)


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link in its place leads nowhere."""
    (tmp_path / "target").write_text("")
    (tmp_path / FILE).symlink_to(tmp_path / "target")
    filled(tmp_path)
    assert (tmp_path / "target").read_text() == ""
    assert known(tmp_path) == []


def test_two_processes_share_the_file(tmp_path: Path) -> None:
    """Writers that read the same state keep each other's facts."""
    one, two = Facts(tmp_path, lambda: "me"), Facts(tmp_path, lambda: "me")
    assert one.recall(SUBJECTS[0]) is two.recall(SUBJECTS[1]) is None
    one.remember(SUBJECTS[0], f'["{SUBJECTS[0]}"]')
    two.remember(SUBJECTS[1], f'["{SUBJECTS[1]}"]')
    one.save()
    two.save()
    assert known(tmp_path) == SUBJECTS[:2]


def test_a_file_grown_too_large_keeps_what_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit the file is written anew with what this process recalled or found; far above, it is not read."""
    path = filled(tmp_path)
    monkeypatch.setattr(module, "LARGEST", path.stat().st_size - 1)
    facts = Facts(tmp_path, lambda: "me")
    assert facts.recall(SUBJECTS[3]) is not None
    facts.remember("new", "1")
    facts.save()
    assert known(tmp_path) == [SUBJECTS[3]]
    assert Facts(tmp_path, lambda: "me").recall("new") == "1"
    monkeypatch.setattr(module, "LARGEST", 10)
    assert known(tmp_path) == []


def test_what_is_not_one_short_line_of_ascii_is_not_kept(tmp_path: Path) -> None:
    """Facts that would break the file are left out."""
    facts = Facts(tmp_path, lambda: "me")
    for fact in ("a\nb", "\u00e9", "x" * 100_000):
        facts.remember("a", fact)
    facts.remember("\ud800 any text is a subject", "1")
    facts.save()
    again = Facts(tmp_path, lambda: "me")
    assert again.recall("a") is None
    assert again.recall("\ud800 any text is a subject") == "1"
