"""A stored instance needs its class from code: without it there is a Record, and nothing is ever imported."""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from tests.store.samples import Color, Label, Open, Pair, Point
from wfkit.core.record import Record
from wfkit.store.payloads import classes, codecs
from wfkit.store.payloads.classes import register_class


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As in a new process: no class was registered."""
    return lambda: monkeypatch.setattr(classes, "_classes", type(classes._classes)())


def decoded(encoded: codecs.Encoded) -> Any:
    return codecs.decode(encoded.codec, encoded.payload)


@pytest.mark.parametrize("value", [Point(1, 2), Label(name="x"), Pair(1, "y")], ids=lambda value: type(value).__name__)
def test_without_its_class(value: Any, forgotten: Any) -> None:
    """Without the class there is a Record of the fields; with it, registered by code, the instance."""
    encoded = codecs.encode(value)
    forgotten()
    fields = value._asdict() if isinstance(value, Pair) else {n: getattr(value, n) for n in type(value).__annotations__}
    assert decoded(encoded) == Record(list(fields), fields.values())
    register_class(type(value))
    assert decoded(encoded) == value
    assert type(decoded(encoded)) is type(value)


def test_enum_without_its_class(forgotten: Any) -> None:
    """An enum without its class is its value."""
    encoded = codecs.encode([Color.GREEN])
    forgotten()
    assert decoded(encoded) == ["g"]


def test_nothing_is_imported(forgotten: Any) -> None:
    """A name in a payload is never imported, whatever it says."""
    payload = b'[["class","antigravity.Evil","dataclass","x",1],["value",[0]]]'
    assert codecs.decode("tagged", payload) == Record(["x"], [1])
    assert "antigravity" not in sys.modules


def test_another_class_of_that_name(forgotten: Any) -> None:
    """A class that was redefined with other fields does not get the old values."""
    encoded = codecs.encode(Point(1, 2))

    @dataclass
    class Other:
        x: int

    Other.__module__, Other.__qualname__ = Point.__module__, Point.__qualname__
    register_class(Other)
    assert decoded(encoded) == Record(["x", "more"], [1, 2])


def test_pydantic_extras_and_privates(forgotten: Any) -> None:
    """Extra fields, private attributes and which fields were set come back; validators do not run again."""
    value = Open(name="x", other=[1])
    value._seen = 3
    found = decoded(codecs.encode(value))
    assert found == value
    assert (found._seen, found.model_fields_set, found.model_extra) == (3, {"name", "other"}, {"other": [1]})


def test_classes_are_not_kept() -> None:
    """A class that its notebook dropped is not kept alive by the registry."""

    def make() -> str:
        @dataclass
        class Gone:
            x: int

        codecs.encode(Gone(1))
        return classes.class_name(Gone)

    name = make()
    gc.collect()
    assert name not in classes._classes
