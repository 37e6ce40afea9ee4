"""Random workflows for property tests: nodes, their items, how their attempts fare and what their calls cost.

Only hypothesis strategies and the data that they make; what runs a world is `simulation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st

from wfkit.core import events as e
from wfkit.core.call import CallRecord, Cost, Failure, Message, Reply, Request, Usage
from wfkit.core.policy import RetryPolicy
from wfkit.core.terms import CostSource, FailureKind, NodeKind, OnError, UsageSource, Verdict

Task = tuple[int, int]  # node, item


@dataclass(frozen=True)
class World:
    """A workflow and its fate. `failures[node, item]` fail one after the other, then the task succeeds."""

    specs: tuple[e.NodeSpec, ...]
    items: tuple[int, ...]
    failures: Mapping[Task, tuple[Failure, ...]] = field(default_factory=dict)
    cached: frozenset[Task] = frozenset()
    calls: Mapping[Task, tuple[CallRecord, ...]] = field(default_factory=dict)
    served: frozenset[Task] = frozenset()
    unresolvable: frozenset[int] = frozenset()
    seats: Mapping[str, int] = field(default_factory=lambda: {"python": 2, "openai": 3})
    seed: int = 0

    def started(self) -> e.RunStarted:
        return e.RunStarted("run", "world", (), self.specs, "graph", at=0.0, seed=self.seed)


REQUEST = Request("openai/m", (Message("user", "?"),))
SECONDS = st.one_of(st.none(), st.floats(0, 90, allow_nan=False).map(lambda s: round(s, 3)))
TOKENS = st.one_of(st.none(), st.integers(0, 10**6))
DOLLARS = st.one_of(st.none(), st.decimals(0, 5, places=9, allow_nan=False, allow_infinity=False))

FAILURES = st.builds(
    Failure,
    kind=st.sampled_from(FailureKind),
    error=st.just("E"),
    message=st.just("no"),
    retry_after_s=SECONDS,
)
USAGES = st.builds(
    Usage,
    input_tokens=TOKENS,
    output_tokens=TOKENS,
    source=st.sampled_from([UsageSource.PROVIDER, UsageSource.ESTIMATED]),
)
COSTS = st.builds(Cost, usd=DOLLARS, source=st.sampled_from([CostSource.LOCAL, CostSource.ESTIMATED]))
REPLIES = st.builds(Reply, text=st.just("!"), model=st.just("m"), usage=USAGES, cost=COSTS)


@st.composite
def calls(draw: st.DrawFn) -> CallRecord:
    """A request that came back, or failed."""
    reply = draw(st.one_of(st.none(), REPLIES))
    verdict = draw(st.sampled_from(Verdict)) if reply else Verdict.INVALID
    failure = None if reply else draw(FAILURES)
    return CallRecord("c", "d", REQUEST, 0.0, 1.0, reply=reply, failure=failure, verdict=verdict)


@st.composite
def specs(draw: st.DrawFn, position: int) -> e.NodeSpec:
    """A node that needs any of those before it and may be mapped over one of them."""
    deps = tuple(sorted(draw(st.sets(st.integers(0, position - 1), max_size=3)))) if position else ()
    kind = draw(st.sampled_from([NodeKind.PYTHON, NodeKind.PYTHON, NodeKind.PROMPT]))
    over = draw(st.sampled_from([None, deps[0]])) if deps else None
    on_error = draw(st.sampled_from(OnError))
    return e.NodeSpec(
        name=f"n{position}",
        kind=kind,
        deps=deps,
        over=over,
        retry=RetryPolicy(retries=draw(st.integers(0, 3))),
        timeout_s=draw(st.sampled_from([None, None, 5.0])),
        priority=draw(st.sampled_from([0, 0, 1, 5])),
        on_error=on_error,
        stops=over is not None and on_error is OnError.FAIL and draw(st.booleans()),  # as `prepare` makes them
        pool="openai" if kind is NodeKind.PROMPT else "python",
        max_parallel=draw(st.sampled_from([None, None, 1, 2])) if over is not None else None,
        batch_size=draw(st.sampled_from([None, None, 1, 2, 50])) if over is not None else None,
    )


@st.composite
def worlds(draw: st.DrawFn, with_calls: bool = False) -> World:
    """Up to seven nodes; mapped ones have up to five items. Some results are cached, some attempts fail."""
    nodes = tuple(draw(specs(n)) for n in range(draw(st.integers(1, 7))))
    items = tuple(draw(st.integers(0, 5)) if spec.over is not None else 1 for spec in nodes)
    tasks = [(n, i) for n, size in enumerate(items) for i in range(size)]
    some = st.frozensets(st.sampled_from(tasks), max_size=6) if tasks else st.just(frozenset())
    failing, calling = draw(some), draw(some) if with_calls else frozenset()
    return World(
        specs=nodes,
        items=items,
        failures={task: tuple(draw(st.lists(FAILURES, min_size=1, max_size=4))) for task in sorted(failing)},
        cached=draw(some) - failing,
        calls={task: tuple(draw(st.lists(calls(), min_size=1, max_size=3))) for task in sorted(calling)},
        served=draw(some) if with_calls else frozenset(),
        unresolvable=draw(st.frozensets(st.integers(0, len(nodes) - 1), max_size=1))
        if draw(st.booleans())
        else frozenset(),
        seats={"python": draw(st.integers(1, 3)), "openai": draw(st.integers(1, 3))},
        seed=draw(st.integers(0, 2**64 - 1)),
    )
