"""Violations: what is said of values that cannot be shown."""

from __future__ import annotations

from types import SimpleNamespace

from wfkit.define.violations import of_json_schema, of_pydantic


def test_values_that_are_no_json_are_shown_as_python() -> None:
    """A value inside a pydantic error may be any object."""
    detail = {"loc": ("a", 0), "msg": "Bad", "type": "bad", "input": {1, 2}}
    error = SimpleNamespace(errors=lambda **_: [detail])
    assert of_pydantic(error).endswith("- $.a[0]: Bad (got {1, 2})")


def test_long_values_are_not_repeated() -> None:
    """jsonschema repeats the value in its message; a long one is left out there and cut where it is shown."""
    value = "x" * 500
    error = SimpleNamespace(
        absolute_path=["a"], instance=value, message=f"{value!r} is too long", validator="maxLength", context=[]
    )
    text = of_json_schema([error])
    assert "- $.a: the value is too long (got " in text
    assert len(text) < 200
