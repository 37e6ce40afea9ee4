"""The Jinja2 environment: made once, with nothing in it that a prompt does not need."""

from __future__ import annotations

from wfkit.define.sandbox import environment


def test_one_environment_with_one_global() -> None:
    """Everybody shares it; only `range` is given, and nothing in it is left to chance."""
    assert environment() is environment()
    assert set(environment().globals) == {"range"}
    assert "random" not in environment().filters
    assert environment().loader is None


def test_autoescape_is_off() -> None:
    """A prompt is no HTML."""
    assert environment().from_string("{{ x }}").render(x="<&>") == "<&>"
