"""What `import wfkit` gives and what it costs.

Public names are few and fixed. Heavy libraries load on first use; seconds are measured in tests/benchmarks/, not here.
"""

from __future__ import annotations

import wfkit
from tests.fresh import printed
from wfkit.errors import CallFailed

PUBLIC_NAMES = 15
HEAVY = {
    "asyncio", "duckdb", "ipywidgets", "jinja2", "jsonschema", "litellm", "nbclient", "nbformat", "numpy", "pandas",
    "plotly", "pyarrow", "pydantic", "yaml",
}  # fmt: skip

LOADED_BY = """
import sys
{before}
before = set(sys.modules)
{statement}
print(*sorted(set(sys.modules) - before))
"""
IN_IPYTHON = "from IPython.core.interactiveshell import InteractiveShell; shell = InteractiveShell.instance()"


def heavy_after(statement: str, before: str = "") -> set[str]:
    """The heavy libraries that a statement loads in a fresh interpreter."""
    script = LOADED_BY.format(before=before, statement=statement)
    return HEAVY.intersection(printed(script))


def test_public_names_are_few() -> None:
    """At most 15 names are promised, each exists and is said once."""
    assert len(wfkit.__all__) == len(set(wfkit.__all__)) <= PUBLIC_NAMES
    assert all(getattr(wfkit, name) is not None for name in wfkit.__all__)


def test_call_failed_is_caught_by_its_public_name() -> None:
    """`except wfkit.CallFailed` catches what `wfkit.ask` raises."""
    assert wfkit.CallFailed is CallFailed


def test_names_are_completed() -> None:
    """`dir(wfkit)` and the Tab key know the public names before their first use."""
    script = (
        "import wfkit; from IPython.core.interactiveshell import InteractiveShell as S; shell = S.instance();"
        " shell.run_cell('import wfkit'); shell.Completer.use_jedi = False;"
        " print(set(wfkit.__all__) <= set(dir(wfkit)), '__version__' in dir(wfkit));"
        " print(*shell.complete('wfkit.as', 'wfkit.as', 8)[1])"
    )
    assert printed(script) == ["True", "True", ".ask"]


def test_import_is_light() -> None:
    """`import wfkit` loads no heavy library."""
    assert heavy_after("import wfkit") == set()


def test_load_ext_is_light() -> None:
    """`%load_ext wfkit` loads no heavy library that IPython itself has not loaded."""
    assert heavy_after("shell.run_line_magic('load_ext', 'wfkit')", before=IN_IPYTHON) == set()


def test_weight_can_fail() -> None:
    """A check that sees no heavy library when one is loaded would guard nothing."""
    assert "yaml" in heavy_after("import yaml")
