"""Settings of the user: from pyproject, environment and `config`; what is wrong is told with its place."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.ids import stable
from wfkit import settings
from wfkit.core.capabilities import Capabilities
from wfkit.errors import UsageFault


def test_models_of_ones_own(tmp_path: Path) -> None:
    """A table a model in pyproject.toml, with what it can do and costs."""
    table = '[tool.wfkit.models."openai/mine"]\nschema = true\ncontext_tokens = 32000\ninput_usd = 0.15\n'
    (tmp_path / "pyproject.toml").write_text(table)
    said = Capabilities(schema=True, context_tokens=32_000, input_usd=Decimal("0.15"))
    assert settings.load(tmp_path, {}, {}).models == (("openai/mine", said),)
    as_json = {"WFKIT_MODELS": '{"a/b": {"tools": false}}'}
    assert settings.load(None, {}, as_json).models == (("a/b", Capabilities(tools=False)),)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"a/b": {"schem": True}}, "no field 'schem' (did you mean 'schema'?)"),
        ({"a/b": {"kind": "image"}}, "kind: input should be 'chat' or 'embedding', not 'image'"),
        ({"a/b": {"context_tokens": "many"}}, "context_tokens"),
        ({"a/b": {"input_usd": -1}}, "input_usd must not be below 0"),
        ({"a/b": 3}, "model 'a/b' in config"),
        ("nonsense", "must be a table"),
    ],
)
def test_a_wrong_model(said: object, told: str) -> None:
    """The model, the field and the place are named."""
    with pytest.raises(UsageFault) as caught:
        settings.load(None, {"models": said}, {})
    assert told in str(caught.value)
    assert "config" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("threads", "many", "must be a whole number above 0, not 'many'"),
        ("retries", "-1", "must be a whole number from 0, not '-1'"),
        ("strict", "perhaps", "must be on or off, not 'perhaps'"),
        ("max_usd", "0", "must be a number above 0 (none: no limit), not '0'"),
        ("thread", "3", "unknown setting 'thread' in config (did you mean 'threads'?)"),
    ],
    ids=stable,
)
def test_a_wrong_setting(name: str, said: str, told: str) -> None:
    """What a setting takes is told in words of a user, and a slip of the pen is guessed."""
    with pytest.raises(UsageFault) as caught:
        settings.load(None, {name: said}, {})
    assert told in str(caught.value)


def test_no_retries() -> None:
    """Asking once is a choice, for all nodes as for one."""
    assert settings.load(None, {"retries": "0"}, {}).retries == 0


@pytest.mark.parametrize("said", ["nan", "inf", "0", "-1", "90s"])
def test_a_limit_that_is_none(said: str) -> None:
    """A number that limits nothing is refused, with the place where it stands."""
    with pytest.raises(UsageFault, match=f"'deadline_s' in environment variable WFKIT_DEADLINE_S must be .*{said}"):
        settings.load(None, {}, {"WFKIT_DEADLINE_S": said})
