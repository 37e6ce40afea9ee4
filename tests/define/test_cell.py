"""Cells: from `%%wf_node` text to a node, with nothing executed and every error on its line."""

from __future__ import annotations

import linecache

import pytest

from tests.fresh import printed
from wfkit.core.node import Each
from wfkit.core.terms import NodeKind
from wfkit.define.cell import parse_cell
from wfkit.errors import CellError, DefinitionError, OptionError, TemplateError
from wfkit.settings import Settings

PROMPT = """#| each: review in reviews
#| schema: Label
#| retries: 2
system:
You label product reviews.
user:
{{ review.text }} as {{ labels }}
"""


def test_a_prompt() -> None:
    """The cell of the design: options from both places, free variables without the item, the body as typed."""
    namespace = {"Label": object}
    node = parse_cell("label --model openai/gpt-5-mini", PROMPT, namespace)
    assert (node.name, node.kind, node.names, node.each) == (
        "label",
        NodeKind.PROMPT,
        ("labels",),
        Each("review", "reviews"),
    )
    assert node.source == PROMPT.split("retries: 2\n")[1]
    assert (node.first_line, node.label) == (5, "<wf_node label>")
    assert node.options.model
    assert (node.options.model.model, node.options.model.schema, node.options.retry.retries) == (
        "openai/gpt-5-mini",
        "Label",
        2,
    )
    assert node.namespace is namespace


def test_python() -> None:
    """Without a model the body is Python; what it reads and does not define are its names."""
    node = parse_cell("table --needs setup", "rows = [r.x for r in reviews]\nhelper(rows, limit)\n", {})
    assert (node.kind, node.names, node.parameters) == (NodeKind.PYTHON, ("reviews", "helper", "limit"), None)
    assert (node.options.needs, node.first_line) == (("setup",), 2)


def test_the_item_is_no_dependency() -> None:
    """A mapped Python body reads its item from `each`."""
    node = parse_cell("words --each review in reviews", "len(review.split()) + base", {})
    assert node.names == ("len", "base")


def test_settings_give_the_retries_of_prompts() -> None:
    """What the user configured holds for prompts that do not say."""
    assert parse_cell("a --model m", "hi", {}, Settings(retries=5)).options.retry.retries == 5


def test_line_ends_are_normalised() -> None:
    """A cell from Windows is the same node."""
    unix = parse_cell("a", "#| retries: 1\nx = 1\nx\n", {})
    assert parse_cell("a", "#| retries: 1\r\nx = 1\r\nx\r\n", {}) == unix


@pytest.mark.parametrize(
    ("line", "cell", "error", "message"),
    [
        ("", "1", DefinitionError, "needs a name"),
        ("sum", "1", DefinitionError, "would be hidden"),
        ("a --retrys 1", "1", OptionError, r"node `a`: unknown option `retrys` \(line 1\)"),
        ("a", "#| x: [\n1", OptionError, r"node `a`: the #\| lines are not valid YAML"),
        ("a", "1\n#| retries: 2\n", OptionError, "node `a`, line 3: options count only above the body"),
        ("a --each a in b", "1", OptionError, "names the node itself"),
        ("a --each b in a", "1", OptionError, "names the node itself"),
        ("a", "#| retries: 1\nx = (", CellError, "node `a`, line 3: "),
        ("a", "a = a + 1", CellError, "node `a` reads `a` before it assigns it"),
        ("a --model m", "{{ a }}", TemplateError, "prompt `a` uses `a`, its own answer"),
        ("a --model m", "#| retries: 1\nhi {{ x", TemplateError, "prompt `a`, line 3: "),
        ("a --model m", "", TemplateError, "prompt `a`: the prompt is empty"),
        ("a --model m", "hi\n{{ x | nofilter }}", TemplateError, r"line 3: No filter named 'nofilter'"),
        ("a --help", "1", OptionError, r"--retries N +attempts after the first"),
    ],
)
def test_errors(line: str, cell: str, error: type[DefinitionError], message: str) -> None:
    """Whatever is wrong with a cell is a definition error with the node and the line of the cell."""
    with pytest.raises(error, match=message):
        parse_cell(line, cell, {})


def test_a_cell_with_an_error_changes_nothing() -> None:
    """Tracebacks of the node as it was still show its own text."""
    parse_cell("kept", "x = 1\nx", {})
    before = linecache.getlines("<wf_node kept>")
    with pytest.raises(CellError):
        parse_cell("kept", "x = (", {})
    assert linecache.getlines("<wf_node kept>") == before
    linecache.checkcache()
    assert linecache.getline("<wf_node kept>", 2) == "x = 1\n"
    assert before[0] == "%%wf_node kept\n"


def test_the_namespace_is_not_touched() -> None:
    """Defining reads nothing of the notebook: names are looked up when a plan is made."""

    class Untouchable(dict[str, object]):
        def __getitem__(self, key: str) -> object:
            raise AssertionError(key)

        __contains__ = get = __getitem__

    assert parse_cell("a", "x + y", Untouchable()).names == ("x", "y")
    assert parse_cell("a --model m", "{{ x }}", Untouchable()).names == ("x",)


def test_defining_is_light() -> None:
    """Simple Python and prompt cells load no heavy library: a definition takes well under 5 ms."""
    script = (
        "import sys; from wfkit.define.cell import parse_cell;"
        "parse_cell('a', '#| each: x in xs\\n#| cache: 1h\\nx + 1', {});"
        "parse_cell('b --model m', '#| schema: S\\nsystem:\\nhi\\nuser:\\n{{ x.text }}', {});"
        "print(*sorted({'jinja2', 'yaml', 'pydantic', 'jsonschema', 'numpy', 'pandas', 'asyncio'} & set(sys.modules)))"
    )
    assert printed(script) == []
