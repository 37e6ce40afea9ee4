"""What happened: every event of a run, as frozen data.

The log of them is the truth; `run.apply` is their only reader that changes a run.
Times `at` are Unix seconds. Tasks are numbers within the run: those of one node are consecutive, an unmapped node has
exactly one. Adding a field needs a default, so that older journals stay readable. Nothing here reads a clock.
"""

from __future__ import annotations

from decimal import Decimal

from wfkit.core.call import CallRecord, Failure
from wfkit.core.columns import Items
from wfkit.core.decision import Decision
from wfkit.core.estimate import Estimate
from wfkit.core.frozen import dataclass
from wfkit.core.policy import CachePolicy, RetryPolicy
from wfkit.core.result import NOTHING_SPENT, Output, Read, Result, Spent
from wfkit.core.scope import Sample
from wfkit.core.terms import NodeKind, OnError, Reason, RunState


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """What a run must know of a node to schedule it.

    `deps` are positions of nodes in the run; `over` is the one that is mapped, or None.
    `definition` is the digest of the node's definition, None when it cannot be digested.
    Of a map: at most `max_parallel` attempts are under way at once; an attempt takes `batch_size` items (None: as many
    as keep all seats busy). `stops`: the first item that fails for good ends it, what has not begun is cancelled.
    `limit` and `key` are as in `Options`. `fallbacks` counts the models besides the first; `routes` are, by the kind of
    the failure or `default`, the numbers of those that it leads to (empty: any failure leads to the next). `timeout_s`
    is of one attempt, `deadline_s` of a task with all of them.
    """

    name: str
    kind: NodeKind
    deps: tuple[int, ...] = ()
    over: int | None = None
    definition: str | None = None
    retry: RetryPolicy = RetryPolicy()
    timeout_s: float | None = None
    priority: int = 0
    on_error: OnError = OnError.FAIL
    pool: str = "python"
    model: str | None = None
    fallbacks: int = 0
    max_parallel: int | None = None
    batch_size: int | None = None
    cache: CachePolicy = CachePolicy()
    stops: bool = False
    limit: int | None = None
    key: str | None = None
    routes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    deadline_s: float | None = None

    @property
    def is_timed(self) -> bool:
        """Whether its attempts may be given up, each by itself."""
        return self.timeout_s is not None or self.deadline_s is not None

    @property
    def lane(self) -> str:
        """Where its tasks queue: by themselves if their number at work is bounded, with all that ask the same model,
        or with all others of the pool."""
        if self.max_parallel is not None:
            return f"{self.pool}#{self.name}"
        return self.pool if self.model is None or self.fallbacks else f"{self.pool} {self.model}"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins. It is durable before its first task starts. `seed` makes jitter a function of the log; `estimate`
    is what its plan expected, if there was one; after `deadline_s` it ends, whatever is under way.
    """

    run_id: str
    workflow: str
    targets: tuple[str, ...]
    nodes: tuple[NodeSpec, ...]
    graph: str
    at: float
    seed: int = 0
    trigger: str = "python"
    params: str = "{}"
    notebook: str | None = None
    estimate: Estimate | None = None
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True)
class NodeDefined:
    """The text of a definition, kept once per digest: what `why` and lineage show.

    `parts` are (path, digest, text) of all it reaches.
    """

    node: str
    definition: str
    kind: NodeKind
    source: str
    options: str
    parts: tuple[tuple[str, str, str], ...] = ()
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Resolved:
    """The keys of all tasks of a node are known.

    For task i of the node: `keys[i]`, `reasons[i]` and `values[i]`, the digest of the cached value or None if the task
    must run. `saved_usd` and `saved_s` are what the hits would have cost (None: unknown).
    Of a map with a key column `labels[i]` names the item and `items[i]` is its digest; `sample` says which items these
    are if they are not all. `made_by[i]` is the definition of a result of older code that stands in (all empty: none).
    """

    node: int
    keys: tuple[str | None, ...]
    reasons: tuple[str, ...]
    values: tuple[str | None, ...]
    at: float
    saved_usd: str | None = "0"
    saved_s: float | None = 0.0
    from_run: str | None = None
    labels: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    sample: Sample | None = None
    made_by: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Unresolvable:
    """The keys of a node's tasks cannot be made (a map over what is no list, an input that is lost): the node fails."""

    node: int
    failure: Failure
    at: float


@dataclass(frozen=True, slots=True)
class Dispatched:
    """Attempt number `attempt` (from 1) of `tasks` begins; several tasks are a slice of a mapped Python node."""

    tasks: tuple[int, ...]
    attempt: int
    at: float


@dataclass(frozen=True, slots=True)
class Succeeded:
    """An attempt of a task ended with a value. With a `failure` that value is None and stands for an answer that is not
    to be used (`on_invalid: null`): what it cost bought nothing."""

    task: int
    attempt: int
    result: Result
    at: float
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class SliceSucceeded:
    """Items of a mapped Python node ended with values, in columns: entry i of each is of `tasks[i]`."""

    tasks: tuple[int, ...]
    attempt: int
    items: Items
    at: float


@dataclass(frozen=True, slots=True)
class ItemsSucceeded:
    """Items of a mapped Python node ended with values whose results are no columns: `results[i]` is of `tasks[i]`.

    Those that are not cached, and all of a journal that was written before there were columns.
    """

    tasks: tuple[int, ...]
    attempt: int
    results: tuple[Result, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt of a task ended without a value.

    `retry_at` is the Unix time of the next attempt, None if there is none.
    """

    task: int
    attempt: int
    failure: Failure
    at: float
    retry_at: float | None = None
    outputs: tuple[Output, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A node cannot run because node `because` failed or was skipped."""

    node: int
    because: int
    at: float


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A request is about to be sent: from here on it may be billed, at most `worst_usd` dollars (None: not known).

    `question` tells the questions of Python code apart: the digest of the first request of one.
    """

    task: int
    attempt: int
    call_id: str
    request_digest: str
    model: str
    at: float
    worst_usd: Decimal | None = None
    question: str | None = None


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A request came back, or failed. `served` means that the call log answered and nothing was sent."""

    task: int
    attempt: int
    call: CallRecord
    at: float
    served: bool = False


@dataclass(frozen=True, slots=True)
class GuardDecided:
    """A guard changed what happened to a call of this attempt, or learned something from how it ended."""

    task: int
    attempt: int
    decision: Decision
    at: float


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool is about to be called: from here on it may have done what it does.

    `turn` is the digest of the conversation that ends with the model's wish, `place` the number of the call in that.
    `again`: it was begun before, and nobody saw it end.
    """

    task: int
    attempt: int
    turn: str
    place: int
    tool: str
    arguments: str
    at: float
    idempotency_key: str | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class ToolEnded:
    """A tool came back. `result` is what the model is told: the value as text, or what went wrong, which `error` names.

    `reads` is what it has read, `problem` why what depends on it must not be cached, `spent` what it asked of models
    cost. `served` means that the result was
    there already, and that nothing was called.
    """

    task: int
    attempt: int
    turn: str
    place: int
    tool: str
    arguments: str
    result: str
    at: float
    run_s: float = 0.0
    error: str | None = None
    reads: tuple[Read, ...] = ()
    problem: str | None = None
    served: bool = False
    spent: Spent = NOTHING_SPENT


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run came to its end, or was interrupted (only that can be taken up again)."""

    status: RunState
    at: float


@dataclass(frozen=True, slots=True)
class Adopted:
    """Another process, or a later run of the same one, takes over an interrupted run under a new epoch.

    Nothing had happened in the run for `idle_s` seconds. From now it has `deadline_s`.
    """

    epoch: int
    at: float
    by: str = ""
    idle_s: float = 0.0
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Results are no longer served: those with these keys. The user asked for it."""

    node: str
    keys: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class NotKept:
    """Tasks with these keys have no result that serves, and why: failed_before (`message` is the error), uncacheable
    (what was made cannot be kept), value_missing (it is gone, or was forgotten).

    `definition` is that of the node then; of several about one key the newest holds.
    """

    node: str
    definition: str
    keys: tuple[str, ...]
    reason: Reason
    message: str
    at: float
    run_id: str = ""


Event = (
    RunStarted
    | NodeDefined
    | Resolved
    | Unresolvable
    | Dispatched
    | Succeeded
    | SliceSucceeded
    | ItemsSucceeded
    | Failed
    | Skipped
    | CallStarted
    | CallEnded
    | ToolStarted
    | ToolEnded
    | GuardDecided
    | RunEnded
    | Adopted
    | Forgotten
    | NotKept
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place: the order of a run is (epoch, seq). Events outside a run have the empty run id."""

    run_id: str
    epoch: int
    seq: int
    event: Event


def results_of(event: Event) -> tuple[Result, ...]:
    """The results that an event tells of, each as a whole."""
    if isinstance(event, Succeeded):
        return (event.result,)
    if isinstance(event, SliceSucceeded):
        return tuple(event.items)
    return event.results if isinstance(event, ItemsSucceeded) else ()
