"""What is asked of a run: its targets, which results it may take, a sample of its maps, only what failed last time.

Contradictions are refused here, before anything runs. How older results are found is in `keeping`.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypedDict

from wfkit.core.apply import replay
from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.core.node import Node
from wfkit.core.promises import Store
from wfkit.core.run import Run
from wfkit.core.scope import Scope
from wfkit.core.terms import RunState, TaskState
from wfkit.define.option_values import seconds
from wfkit.engine.preparing.keeping import Failures, Keeping
from wfkit.engine.preparing.prepare import Prepared
from wfkit.errors import UsageFault

SCOPE = "WFKIT_SCOPE"  # what `wfkit run` asks of every run of a notebook, as JSON
_SEARCHED = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """How a run is wanted: which nodes are forced, whether old replies count, what it takes on and what failed last
    time, and what is written about its origin.

    `lenient`: the scope was asked of all runs of a notebook, so one that it does not fit goes on without it.
    """

    workflow: str = ""
    force: frozenset[str] = frozenset()
    fresh_replies: bool = False
    scope: Scope = Scope()
    failed: Failures = Failures()
    lenient: bool = False
    trigger: str = "python"
    notebook: str | None = None
    params: str = "{}"
    stop: threading.Event | None = None
    cassette: str = ""
    max_usd: float | None = None
    deadline_s: float | None = None


Inputs = Mapping[str, Any] | None  # values that are handed to a run, by name


class Asked(TypedDict, total=False):
    """What a run may be asked beyond its targets and inputs; `scope_of` says what the first five mean."""

    limit: int | None
    random: bool
    seed: int | None
    keep: bool
    failed: bool
    force: bool
    fresh_replies: bool
    trigger: str
    notebook: str | None
    params: str
    stop: threading.Event | None
    record: str | None
    replay: str | None
    replay_or_record: str | None
    deadline: float | str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who wishes: a workflow by name, with its nodes and its store."""

    workflow: str
    nodes: Mapping[str, Node]
    store: Callable[[], Store]


def wish_for(who: Wanted, targets: Sequence[str], said: Asked, env: Mapping[str, str]) -> tuple[Sequence[str], Wish]:
    """The targets to make and the wish. Raises UsageFault for what makes no sense, or when nothing failed."""
    for name in said:
        if name not in Asked.__annotations__:
            raise UsageFault(f"a run takes no {name!r}{near(name, Asked.__annotations__)}")
    given = {name: value for name in _SCOPE if (value := said.get(name)) is not None and value is not False}
    asked_here = given or not env.get(SCOPE)
    scope = scope_of(**(given if asked_here else json.loads(env[SCOPE])))
    force = said.get("force", False)
    refuse_both(scope, force, said.get("fresh_replies", False))
    failures = Failures()
    if scope.failed:
        try:
            last = last_time(who.store(), who.workflow, who.nodes, targets)
            targets, failures = last.targets, last.failures
        except UsageFault:
            if asked_here:
                raise
    origin: Any = {
        name: value for name, value in said.items() if name not in {*_SCOPE, "force", "deadline", *_CASSETTE}
    }
    origin["cassette"], origin["deadline_s"] = _cassette(said), deadline_of(said.get("deadline"))
    forced = frozenset(who.nodes) if force else frozenset[str]()
    wish = Wish(who.workflow, forced, scope=scope, failed=failures, lenient=not asked_here, **origin)
    return targets, wish


def deadline_of(said: float | str | None) -> float | None:
    """Seconds in which a run must end, None: whenever. Raises UsageFault."""
    try:
        return None if said is None else seconds(said)
    except ValueError as error:
        raise UsageFault(f"deadline {error}, not {said!r}") from None


def _cassette(said: Asked) -> str:
    """`MODE:FILE` of the cassette that is asked for, or nothing. Raises UsageFault for two of them."""
    asked = [f"{name.replace('_', '-')}:{file}" for name in _CASSETTE if (file := said.get(name))]
    if len(asked) > 1:
        raise UsageFault("a run uses one cassette, in one way: take one of record, replay and replay-or-record")
    return asked[0] if asked else ""


_CASSETTE: Final = ("record", "replay", "replay_or_record")
_SCOPE: Final = ("limit", "random", "seed", "keep", "failed")


def scope_of(
    limit: int | None = None,
    random: bool = False,
    seed: int | None = None,
    keep: bool = False,
    failed: bool = False,
) -> Scope:
    """What a run takes on, as asked for. Raises UsageFault for what makes no sense together."""
    if limit is not None and (type(limit) is not int or limit < 1):
        raise UsageFault(f"limit is a whole number of items, at least 1, not {limit!r}")
    if random and limit is None:
        raise UsageFault("random says which items limit takes: say how many, for example limit 20")
    if seed is not None and not random:
        raise UsageFault("seed says which items random picks: say limit N and random too")
    if failed and limit is not None:
        raise UsageFault("failed runs what failed last time and limit a sample: take one of them")
    if failed and keep:
        raise UsageFault("failed keeps all that did not fail by itself: leave keep out")
    return Scope(limit, random, seed or 0, keep, failed)


def scope_text(said: Mapping[str, Any]) -> str:
    """What `wfkit run` tells the kernel in the variable SCOPE; empty for nothing. Raises UsageFault as `scope_of`."""
    given = {name: value for name in _SCOPE if (value := said.get(name)) is not None and value is not False}
    scope_of(**given)
    return json.dumps(given) if given else ""


def refuse_without_cells(said: Mapping[str, Any]) -> None:
    """Raises UsageFault when a plan from the log of the newest run is asked to be another run's."""
    if scope_text(said) or said.get("force"):
        raise UsageFault("without its cells only the plan of the newest run is known: ask `%wf plan` in the notebook")


def refuse_both(scope: Scope, force: bool, fresh_replies: bool) -> None:
    """Raises UsageFault when old results shall stand in and be made anew."""
    for asked, name in ((force, "force"), (fresh_replies, "fresh_replies")):
        if asked and scope.takes_old:
            kind = "keep" if scope.keep else "failed"
            raise UsageFault(f"{kind} takes results that are there and {name} makes them anew: take one of them")


@dataclass(frozen=True, slots=True)
class LastTime:
    """What failed in a run, and which of its targets need that: those are to be made again."""

    targets: tuple[str, ...]
    failures: Failures


def last_time(store: Store, workflow: str, nodes: Mapping[str, Node], targets: Sequence[str]) -> LastTime:
    """What failed in the newest run of this workflow. Raises UsageFault when nothing did."""
    mine = (row for row in store.runs(_SEARCHED) if row.workflow == workflow and row.trigger != "verify")
    newest = next((row for row in mine if row.status != RunState.RUNNING), None)
    if newest is None:
        raise UsageFault(f"workflow {workflow!r} has not run yet, so nothing failed: run it without failed")
    run = replay(store.entries(newest.run_id))
    failed = _failed_nodes(run)
    asked = [name for name in targets or run.started.targets if name in nodes]
    wanted = tuple(name for name in asked if failed.intersection(_needs(run, name)))
    if not wanted:
        among = f" that {', '.join(targets)} needs" if targets else ""
        last = f"run {newest.run_id[:8]}, the last one, ended as {newest.status}"
        raise UsageFault(f"nothing{among} failed last time ({last}): run without failed")
    specs = [run.specs[n] for n in failed]
    definitions = {spec.name: spec.definition for spec in specs if spec.definition is not None}
    keys = frozenset(
        key for task, state in enumerate(run.state) if state is TaskState.FAILED and (key := run.key[task]) is not None
    )
    return LastTime(wanted, Failures(definitions, keys))


def _failed_nodes(run: Run) -> set[int]:
    return {run.node_of[task] for task, state in enumerate(run.state) if state is TaskState.FAILED} | {
        *run.node_failures
    }


def _needs(run: Run, target: str) -> set[int]:
    """A node of a run and all that it needed then."""
    seen: set[int] = set()
    stack = [n for n, spec in enumerate(run.specs) if spec.name == target]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(run.specs[node].deps)
    return seen


def refuse_nothing(wish: Wish, prepared: Prepared, keeping: Keeping) -> None:
    """Raises UsageFault when a sample is asked of no map, or old code has left nothing to keep."""
    scope = wish.scope
    if wish.lenient:
        return
    if scope.limit is not None and all(ready.over is None for ready in prepared.ready):
        raise UsageFault("limit takes some of the items of a map, and no node of this run has `each`: leave limit out")
    if not scope.keep:
        return
    if not any(keeping.older(ready.node.name, ready.definition.digest) for ready in prepared.ready):
        raise UsageFault(
            "there is nothing to keep: no node of this run has results of older code that could stand in; "
            "run without keep"
        )


def unused(scope: Scope, run: Run) -> str | None:
    """What to tell after a run that was to keep results of older code: which it kept, or why none."""
    if not scope.keep or run.status is not RunState.SUCCESS:
        return None
    if run.made_by:
        nodes = Counter(run.specs[run.node_of[task]].name for task in run.made_by)
        parts = ", ".join(f"{name} {count}" for name, count in nodes.items())
        return f"results of older code stand in ({parts}); a run without keep makes them again"
    if TaskState.SUCCESS not in run.state:
        return None  # all was up to date
    return "nothing was kept: no result of older code was made from these inputs"
