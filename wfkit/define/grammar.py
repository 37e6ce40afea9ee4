"""What each kind of syntax does to names: which part runs first, what it binds, which parts have a scope of their own.

Kinds that are in neither table do nothing but run their parts in order (Python reference, sections 4.2, 6, 7 and 8).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from wfkit.define.scopes import Kind, Scope
from wfkit.define.walk import DoExpression, DoStatement, Inner, Walk, children

Loop = ast.For | ast.AsyncFor
WithBlock = ast.With | ast.AsyncWith


def _assign(walk: Walk, node: ast.Assign, scope: Scope) -> None:
    walk.expression(node.value, scope)
    for target in node.targets:
        walk.expression(target, scope)


def _add_to(walk: Walk, node: ast.AugAssign, scope: Scope) -> None:
    target = node.target
    if isinstance(target, ast.Name):
        walk.names.read(target.id, scope, target.lineno)
        walk.expression(node.value, scope)
        walk.names.bind(target.id, scope, target.lineno, fresh=False)
    else:
        walk.expression(target, scope)
        walk.expression(node.value, scope)


def _annotated(walk: Walk, node: ast.AnnAssign, scope: Scope) -> None:
    if scope.kind is not Kind.FUNCTION:  # those of a function's locals are never run
        _annotation(walk, node.annotation, scope)
    walk.expression(node.value, scope)
    if node.value or scope.kind is Kind.FUNCTION or not isinstance(node.target, ast.Name):
        walk.expression(node.target, scope)


def _annotation(walk: Walk, node: ast.expr | None, scope: Scope) -> None:
    if node is None:
        return
    if not walk.future:
        walk.expression(node, scope)
        return
    late = scope.inner(Kind.FUNCTION)  # read by those who ask for type hints, when all is bound
    if scope.kind is Kind.CLASS:
        late.bound = scope.bound
    walk.later([node], late)


def _if(walk: Walk, node: ast.If, scope: Scope) -> None:
    """A chain of elif is as deep as it is long, so it is unrolled: each test runs after those before it."""
    bound_somewhere: set[str] = set()
    while True:
        walk.expression(node.test, scope)
        before = set(scope.bound)
        walk.block(node.body, scope)
        bound_somewhere |= scope.bound
        scope.bound = before
        if not (len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)):
            break
        node = node.orelse[0]
    walk.block(node.orelse, scope)
    scope.bound = scope.bound | bound_somewhere


def _for(walk: Walk, node: Loop, scope: Scope) -> None:
    if isinstance(node, ast.AsyncFor):
        walk.awaits(scope)
    walk.expression(node.iter, scope)
    walk.expression(node.target, scope)
    walk.block(node.body, scope)
    walk.block(node.orelse, scope)


def _while(walk: Walk, node: ast.While, scope: Scope) -> None:
    walk.expression(node.test, scope)
    walk.block(node.body, scope)
    walk.block(node.orelse, scope)


def _with(walk: Walk, node: WithBlock, scope: Scope) -> None:
    if isinstance(node, ast.AsyncWith):
        walk.awaits(scope)
    for item in node.items:
        walk.expression(item.context_expr, scope)
        walk.expression(item.optional_vars, scope)
    walk.block(node.body, scope)


def _try(walk: Walk, node: ast.Try, scope: Scope) -> None:
    walk.block(node.body, scope)
    walk.branches([[node.orelse], *([handler] for handler in node.handlers)], scope)
    walk.block(node.finalbody, scope)


def _handler(walk: Walk, node: ast.ExceptHandler, scope: Scope) -> Inner:
    walk.expression(node.type, scope)
    if node.name:
        walk.names.bind(node.name, scope, node.lineno)
    walk.block(node.body, scope)
    if node.name and scope.kind is not Kind.FUNCTION:
        scope.bound.discard(scope.mangled(node.name))  # Python deletes it at the end of the handler
    return []


def _match(walk: Walk, node: ast.Match, scope: Scope) -> None:
    walk.expression(node.subject, scope)
    ways: list[list[ast.AST | list[ast.stmt]]] = [
        [case.pattern, *([case.guard] if case.guard else []), case.body] for case in node.cases
    ]
    walk.branches(ways, scope)


def _pattern(walk: Walk, node: Any, scope: Scope) -> Inner:
    name = getattr(node, "rest", None) or getattr(node, "name", None)
    if name:
        walk.names.bind(name, scope, node.lineno)
    return [(child, scope) for child in children(node)]


def _function(walk: Walk, node: Any, scope: Scope) -> None:
    for decorator in node.decorator_list:
        walk.expression(decorator, scope)
    _defaults(walk, node.args, scope)
    inner = _type_parameters(walk, node, scope)
    for annotation in _annotations(node):
        _annotation(walk, annotation, inner)
    walk.names.bind(node.name, scope, node.lineno, defines=True)
    walk.body_later(node, inner.inner(Kind.FUNCTION))


def _defaults(walk: Walk, arguments: ast.arguments, scope: Scope) -> None:
    for default in (*arguments.defaults, *arguments.kw_defaults):
        walk.expression(default, scope)


def _annotations(node: ast.FunctionDef) -> Iterator[ast.expr | None]:
    given = node.args
    rest = [argument for argument in (given.vararg, given.kwarg) if argument]
    yield from (argument.annotation for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs, *rest))
    yield node.returns


def _type_parameters(walk: Walk, node: Any, scope: Scope) -> Scope:
    """The scope of `[T]` in `def f[T](...)`, `class A[T]`, `type X[T]` (Python 3.12), or the scope itself."""
    parameters = getattr(node, "type_params", ())
    if not parameters:
        return scope
    inner = scope.inner(Kind.FUNCTION)
    inner.bound = {scope.mangled(parameter.name) for parameter in parameters}
    walk.later([part for parameter in parameters for part in children(parameter)], inner)
    return inner


def _class(walk: Walk, node: ast.ClassDef, scope: Scope) -> None:
    for decorator in node.decorator_list:
        walk.expression(decorator, scope)
    inner = _type_parameters(walk, node, scope)
    for part in (*node.bases, *node.keywords):
        walk.expression(part, inner)
    body = inner.inner(Kind.CLASS, owner=node.name)
    body.bound = {"__module__", "__qualname__"}
    walk.block(node.body, body)
    walk.names.bind(node.name, scope, node.lineno, defines=True)


def _type_alias(walk: Walk, node: Any, scope: Scope) -> None:
    inner = _type_parameters(walk, node, scope)
    walk.later([node.value], inner.inner(Kind.FUNCTION))
    walk.expression(node.name, scope)


def _import(walk: Walk, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
    for alias in node.names:
        if alias.name == "*":
            walk.star = walk.star or node.lineno
        else:
            name = alias.asname or alias.name.partition(".")[0]
            walk.names.bind(name, scope, node.lineno, defines=True)


def _elsewhere(walk: Walk, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
    if scope is not walk.names.top:
        scope.outer.update((scope.mangled(name), isinstance(node, ast.Global)) for name in node.names)


def _name(walk: Walk, node: ast.Name, scope: Scope) -> Inner:
    if isinstance(node.ctx, ast.Load):
        walk.names.read(node.id, scope, node.lineno)
    elif isinstance(node.ctx, ast.Del):
        walk.names.unbind(node.id, scope, node.lineno)
    elif scope.kind is not Kind.COMPREHENSION:  # its targets are bound before it is walked
        walk.names.bind(node.id, scope, node.lineno)
    return []


def _walrus(walk: Walk, node: ast.NamedExpr, scope: Scope) -> Inner:
    walk.expression(node.value, scope)
    walk.names.bind(node.target.id, scope, node.lineno)
    return []


def _lambda(walk: Walk, node: ast.Lambda, scope: Scope) -> Inner:
    _defaults(walk, node.args, scope)
    walk.body_later(node, scope.inner(Kind.FUNCTION))
    return []


def _comprehension(walk: Walk, node: Any, scope: Scope) -> Inner:
    inner = scope.inner(Kind.COMPREHENSION)
    inner.bound = {name for generator in node.generators for name in _targets(generator.target)}
    if any(generator.is_async for generator in node.generators):
        walk.awaits(inner)
    first = node.generators[0]
    parts: Inner = [(first.iter, scope)]  # the first iterable runs outside
    for generator in node.generators:
        if generator is not first:
            parts.append((generator.iter, inner))
        parts.extend((part, inner) for part in (generator.target, *generator.ifs))
    results = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
    parts.extend((result, inner) for result in results)
    return parts


def _targets(target: ast.expr) -> Iterator[str]:
    for part in ast.walk(target):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id


def _await(walk: Walk, node: ast.Await, scope: Scope) -> Inner:
    walk.awaits(scope)
    return [(node.value, scope)]


STATEMENTS: dict[type, DoStatement] = {
    ast.Assign: _assign,
    ast.AugAssign: _add_to,
    ast.AnnAssign: _annotated,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.Match: _match,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Global: _elsewhere,
    ast.Nonlocal: _elsewhere,
}
if hasattr(ast, "TypeAlias"):  # Python 3.12
    STATEMENTS[ast.TypeAlias] = _type_alias

EXPRESSIONS: dict[type, DoExpression] = {
    ast.Name: _name,
    ast.NamedExpr: _walrus,
    ast.Lambda: _lambda,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.Await: _await,
    ast.ExceptHandler: _handler,
    ast.MatchAs: _pattern,
    ast.MatchStar: _pattern,
    ast.MatchMapping: _pattern,
}
