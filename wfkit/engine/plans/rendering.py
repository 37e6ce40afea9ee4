"""The prompts that a run would send, as far as their inputs are known: how long they are, and whether the call log
answers them.

Renders as the run will, and sends nothing. Of many prompts only some are rendered, evenly spread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wfkit.core.call import Request
from wfkit.core.frozen import dataclass
from wfkit.engine.attempts.bodies import request_of
from wfkit.engine.attempts.inputs import Given
from wfkit.engine.plans.planning import Walk
from wfkit.engine.preparing.prepare import ReadyNode
from wfkit.engine.running.map_value import MapValue
from wfkit.errors import WfkitError
from wfkit.llm import tokens

RENDERED = 1_000  # prompts of a node


@dataclass(frozen=True, slots=True)
class Prompts:
    """What is known of the prompts of some tasks. `sizes` are the tokens of those that must be paid, counted plainly;
    `free` of the `rendered` ones are answered by the call log, out of `tasks` in all. `problem` is why they cannot be
    rendered: the run will fail here with the same words."""

    tasks: int
    rendered: int
    sizes: tuple[int, ...]
    free: int
    problem: str | None = None

    @property
    def free_tasks(self) -> int:
        """How many of all tasks cost nothing, as far as the rendered ones tell."""
        return round(self.tasks * self.free / self.rendered) if self.rendered else 0


def look(
    walk: Walk,
    n: int,
    tasks: Sequence[int],
    has_reply: Callable[[ReadyNode, Request], bool],
    must_buy: Callable[[ReadyNode, Request], None],
) -> Prompts:
    """The prompts of these tasks of a node whose inputs are known. `must_buy` is told each request without a reply."""
    step = max(1, -(-len(tasks) // RENDERED))
    chosen = tasks[::step]
    ready, free = walk.prepared.ready[n], 0
    sizes: list[int] = []
    try:
        shared = _shared(walk, n)
        for task in chosen:
            request = request_of(ready, Given({**shared, **_item(walk, n, task)}, {}))
            if has_reply(ready, request):
                free += 1
            else:
                sizes.append(_size(request))
                must_buy(ready, request)
    except WfkitError as error:
        return Prompts(len(tasks), 0, (), 0, str(error))
    return Prompts(len(tasks), len(chosen), tuple(sizes), free)


def _size(request: Request) -> int:
    return tokens.count_request(request)


def _shared(walk: Walk, n: int) -> dict[str, tuple[Any, str]]:
    """What all prompts of the node take, plain."""
    ready = walk.prepared.ready[n]
    found = {}
    for dep in ready.deps:
        name = walk.prepared.graph.nodes[dep].name
        whole = walk.value_of(dep)
        if whole is None or name not in ready.node.names:
            continue
        values = walk.resolver.values
        if whole.items is not None:
            found[name] = MapValue(values.get_many(whole.items))
        else:
            at_hand = walk.resolver.at_hand
            found[name] = at_hand[whole.digest] if whole.digest in at_hand else values.get(whole.digest)
    return {name: (value, "") for name, value in ready.template.prepare(found).items()}


def _item(walk: Walk, n: int, task: int) -> dict[str, tuple[Any, str]]:
    each = walk.prepared.ready[n].node.each
    if each is None:
        return {}
    plain = walk.resolver.items.get(n)
    value = walk.resolver.values.get(walk.resolver.item_keys[n][task]) if plain is None else plain[task]
    return {each.item: (value, "")}
