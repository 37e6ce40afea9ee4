"""Prompts made in Python: the same node as from a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from wfkit.core.node import Each
from wfkit.core.terms import NodeKind
from wfkit.define.cell import parse_cell
from wfkit.define.prompt import prompt_node
from wfkit.define.schema import resolve
from wfkit.errors import DefinitionError, OptionError, TemplateError
from wfkit.settings import Settings


@dataclass
class Label:
    name: str


def test_is_the_node_of_a_cell() -> None:
    """Kind, text, names and options are those of the cell with the same text."""
    made = prompt_node("label", "Label: {{ r.text }} {{ more }}", each="r in rows", model="m", retries=1, cache="1h")
    typed = parse_cell("label --model m --retries 1 --cache 1h --each r in rows", "Label: {{ r.text }} {{ more }}", {})
    for part in ("name", "kind", "source", "names", "options", "each"):
        assert getattr(made, part) == getattr(typed, part), part
    assert (made.kind, made.each, made.names) == (NodeKind.PROMPT, Each("r", "rows"), ("more",))


def test_model_and_retries_have_defaults() -> None:
    """Without a model it is `default`; retries come from the settings."""
    node = prompt_node("a", "hi", settings=Settings(retries=4))
    assert node.options.model
    assert (node.options.model.model, node.options.retry.retries) == ("default", 4)


def test_shared_indentation_is_removed() -> None:
    """A prompt may be indented with the code around it."""
    assert prompt_node("a", "\n    user:\n      hi\r\n    there").source == "\nuser:\n  hi\nthere"


@pytest.mark.parametrize(
    ("schema", "name"), [(Label, "Label"), (list[Label], "answer_schema"), ("Label", "Label"), ("m.Label", "m.Label")]
)
def test_schemas_are_found_by_name(schema: Any, name: str) -> None:
    """A class goes into the node's namespace under its name; others are looked up there."""
    live: dict[str, Any] = {"m": type("m", (), {"Label": Label}), "Label": Label, "x": 1}
    node = prompt_node("a", "hi", schema=schema, namespace=live)
    assert node.options.model
    assert node.options.model.schema == name
    assert resolve(name, node.namespace).cls in (Label, list[Label])
    live["y"] = 2
    assert node.namespace["y"] == 2
    assert "answer_schema" not in live


def test_a_dict_is_its_own_schema() -> None:
    """A JSON Schema travels as text in the options."""
    node = prompt_node("a", "hi", schema={"type": "object", "a": 1})
    assert node.options.model
    assert node.options.model.schema == '{"a":1,"type":"object"}'


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": "sum", "text": "x"}, DefinitionError, "would be hidden"),
        ({"name": "a", "text": "{{ x"}, TemplateError, "prompt `a`, line 1"),
        ({"name": "a", "text": "x", "retrys": 2}, OptionError, r"prompt `a`: unknown option `retrys` \(argument\)"),
        ({"name": "a", "text": "x", "temperature": 9}, OptionError, r"`temperature` \(argument\) must be a number"),
        ({"name": "a", "text": "{{ a }}"}, TemplateError, "its own answer"),
        ({"name": "a", "text": "x", "each": "a in b"}, OptionError, "names the node itself"),
    ],
)
def test_errors(arguments: dict[str, Any], error: type[DefinitionError], message: str) -> None:
    """The same errors as in a cell, placed at the argument."""
    with pytest.raises(error, match=message):
        prompt_node(**arguments)
