"""A node made from a function: `@node` or `@node(retries=2)`; dependencies by parameter name.

The function itself stays as it is and can be called as before. What its code depends on is digested in `keys`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from wfkit.core.node import Each, Node
from wfkit.core.terms import NodeKind
from wfkit.define.dependencies import refuse_itself
from wfkit.define.magic_line import node_name
from wfkit.define.names import names_of_function
from wfkit.define.options import read_options
from wfkit.errors import CellError, DefinitionError, OptionError
from wfkit.settings import Settings

BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def decorator(
    register: Callable[[Node], object],
    settings: Settings | None = None,
    defining: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> Callable[..., Any]:
    """What users write as `@node` or `@node(retries=2)`: hands each node to `register` and gives the function back.

    Its node is made inside of `defining(name)`.
    """

    def node(function: Callable[..., Any] | None = None, **options: Any) -> Any:
        if function is None:
            return lambda late: node(late, **options)
        with defining(str(options.get("name") or getattr(function, "__name__", ""))):
            register(node_from_function(function, settings=settings, **options))
        return function

    return node


def node_from_function(
    function: Callable[..., Any], *, name: str | None = None, settings: Settings | None = None, **options: Any
) -> Node:
    """The node of a function, named like it unless `name` is given; `options` are those of the option table.

    `parameters` are all its parameters, `names` what its body reads from its module (closures do not count). Raises a
    DefinitionError for what cannot be a node: methods, lambdas, generators, `*args`, a function without source.
    """
    _refuse_unfit(function)
    checked = node_name(name or function.__name__)
    parameters = _parameters(function, checked)
    try:
        found, each = read_options("", [(key, value, 0) for key, value in options.items()], settings)
    except DefinitionError as error:
        raise OptionError(f"node `{checked}`: {error}") from None
    if found.model:
        raise OptionError(f"node `{checked}`: a function is no prompt, so it takes no model: use prompt(...)")
    refuse_itself(checked, each)
    _check_item(each, parameters, checked)
    if checked in parameters:
        raise CellError(f"node `{checked}` takes `{checked}`, its own value: rename the function or the parameter")
    source, first_line = _source(function, checked)
    inner = inspect.unwrap(function)
    return Node(
        name=checked,
        kind=NodeKind.PYTHON,
        source=source,
        names=_names(source, inner, checked),
        parameters=parameters,
        options=found,
        each=each,
        label=inner.__code__.co_filename,
        first_line=first_line,
        namespace=inner.__globals__,
        function=function,
    )


def _refuse_unfit(function: Any) -> None:
    if inspect.ismethod(function):
        raise CellError(
            f"`{function.__qualname__}` is a method, and a node is a function: write a function that calls it"
        )
    if not inspect.isfunction(function):
        what = "a class" if inspect.isclass(function) else f"a {type(function).__name__}"
        raise CellError(f"@node stands above a function, not above {what}: write a `def` around it")
    if function.__name__ == "<lambda>":
        raise CellError("a lambda cannot be a node, it has no name of its own: write a `def`")
    if (around := function.__qualname__.rpartition(".")[0]) and not around.endswith("<locals>"):
        raise CellError(f"`{function.__qualname__}` is a method, and a node is a function: move it out of the class")
    inner = inspect.unwrap(function)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise CellError(f"node `{function.__name__}` is a generator, and a node has one value: return a list instead")


def _parameters(function: Callable[..., Any], name: str) -> tuple[str, ...]:
    found = inspect.signature(function).parameters.values()
    for parameter in found:
        if parameter.kind not in BY_KEYWORD:
            raise CellError(
                f"node `{name}`: dependencies are found by the names of parameters, so `{parameter}` cannot be one: "
                "name each, without * or /"
            )
    return tuple(parameter.name for parameter in found)


def _check_item(each: Each | None, parameters: tuple[str, ...], name: str) -> None:
    if each and each.item not in parameters:
        raise OptionError(
            f"node `{name}`: `each: {each.item} in {each.over}` needs a parameter `{each.item}`; "
            f"there are: {', '.join(parameters) or 'none'}"
        )


def _source(function: Callable[..., Any], name: str) -> tuple[str, int]:
    try:
        lines, first_line = inspect.getsourcelines(function)
    except (OSError, TypeError):
        raise CellError(
            f"node `{name}`: the source of the function cannot be found, so a change of it would go unseen: "
            "define it in a cell or in a file"
        ) from None
    # Only what shares the indentation of the first line loses it: text in quotes may stand further left.
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    return "".join(line.removeprefix(indent) for line in lines).replace("\r\n", "\n"), first_line


def _names(source: str, function: Any, name: str) -> tuple[str, ...]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        raise CellError(f"node `{name}`: its `def` must stand in lines of its own") from None
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            closed_over = function.__code__.co_freevars
            return tuple(found for found in names_of_function(statement) if found not in closed_over)
    raise CellError(f"node `{name}`: its source is no `def`: define it in a cell or in a file")
