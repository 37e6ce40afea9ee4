"""Objects: a payload is durable when kept, verified when read, and mended when it is made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfkit.errors import StoreFault
from wfkit.store.payloads.objects import ObjectFiles, payload_digest

PAYLOAD = b"x" * 100_000
NAME = payload_digest(PAYLOAD)


@pytest.fixture
def objects(tmp_path: Path) -> ObjectFiles:
    return ObjectFiles(tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "objects" / NAME[:2] / NAME[2:]


def test_kept_and_read(objects: ObjectFiles, path: Path) -> None:
    """A payload is a file named by its content, its owner's alone, written once."""
    assert objects.get(NAME) is None
    objects.put(NAME, PAYLOAD)
    before = path.stat()
    objects.put(NAME, PAYLOAD)
    assert objects.get(NAME) == PAYLOAD
    assert path.stat().st_ino == before.st_ino
    assert before.st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("damage", [b"", b"y" * 100_000, PAYLOAD[:-1], PAYLOAD + b"x"])
def test_damage_is_a_miss_and_mended(
    objects: ObjectFiles, path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged object is not read, is set aside with a warning, and the value can be kept again."""
    objects.put(NAME, PAYLOAD)
    path.write_bytes(damage)
    assert objects.get(NAME) is None
    assert "is damaged: set aside" in caplog.text
    assert path.with_name(f"{path.name}.damaged").read_bytes() == damage
    objects.put(NAME, PAYLOAD)
    assert objects.get(NAME) == PAYLOAD


def test_damage_is_mended_by_put_alone(objects: ObjectFiles, path: Path) -> None:
    """Keeping a payload whose file is damaged writes it anew."""
    objects.put(NAME, PAYLOAD)
    path.write_bytes(b"z")
    objects.put(NAME, PAYLOAD)
    assert path.read_bytes() == PAYLOAD


def test_links_are_not_followed(objects: ObjectFiles, path: Path, tmp_path: Path) -> None:
    """A link in place of an object leads nowhere."""
    (tmp_path / "secret").write_bytes(PAYLOAD)
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "secret")
    assert objects.get(NAME) is None


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 31, "../" + "a" * 29])
def test_names_are_digests(objects: ObjectFiles, name: str) -> None:
    """A name that is no digest is refused before any path is made of it."""
    with pytest.raises(StoreFault, match="names no object"):
        objects.get(name)


def test_refusing_disk(objects: ObjectFiles, tmp_path: Path) -> None:
    """A disk that refuses is a StoreFault naming the path and what to do; no half object is left."""
    (tmp_path / "objects").write_text("in the way")
    with pytest.raises(StoreFault, match=rf"object {tmp_path}.*cannot be written.*WFKIT_STORE"):
        objects.put(NAME, PAYLOAD)
