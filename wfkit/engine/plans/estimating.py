"""What a plan will cost: money, tokens and time, from past results of the same definition, else from list prices.

Asks the store and the bundled price file, never the network. What cannot be foretold is unknown, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace

from wfkit.core.call import Usage
from wfkit.core.estimate import (
    IDLE,
    NOTHING,
    UNKNOWN,
    Estimate,
    NodeEstimate,
    Past,
    Sample,
    Span,
    Work,
    foretell,
    lasting,
    total,
)
from wfkit.core.events import NodeSpec
from wfkit.core.frozen import dataclass
from wfkit.core.terms import NodeKind, UsageSource
from wfkit.engine.plans.rendering import Prompts
from wfkit.llm import client, prices
from wfkit.settings import Settings

_LOOSE = 1.25  # the plain tokenizer is within a fifth of others
_PLURAL = {True: "", False: "s"}


@dataclass(frozen=True, slots=True)
class Outlook:
    """What of a node is to be done: at least, probably and at most so many tasks (None: not known).

    `prompts` are its rendered prompts, None where inputs are not known; `max_tokens` limits an answer; `attempts` is
    how many requests a task may make at most, besides the `turns` in which it may call tools; `gap` is why the number
    of tasks is not known. `asks`: Python code that asks models; `max_usd` is the most that the node may spend (None: no
    limit).
    """

    spec: NodeSpec
    tasks: tuple[int, int | None, int | None]
    attempts: int = 1
    max_tokens: int | None = None
    prompts: Prompts | None = None
    gap: str = ""
    turns: int = 0
    asks: bool = False
    max_usd: float | None = None


@dataclass(slots=True)
class History:
    """Past results by node and definition; `model_then` tells which model a definition asked."""

    rows: Iterable[Past]
    by_node: dict[str, list[Past]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for past in sorted(self.rows, key=lambda past: past.newest_at, reverse=True):
            self.by_node.setdefault(past.node, []).append(past)

    def of(self, spec: NodeSpec) -> tuple[Past, bool]:
        """Results of this definition, or of the newest other one of the node; and whether it is the same."""
        known = self.by_node.get(spec.name, [])
        same = next((past for past in known if past.definition == spec.definition), None)
        if same is not None:
            return same, True
        return (known[0] if known else Past(spec.name, "", 0, 0.0)), False


def estimate(
    jobs: Mapping[int, Outlook], past: Iterable[Past], settings: Settings
) -> tuple[dict[int, NodeEstimate], Estimate]:
    """An estimate a node, and that of the run."""
    history = History(past)
    known: dict[_Alike, NodeEstimate] = {}
    nodes = {n: IDLE if _is_idle(job) else _node(job, history, known) for n, job in jobs.items()}
    for n, job in jobs.items():
        if job.tasks[2] != 1 and nodes[n] is not IDLE:
            nodes[n] = replace(nodes[n], seats=_seats(job.spec, settings))
    busy = [node for node in nodes.values() if node is not IDLE]
    if not busy:
        return nodes, Estimate()
    asking = [node for node in busy if node.calls is not NOTHING]
    return nodes, Estimate(
        total(node.usd for node in asking),
        total(node.tokens for node in asking),
        lasting({n: _work(job, nodes[n], settings) for n, job in jobs.items()}),
        total(node.calls for node in asking),
    )


def _is_idle(job: Outlook) -> bool:
    return job.tasks[2] == 0 or job.spec.kind is NodeKind.INPUT


def _seats(spec: NodeSpec, settings: Settings) -> int:
    seats = settings.threads if spec.pool == "python" else settings.concurrency
    return seats if spec.max_parallel is None else min(spec.max_parallel, seats)


def _work(job: Outlook, node: NodeEstimate, settings: Settings) -> Work:
    spec, tasks, seats = job.spec, job.tasks, _seats(job.spec, settings)
    if node.free:
        low, expected, high = (None if count is None else max(0, count - node.free) for count in tasks)
        return Work((low or 0, expected, high), node.task_s, spec.lane, seats, spec.deps)
    return Work(tasks, node.task_s, spec.lane, seats, spec.deps)


_Alike = tuple[
    tuple[int, int | None, int | None], int, str
]  # of Python nodes that never ran: all there is to tell apart


def _node(job: Outlook, history: History, known: dict[_Alike, NodeEstimate]) -> NodeEstimate:
    past, same = history.of(job.spec)
    if job.spec.kind is NodeKind.PROMPT:
        made = _prompt(job, past, same)
        unknown = job.asks and not past.results and job.tasks[2] != made.free
        return _timed(_with_tools(made, job) if unknown else made, job, past, same)
    if job.asks:
        return _timed(_asking(job, past, same), job, past, same)
    if past.results:
        return _timed(IDLE, job, past, same)
    alike = (job.tasks, job.attempts, job.gap)
    if alike not in known:
        known[alike] = _timed(IDLE, job, past, same)
    return known[alike]


def _timed(made: NodeEstimate, job: Outlook, past: Past, same: bool) -> NodeEstimate:
    """The estimate of money, with that of time."""
    _, expected, high = job.tasks
    task = foretell(past.run_s, 1)
    if job.prompts is None and expected == high == 1:  # most nodes
        span = Span(task.low if job.tasks[0] else 0.0, task.expected, task.high)
    else:
        span = _counted(job, lambda tasks: foretell(past.run_s, tasks))
    most = None if task.high is None else task.high * job.attempts
    return NodeEstimate(
        made.usd,
        made.tokens,
        _attempted(span, job.attempts),
        made.calls,
        made.free,
        made.basis or (_from_past(past, same) if past.run_s.count else ""),
        (job.gap, *made.gaps) if job.gap and (expected is None or high is None) else made.gaps,
        "" if past.run_s.count else "how long it takes is not known before it has run once",
        (task.low, task.expected, most),
    )


def _counted(job: Outlook, of: object) -> Span:
    """The span of as many tasks as there may be."""
    assert callable(of)
    low, expected, high = job.tasks
    free = job.prompts.free_tasks if job.prompts is not None else 0
    least, most = of(max(0, low - free)), None if high is None else of(max(0, high - free))
    likely = None if expected is None else of(max(0, expected - free))
    return Span(least.low, likely.expected if likely else None, most.high if most else None)


def _attempted(span: Span, attempts: int) -> Span:
    """With every attempt used up in the high case."""
    if attempts == 1:
        return span
    return Span(span.low, span.expected, None if span.high is None else span.high * attempts)


def _asking(job: Outlook, past: Past, same: bool) -> NodeEstimate:
    """Of Python code that asks models: as in the past, or less, where the call log answers. Nothing else is known."""
    if not past.results:
        usd = Span(0.0, None, job.max_usd)
        return NodeEstimate(
            usd, UNKNOWN, calls=UNKNOWN, gaps=("what its code asks is known only when it has run once",)
        )
    spans = [
        _attempted(_counted(job, lambda tasks, of=of: of(past, tasks)), job.attempts)
        for of in (
            lambda past, tasks: foretell(past.usd, tasks),
            _tokens,
            lambda past, tasks: foretell(past.calls, tasks) if past.calls.count else NOTHING,
        )
    ]
    usd, tokens, calls = (Span(0.0, span.expected, span.high) for span in spans)
    if job.max_usd is not None:
        most = job.max_usd if usd.high is None else min(usd.high, job.max_usd)
        usd = Span(0.0, None if usd.expected is None else min(usd.expected, most), most)
    gaps = () if usd.expected is not None else ("some of what it asked had no price",)
    return NodeEstimate(usd, tokens, calls=calls, basis=_from_past(past, same), gaps=gaps)


def _prompt(job: Outlook, past: Past, same: bool) -> NodeEstimate:
    free = job.prompts.free_tasks if job.prompts is not None else 0
    calls = _counted(job, lambda tasks: Span(tasks, tasks, tasks * (job.attempts + job.turns)))
    if client.is_local(job.spec.model or "") and not (past.usd.count and past.usd.high):
        tokens = _counted(job, lambda tasks: _tokens(past, tasks)) if same else _listed(job, past)[1]
        return NodeEstimate(NOTHING, tokens, calls=calls, free=free, basis="a model of wfkit's own, which is free")
    if same and past.usd.count:
        usd = _attempted(_counted(job, lambda tasks: foretell(past.usd, tasks)), job.attempts)
        tokens = _attempted(_counted(job, lambda tasks: _tokens(past, tasks)), job.attempts)
        return NodeEstimate(usd, tokens, calls=calls, free=free, basis=_from_past(past, same))
    usd, tokens, basis, gaps = _listed(job, past)
    return NodeEstimate(usd, tokens, calls=calls, free=free, basis=basis, gaps=gaps)


def _with_tools(made: NodeEstimate, job: Outlook) -> NodeEstimate:
    """The estimate of a prompt whose tools ask models, before it has run."""
    usd, gap = Span(made.usd.low, None, job.max_usd), "what its tools ask is known only when it has run once"
    return replace(made, usd=usd, tokens=UNKNOWN, calls=UNKNOWN, gaps=(*made.gaps, gap))


def _tokens(past: Past, tasks: int) -> Span:
    return foretell(past.input_tokens, tasks) + foretell(past.output_tokens, tasks)


def _listed(job: Outlook, past: Past) -> tuple[Span, Span, str, tuple[str, ...]]:
    """Dollars and tokens from the length of the prompts and list prices."""
    model = job.spec.model or ""
    prompts = job.prompts
    entry = prices.price(model.partition("/")[2] or model, model)
    if prompts is None or prompts.problem is not None:
        why = (
            prompts.problem
            if prompts is not None and prompts.problem
            else "its prompts are known only when its inputs are"
        )
        return UNKNOWN, UNKNOWN, "", (why,)
    if not prompts.sizes:
        return NOTHING, NOTHING, "the call log", ()
    limit = job.max_tokens or _limit(entry)
    answer = _answer(past.output_tokens, job.max_tokens, limit)
    scale = (prompts.tasks - prompts.free_tasks) / len(prompts.sizes)
    cases = ((1 / _LOOSE, answer.low, 1), (1.0, answer.expected, 1), (_LOOSE, answer.high, job.attempts))
    found = [_case(model, prompts.sizes, scale, case) for case in cases]
    usd, tokens = (Span(found[0][k] or 0.0, found[1][k], found[2][k]) for k in (0, 1))
    gaps = []
    if entry is None:
        gaps.append(f"no list price of the model {model} is known: wfkit.llm.prices.use can name one")
    elif answer.expected is None:
        gaps.append("how long its answers are is not known: no past call, no max_tokens")
    if answer.high is None:
        gaps.append("its answers have no limit: set max_tokens")
    if job.turns:
        gaps.append(f"what its tools will say is not known, and each of at most {job.turns} turns with them is paid")
        usd, tokens = Span(usd.low, None, None), Span(tokens.low, None, None)
    return usd, tokens, _basis(prompts, past, job, limit), tuple(gaps)


def _answer(past: Sample, max_tokens: int | None, limit: int | None) -> Span:
    """Tokens of one answer: as long as those before the edit were, else at most `max_tokens`, probably half of it."""
    if past.count:
        one = foretell(past, 1)
        high = limit if limit is not None else None
        return Span(min(one.low, high or one.low), min(one.expected or 0.0, high or one.expected or 0.0), high)
    return Span(1.0, None if max_tokens is None else max_tokens / 2, limit)


def _case(
    model: str, sizes: Sequence[int], scale: float, case: tuple[float, float | None, int]
) -> tuple[float | None, float | None]:
    """Dollars and tokens of all prompts, in a case: (prompts so much longer, tokens of an answer, attempts)."""
    loose, answer, attempts = case
    if answer is None:
        return None, None
    usd: float | None = 0.0
    name = model.partition("/")[2] or model
    for size in sizes:
        sent = round(size * loose) + (round(answer) if attempts > 1 else 0)  # a correction repeats the answer
        cost = prices.cost(name, Usage(sent, round(answer), source=UsageSource.ESTIMATED), model).usd
        usd = None if usd is None or cost is None else usd + float(cost)
    spent = sum(sizes) * loose + len(sizes) * answer
    return None if usd is None else usd * scale * attempts, spent * scale * attempts


def _limit(entry: Mapping[str, object] | None) -> int | None:
    """The longest answer of a model, as the price file has it."""
    for name in ("max_output_tokens", "max_tokens"):
        value = (entry or {}).get(name)
        if isinstance(value, int):
            return value
    return None


def _from_past(past: Past, same: bool) -> str:
    of = "" if same else " of an older version"
    return f"{past.results:,} past result{_PLURAL[past.results == 1]}{of}"


def _basis(prompts: Prompts, past: Past, job: Outlook, limit: int | None) -> str:
    counted = "its prompts" if prompts.rendered == prompts.tasks else f"{prompts.rendered:,} of its prompts"
    answers = f"answers as in {_from_past(past, False)}" if past.output_tokens.count else ""
    if not answers and job.max_tokens:
        answers = "half of max_tokens an answer"
    most = "" if job.max_tokens or limit is None else f"at most {limit:,} tokens an answer (max_tokens lowers it)"
    return "; ".join(part for part in (f"list prices of {counted}", answers, most) if part)
