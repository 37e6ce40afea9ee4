"""What import-linter cannot say: the pure part of the standard library, and imports that hide in functions.

The directions between rooms are contracts in pyproject.toml.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.rooms.source import Finding, Source

# No clock, randomness, ids, files, processes, loop or threads.
PURE = {
    "__future__", "abc", "bisect", "collections", "copy", "dataclasses", "decimal", "difflib", "enum", "fractions",
    "functools", "graphlib", "heapq", "html", "itertools", "json", "keyword", "math", "operator", "re", "statistics",
    "string", "textwrap", "types", "typing",
}  # fmt: skip
CORE_ROOMS = ("wfkit.core", "wfkit.errors")
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "id", "hash", "__import__"}
WRITES_METHODS = "wfkit/core/frozen.py"  # with exec, as `dataclasses` does

# Slow to import, or an extra: they may load on first use. Everything else is imported at the top.
HEAVY = {
    "IPython", "PIL", "aiohttp", "asyncio", "email", "importlib",
    "dask", "distributed", "duckdb", "ipywidgets", "jinja2", "jsonschema",
    "jupyter_client", "litellm", "matplotlib", "nbclient", "nbconvert", "nbformat", "numpy", "opentelemetry", "pandas",
    "plotly", "polars", "prometheus_client", "pyarrow", "pydantic", "pydantic_core", "scipy",
    "tomllib", "yaml",
}  # fmt: skip
# `import wfkit` is light because its public names load on first use; a run that shows nothing loads no view, and one
# without prompts no model.
DOORS = {"wfkit/__init__.py", "wfkit/workflow.py", "wfkit/llm/adapters.py", "wfkit/llm/client.py"}

IMPORTS = (ast.Import, ast.ImportFrom)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def pure_core(source: Source) -> Iterator[Finding]:
    if not source.path.startswith("wfkit/core/"):
        return
    for statement in source.nodes(*IMPORTS):
        for name in _modules(statement):
            if name.split(".")[0] not in PURE and not name.startswith(CORE_ROOMS):
                yield source.finding(statement.lineno, f"core imports no {name}: time, ids and hashes are arguments")
    for call in source.nodes(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id in IMPURE_CALLS:
            if call.func.id == "exec" and source.path == WRITES_METHODS:
                continue
            yield source.finding(call.lineno, f"core does not call {call.func.id}(): it is pure")


def hidden_imports(source: Source) -> Iterator[Finding]:
    seen: set[int] = set()
    for function in source.nodes(*FUNCTIONS):
        for statement in (node for node in ast.walk(function) if isinstance(node, IMPORTS)):
            if statement.lineno not in seen:
                yield from _judge_hidden(source, statement)
            seen.add(statement.lineno)


def _judge_hidden(source: Source, statement: ast.Import | ast.ImportFrom) -> Iterator[Finding]:
    for name in _modules(statement):
        top = name.split(".")[0]
        if top not in HEAVY and not (source.path in DOORS and top == "wfkit"):
            yield source.finding(
                statement.lineno, f"the import of {name} hides in a function: only heavy libraries may"
            )
    around = source.lines[max(statement.lineno - 2, 0) : statement.end_lineno]
    if not any("#" in line for line in around):
        yield source.finding(statement.lineno, "an import in a function says in a comment why it is there")


def _modules(statement: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    return ["." * statement.level + (statement.module or "")]
