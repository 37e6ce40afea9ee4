"""Rows about runs, as the store reports them and the views draw them.

Plain frozen data: times are Unix seconds, durations seconds, money `Decimal` dollars, and None is unknown. No sums are
made here, but for the time between two moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from decimal import Decimal

from wfkit.core.estimate import Estimate
from wfkit.core.frozen import dataclass
from wfkit.core.result import Read, Spent


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run and its totals.

    From start to end, nothing went on for `paused_s`: it was interrupted, and taken up again later.
    `tasks` counts tasks by state; `spent` is billed in this run, `saved_*` is what the cache made unnecessary,
    `wasted_usd` was paid for attempts that failed.
    """

    run_id: str
    workflow: str
    status: str
    started_at: float
    ended_at: float | None
    tasks: dict[str, int]
    spent: Spent = Spent()
    saved_usd: Decimal | None = Decimal(0)
    saved_s: float | None = 0.0
    wasted_usd: Decimal | None = Decimal(0)
    trigger: str = "python"
    notebook: str | None = None
    targets: tuple[str, ...] = ()
    estimate: Estimate | None = None
    paused_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CellsRow:
    """What plain cells asked, cells that are no node: calls of no run, from `first_at` to `last_at`.

    As of a run, `spent` was billed and `wasted_usd` of it bought nothing; `served` questions were answered by the call
    log, which `saved_usd`. `cached_tokens` are part of the input, `reasoning_tokens` of the output.
    """

    spent: Spent = Spent()
    served: int = 0
    saved_usd: Decimal | None = Decimal(0)
    wasted_usd: Decimal | None = Decimal(0)
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    first_at: float = 0.0
    last_at: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node within a run.

    `tasks` counts its tasks by state, `reasons` by reason. It worked from `started_at`, when its first attempt began,
    to `ended_at`, when the last one ended, but for the `paused_s` in which nothing went on; `work_s` sums its tasks,
    many of which may have worked at once. `deps` are names of nodes, `over` the one whose items it maps. `served`
    counts the questions that the call log answered; `wasted_usd` of what it spent bought nothing. Of a sample,
    `sample_of` is how many items there are and `sample_seed` what picked some (None: the first ones). `saying` is the
    end of what its model says right now, of a run that goes on.
    """

    name: str
    kind: str
    deps: tuple[str, ...]
    mapped: bool
    tasks: dict[str, int]
    reasons: dict[str, int] = field(default_factory=dict)
    started_at: float | None = None
    ended_at: float | None = None
    work_s: float | None = None
    spent: Spent = Spent()
    saved_usd: Decimal | None = Decimal(0)
    saved_s: float | None = 0.0
    model: str | None = None
    error: str | None = None
    over: str | None = None
    served: int = 0
    wasted_usd: Decimal | None = Decimal(0)
    sample_of: int | None = None
    sample_seed: int | None = None
    saying: str | None = None
    paused_s: float = 0.0

    @property
    def run_s(self) -> float | None:
        """Seconds from its start to its end; None if it did nothing, or has no end yet."""
        return self.lasted_s(self.ended_at)

    def lasted_s(self, until: float | None) -> float | None:
        """Seconds from its start to then."""
        if self.started_at is None or until is None:
            return None
        return max(0.0, until - self.started_at - self.paused_s)


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt of a task.

    `item` is None for a node that is not mapped; `queued_at` is when the task could have started.
    """

    node: str
    item: int | None
    attempt: int
    state: str
    queued_at: float | None
    started_at: float
    ended_at: float | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class CallRow:
    """One request to a model, or one answered by the call log (`served`: nothing was billed).

    One that is `unanswered` got no reply and may have been billed, at most `worst_usd`.
    """

    node: str
    item: int | None
    attempt: int
    call_id: str
    request_model: str
    response_model: str | None
    started_at: float
    ended_at: float | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_input_tokens: int | None
    reasoning_output_tokens: int | None
    usage_source: str
    cost_usd: Decimal | None
    cost_source: str
    verdict: str | None
    round: int
    served: bool
    error: str | None = None
    unanswered: bool = False
    worst_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """What a guard decided in a run, all of a kind together: `reason` is the last one, `waited_s` seconds in all, None
    where nothing waited."""

    guard: str
    about: str
    act: str
    times: int
    waited_s: float | None
    longest_s: float | None
    first_at: float
    last_at: float
    reason: str


@dataclass(frozen=True, slots=True)
class GuardRow:
    """How a guard of one model, provider or purse stands now, as shown.

    Calls that `passed` since the process began, those that wait now, seconds that calls have `waited_s` in all, and
    calls that were `refused`.
    """

    guard: str
    about: str
    state: str
    passed: int = 0
    waiting: int = 0
    waited_s: float = 0.0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """One request on the way to a value, and what came of it.

    `cost_usd` is its price, also where the call log served the reply (`served`: then nothing was billed). Without an
    answer `reply` is None and `error` says why.
    """

    model: str
    answered_by: str | None
    verdict: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    served: bool
    prompt: str
    reply: str | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LineageStep:
    """How one value was made, and from what.

    `role` is the name under which the value below uses it. `prompt` and `reply` are the text of the call that answered
    (calls that only repaired are in `rounds`). `questions` are the first of all `asked` requests. `inputs` are further
    steps, cut at the depth asked for (`cut`).
    """

    role: str
    node: str | None
    item: int | None
    kind: str
    digest: str
    preview: str
    definition: str | None = None
    source: str | None = None
    run_id: str | None = None
    created_at: float | None = None
    run_s: float | None = None
    model: str | None = None
    answered_by: str | None = None
    prompt: str | None = None
    reply: str | None = None
    rounds: int = 0
    cost_usd: Decimal | None = None
    call_id: str | None = None
    reads: tuple[Read, ...] = ()
    inputs: tuple[LineageStep, ...] = ()
    cut: bool = False
    questions: tuple[Question, ...] = ()
    asked: int = 0


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything the views of one run are drawn from. `cells` asked in the same process, and are no part of the run."""

    run: RunRow
    nodes: tuple[NodeRow, ...]
    attempts: tuple[AttemptRow, ...] = ()
    calls: tuple[CallRow, ...] = ()
    cut_attempts: int = 0
    decisions: tuple[DecisionRow, ...] = ()
    cells: CellsRow | None = None


def paused_s(pauses: Sequence[tuple[float, float]], start: float | None, end: float | None) -> float:
    """How much of a time fell into pauses, each given by its end and its seconds; `end` None: it still goes on."""
    if start is None:
        return 0.0
    return sum(seconds for at, seconds in pauses if start < at and (end is None or at < end))
