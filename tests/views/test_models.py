"""Promises of `views/models.py`: the same numbers in a table, in text, as data and as JSON; unknown is not zero."""

from __future__ import annotations

import json

import pytest

from wfkit.views import columns
from wfkit.views.models import ModelRow, Models

_ABLE = ("schema", "tools", "vision", "streaming", "sampling")
_PRICED = ("input", "output", "cached", "cache written", "reasoning", "batch input", "batch output")


def row(model: str = "openai/one", usable: bool | None = True, **prices: float) -> ModelRow:
    usd = tuple((name, prices.get(name)) for name in _PRICED)
    able = tuple((name, name == "schema" or None) for name in _ABLE)
    return ModelRow(model, "chat", usable, "ONE_KEY", able, 128_000, None, usd, "litellm")


VIEW = Models((row(input=0.15, output=0.6), row("two/<b>", None)), ("ONE_KEY",))


def test_text_fits_a_terminal() -> None:
    """80 columns; what is not known is `?`; the keys that are set are named."""
    lines = VIEW.text().split("\n")
    assert max(map(len, lines)) <= 80
    assert "ONE_KEY" in lines[0]
    assert lines[2].split() == ["✓", "openai/one", "128.0k", "$0.15", "$0.60", "schema"]
    assert lines[3].split() == ["?", "two/<b>", "128.0k", "?", "?", "schema"]


@pytest.mark.parametrize("wide", [40, 60, 80, 120])
def test_a_name_can_always_be_copied(wide: int) -> None:
    """However long a name and narrow a terminal, it stands there whole, on one line; all else keeps to its columns."""
    names = ("openai/one", "bedrock/us-gov-west-1/anthropic.claude-3-5-sonnet-20240620-v1:0", "a/" + "b" * 150)
    with columns.within(wide):
        lines = Models(tuple(row(name, input=0.15, output=0.6) for name in names)).text().split("\n")
    assert [name for name in names if any(name in line for line in lines)] == list(names)
    assert all(len(line) <= wide for line in lines if not any(name in line for name in names[1:]))
    assert sum("$0.60" in line for line in lines) == len(names)


def test_html_has_all_columns_and_no_markup_of_names() -> None:
    """Names are text; a kind of price that no model tells has no column."""
    html = Models((*VIEW.rows, row(**{"batch output": 0.3}))).html()
    assert "two/&lt;b&gt;" in html
    assert "batch output" in html
    assert "batch input" not in html
    assert sorted(VIEW._repr_mimebundle_()) == ["text/html", "text/plain"]


def test_data_and_json_are_the_same() -> None:
    """A row a model with every field; unknown is empty, null in JSON."""
    data, found = VIEW.data(), json.loads(json.dumps(VIEW.object()))
    assert list(data.columns) == list(found["models"][0])
    assert data["input_usd"].tolist()[0] == found["models"][0]["input_usd"] == 0.15
    assert data["input_usd"].isna().tolist() == [False, True]
    assert found["models"][1]["output_usd"] is None


def test_a_cut_is_told() -> None:
    """40 models are in the text, 200 in the HTML, all in the data."""
    view = Models((row(),) * 300)
    assert "40 of 300 models shown" in view.text()
    assert "200 of 300 models shown" in view.html()
    assert len(view.data()) == 300
    assert "no key of a provider is set" in view.text().replace("\n", " ")
