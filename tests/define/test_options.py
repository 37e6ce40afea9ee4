"""The option table: one place for the magic line, `#|` lines, Python, help and completion."""

from __future__ import annotations

import pytest

from wfkit.core.node import Each
from wfkit.core.policy import CachePolicy, ModelPolicy, Options, RetryPolicy
from wfkit.core.terms import OnError
from wfkit.define.options import TABLE, help_text, read_options
from wfkit.errors import OptionError
from wfkit.settings import Settings


def test_nothing_given() -> None:
    """Without options a node has the defaults of `Options`."""
    assert read_options("", []) == (Options(), None)


def test_line_and_pairs_are_read_by_the_same_table() -> None:
    """An option means the same wherever it stands; dashes and underscores are alike."""
    everything = [
        ("each", "a in b"),
        ("needs", "c,d"),
        ("ignore", "e"),
        ("cache", "1h"),
        ("codec", "pickle"),
        ("key", "id"),
        ("limit", "20"),
        ("max_parallel", "4"),
        ("batch_size", "10"),
        ("retries", "3"),
        ("timeout", "2m"),
        ("deadline", "10m"),
        ("priority", "-1"),
        ("on-error", "keep"),
        ("model", "m"),
        ("fallback", "m2,m3"),
        ("schema", "S"),
        ("on-invalid", "null"),
        ("min-confidence", "0.5"),
        ("repairs", "2"),
        ("temperature", "0.5"),
        ("top_p", "0.9"),
        ("max-tokens", "50"),
        ("seed", "7"),
        ("max_usd", "1.5"),
        ("allow-unpriced", "on"),
        ("tools", "find,shop.count"),
        ("max_turns", "3"),
        ("on_max_turns", "answer"),
        ("stream", "on"),
    ]
    not_beside = {"returns", "hedge"}  # of Python nodes only, and not with a stream
    assert {name.replace("-", "_") for name, _ in everything} | not_beside == {option.name for option in TABLE}
    by_line = read_options(" ".join(f"--{name} {value}" for name, value in everything), [])
    by_pairs = read_options("", [(name, value, 2) for name, value in everything])
    assert by_line == by_pairs
    assert by_line == (
        Options(
            needs=("c", "d"),
            ignore=("e",),
            retry=RetryPolicy(3),
            cache=CachePolicy(ttl_s=3600.0),
            model=ModelPolicy(
                "m",
                0.5,
                0.9,
                50,
                7,
                "S",
                2,
                ("m2", "m3"),
                (),
                "null",
                0.5,
                ("find", "shop.count"),
                3,
                "answer",
                None,
                True,
            ),
            max_usd=1.5,
            allow_unpriced=True,
            timeout_s=120.0,
            deadline_s=600.0,
            priority=-1,
            on_error=OnError.KEEP,
            codec="pickle",
            key="id",
            limit=20,
            max_parallel=4,
            batch_size=10,
        ),
        Each("a", "b"),
    )


def test_a_parameter_left_out_is_not_zero() -> None:
    """Sampling parameters that nobody gave are None: not sent."""
    model = read_options("--model m", [])[0].model
    assert model == ModelPolicy("m")
    assert model.temperature is None
    assert read_options("--model m --temperature 0", [])[0].model != model


def test_prompts_are_retried_as_the_settings_say() -> None:
    """A prompt that names no retries takes them from the settings, a Python node has none."""
    assert read_options("--model m", [])[0].retry.retries == Settings().retries
    assert read_options("--model m", [], Settings(retries=7))[0].retry.retries == 7
    assert read_options("--model m --retries 0", [], Settings(retries=7))[0].retry.retries == 0
    assert read_options("", [], Settings(retries=7))[0].retry.retries == 0


@pytest.mark.parametrize(
    ("line", "pairs", "message"),
    [
        ("--retrys 2", [], r"unknown option `retrys` \(line 1\).*'retries'.*options are: each, needs"),
        ("", [("modle", "m", 3)], r"unknown option `modle` \(line 3\).*'model'"),
        ("--retr 2", [], "unknown option `retr`"),
        ("--retries 2 --retries 2", [], "`retries` is given twice"),
        ("--retries 2", [("retries", 2, 4)], "`retries` is given twice, line 1 and line 4"),
        ("--max-tokens 2 --model m", [("max_tokens", 2, 4)], "`max_tokens` is given twice"),
        ("--temperature 1", [], r"`temperature` \(line 1\) is for prompts.*--model"),
        ("", [("schema", "X", 2)], r"`schema` \(line 2\) is for prompts"),
        ("--model m --max-turns 3", [], r"`max_turns` \(line 1\) is for prompts with tools: add `tools: FUNCTION"),
        ("--tools f", [], r"`tools` \(line 1\) is for prompts"),
        ("--model m --tools 1f", [], r"`tools` .* must be names of functions .*'1f' is no name"),
        (
            "--model m",
            [("schema", {"type": "object", "properties": {"label": {}}}, 2), ("min_confidence", 0.5, 3)],
            r"`min_confidence` \(line 3\).* the field `confidence`, which the schema does not have: give it one",
        ),
        ("--retries many", [], r"`retries` \(line 1\) must be a whole number from 0 to 100, not 'many'"),
        ("", [("timeout", "soon", 0)], r"`timeout` \(argument\) must be a time span"),
        ("--model", [], r"`model` \(line 1\) has no value: it takes MODEL"),
        ("", [("needs", None, 2)], r"`needs` \(line 2\) has no value"),
        ("", [("cache", "x" * 500, 2)], r"x{70,}\.\.\."),
    ],
)
def test_errors_name_option_line_and_cure(line: str, pairs: list[tuple[str, object, int]], message: str) -> None:
    """Every error says which option, where, and what would be right."""
    with pytest.raises(OptionError, match=message):
        read_options(line, pairs)


def test_every_option_explains_itself() -> None:
    """Help and completion find a text and a placeholder for each option; choices are accepted by its reader."""
    text = help_text()
    for option in TABLE:
        assert f"--{option.name} {option.metavar}" in text
        assert option.help in text
        for word in option.choices:
            option.reader(word)
    assert max(map(len, text.splitlines())) <= 120
