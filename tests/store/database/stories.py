"""Journal entries for the tests of the projection: whole small runs, and random ones.

No store here: a story is a list of entries, `placed` gives them the offsets that a journal would.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b

from wfkit.core import events as e
from wfkit.core.apply import apply
from wfkit.core.call import NEVER_SENT, CallRecord, Cost, Failure, Message, Reply, Request, Usage
from wfkit.core.decision import Decision
from wfkit.core.events import Entry, NodeSpec
from wfkit.core.result import Output, Read, Result, Spent, Stored
from wfkit.core.run import Run, begin
from wfkit.core.terms import Act, CostSource, FailureKind, NodeKind, RunState, UsageSource, Verdict
from wfkit.store.database.fold import Placed

START = 1_763_712_000.0
TIMEOUT = Failure(FailureKind.TIMEOUT, "TimeoutError", "no answer within 2 s")


def digest(*parts: object) -> str:
    """32 hex characters that are the same for the same parts."""
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def placed(entries: Iterable[Entry], journal_id: str = "j1", start: int = 0) -> list[Placed]:
    """The entries as lines of 100 bytes of a journal."""
    return [(journal_id, start + 100 * i, start + 100 * i + 100, entry) for i, entry in enumerate(entries)]


def value(text: str) -> Stored:
    """A small value, stored inline."""
    return Stored(digest("value", text), "json", digest("payload", text), len(text), text)


def result(node: str, text: str = "1", **more: object) -> Result:
    """A result whose key depends on node, value and inputs only."""
    given: dict[str, object] = {
        "key": digest("key", node, text, more.get("inputs")),
        "node": node,
        "definition": digest("definition", node),
        "value": value(text),
        "preview": text,
        "run_s": 0.25,
        "created_at": START + 2,
    }
    return Result(**(given | more))


def call(name: str, usd: str | None = "0.001", verdict: Verdict = Verdict.VALID, **more: object) -> CallRecord:
    """A call that was answered."""
    cost = Cost(None if usd is None else Decimal(usd), source=CostSource.UNKNOWN if usd is None else CostSource.LOCAL)
    usage = Usage(10, 5, cache_read_input_tokens=2, source=UsageSource.PROVIDER)
    request = Request("openai/m", (Message("system", "Be brief."), Message("user", f"Ask {name}")), (("seed", 1),))
    reply = Reply(f"Reply {name}", "m-2026", "stop", f"response-{name}", usage, cost)
    given: dict[str, object] = {
        "call_id": f"call-{name}",
        "request_digest": digest("request", name),
        "request": request,
        "started_at": START + 1,
        "ended_at": START + 1.5,
        "reply": reply,
        "verdict": verdict,
        "provider": "openai",
    }
    return CallRecord(**(given | more))


@dataclass
class Story:
    """A run that is told event by event, with the `Run` that follows from them."""

    specs: tuple[NodeSpec, ...]
    run_id: str = "r1"
    start: float = START
    entries: list[Entry] = field(default_factory=list)
    epoch: int = 1

    def __post_init__(self) -> None:
        started = e.RunStarted(self.run_id, "flow", (self.specs[-1].name,), self.specs, "graph", self.start, 7, "test")
        self.run: Run = begin(started)
        self.entries.append(Entry(self.run_id, self.epoch, 0, started))

    def tell(self, event: e.Event) -> None:
        """Append an event; it is applied as the engine would."""
        self.entries.append(Entry(self.run_id, self.epoch, len(self.entries), event))
        apply(self.run, event)

    @property
    def now(self) -> float:
        return self.start + len(self.entries) / 8

    def resolve(self, node: int, count: int = 1, hits: Iterable[int] = (), usd: str | None = "0.5") -> None:
        """Resolve a node; items in `hits` are cached."""
        name = self.specs[node].name
        cached = set(hits)
        self.tell(
            e.Resolved(
                node,
                tuple(digest("key", name, i) for i in range(count)),
                tuple("cached" if i in cached else "never_run" for i in range(count)),
                tuple(digest("value", name, i) if i in cached else None for i in range(count)),
                self.now,
                usd if cached else "0",
                (None if usd is None else 2.0) if cached else 0.0,
            )
        )

    def finish(self, status: RunState = RunState.SUCCESS) -> None:
        self.tell(e.RunEnded(status, self.now))

    def result(self, task: int, text: str, **more: object) -> Result:
        """A result under the key of the task."""
        node = self.specs[self.run.node_of[task]].name
        return result(node, text, key=self.run.key[task], run_id=self.run_id, created_at=self.now, **more)


def labels(run_id: str = "r1", start: float = START) -> Story:
    """reviews (a list) > label (prompt, three items: one repaired, one failed once, one cached) > table; broken fails,
    so last is skipped."""
    specs = (
        NodeSpec("reviews", NodeKind.PYTHON, definition=digest("definition", "reviews")),
        NodeSpec("label", NodeKind.PROMPT, (0,), 0, digest("definition", "label"), pool="openai", model="openai/m"),
        NodeSpec("table", NodeKind.PYTHON, (1, 0), None, digest("definition", "table")),
        NodeSpec("broken", NodeKind.PYTHON, (0,)),
        NodeSpec("last", NodeKind.PYTHON, (3,)),
    )
    story = Story(specs, run_id, start)
    story.tell(e.NodeDefined("label", digest("definition", "label"), NodeKind.PROMPT, "Label {{ review }}", "{}"))
    story.tell(e.NodeDefined("table", digest("definition", "table"), NodeKind.PYTHON, "table = frame(label)", "{}"))
    story.resolve(0)
    story.tell(e.Dispatched((0,), 1, story.now))
    story.tell(e.Succeeded(0, 1, story.result(0, "reviews", reads=(Read("file", "r.csv", "d0"),)), story.now))
    story.resolve(1, 3, hits=[2])
    _label(story)
    story.resolve(2)
    story.resolve(3)
    story.tell(e.Dispatched((4,), 1, story.now))
    story.tell(e.Dispatched((5,), 1, story.now))
    inputs = (("label", digest("map")), ("reviews", value("reviews").digest))
    story.tell(
        e.Succeeded(
            4, 1, story.result(4, "table", inputs=inputs, outputs=(Output("stdout", "text/plain", "hi\n"),)), story.now
        )
    )
    story.tell(e.Failed(5, 1, Failure(FailureKind.EXCEPTION, "KeyError", "'x'", traceback="..."), story.now))
    story.tell(e.Skipped(4, 3, story.now))
    waited = Decision("rate", "openai/m", Act.WAITED, "the provider takes no more for now", 1.5)
    story.tell(e.GuardDecided(2, 1, waited, story.now))
    story.finish(RunState.PARTIAL)
    return story


def _label(story: Story) -> None:
    story.tell(e.Dispatched((1,), 1, story.now))
    story.tell(e.Dispatched((2,), 1, story.now))
    _ask(story, 1, 1, call("a0", "0.002", Verdict.INVALID))
    _ask(story, 1, 1, call("a1", "0.003", round=1))
    turn, arguments = digest("turn"), '{"query": "kettle"}'
    story.tell(e.ToolStarted(1, 1, turn, 0, "find", arguments, story.now, "key"))
    story.tell(
        e.ToolEnded(1, 1, turn, 0, "find", arguments, "two", story.now, 0.5, reads=(Read("file", "s.csv", "d"),))
    )
    story.tell(e.ToolStarted(1, 1, turn, 1, "find", arguments, story.now))
    spent = Spent(2, 20, 10, Decimal("0.005"))
    story.tell(
        e.Succeeded(1, 1, story.result(1, "good", inputs=(("review", digest("item", 0)),), spent=spent), story.now)
    )
    _ask(story, 2, 1, call("b0", "0.004"))
    _ask(story, 2, 1, call("b1", reply=None, failure=TIMEOUT))
    story.tell(e.Failed(2, 1, TIMEOUT, story.now, retry_at=story.now + 1))
    story.tell(e.Dispatched((2,), 2, story.now))
    story.tell(e.CallEnded(2, 2, call("b0", "0.004"), story.now, served=True))
    _ask(story, 2, 2, call("b2", None))
    spent = Spent(1, 10, 5, None, unpriced=1)
    story.tell(
        e.Succeeded(2, 2, story.result(2, "bad", inputs=(("review", digest("item", 1)),), spent=spent), story.now)
    )


def _ask(story: Story, task: int, attempt: int, record: CallRecord) -> None:
    started = e.CallStarted(task, attempt, record.call_id, record.request_digest, "openai/m", story.now)
    story.tell(started)
    story.tell(e.CallEnded(task, attempt, record, story.now))


def random_run(seed: int, run_id: str = "r1") -> Story:
    """A run of random nodes, hits, failures, retries, calls and crashes, as far as it came."""
    roll = random.Random(seed)
    story = Story(_random_specs(roll), run_id)
    for _ in range(roll.randrange(60)):
        _random_step(roll, story)
    if roll.random() < 0.5:
        story.finish(roll.choice([RunState.SUCCESS, RunState.INTERRUPTED, RunState.FAILED]))
    return story


def _random_specs(roll: random.Random) -> tuple[NodeSpec, ...]:
    specs: list[NodeSpec] = []
    for n in range(roll.randint(1, 6)):
        deps = tuple(sorted(roll.sample(range(n), roll.randint(0, min(n, 2)))))
        over = roll.choice(deps) if deps and roll.random() < 0.5 else None
        specs.append(NodeSpec(f"n{n}", roll.choice([NodeKind.PYTHON, NodeKind.PROMPT]), deps, over, digest("d", n)))
    return tuple(specs)


def _random_step(roll: random.Random, story: Story) -> None:
    run = story.run
    if run.to_skip:
        story.tell(e.Skipped(*run.to_skip[0], story.now))
    elif run.to_resolve and roll.random() < 0.4:
        node = run.to_resolve[0]
        count = roll.randint(0, 5) if story.specs[node].over is not None else 1
        hits = [i for i in range(count) if roll.random() < 0.3]
        story.resolve(node, count, hits, roll.choice(["0.25", None]))
    elif run.queues and roll.random() < 0.5:
        node = roll.choice([n for n, queue in run.queues.items() if queue] or [-1])
        if node >= 0:
            tasks = tuple(run.queues[node])[: roll.randint(1, 3)]
            attempt = max(run.attempt[task] for task in tasks) + 1
            if all(run.attempt[task] == attempt - 1 for task in tasks):
                story.tell(e.Dispatched(tasks, attempt, story.now))
    elif run.running:
        _random_end(roll, story, roll.choice(sorted(run.running)))
        if roll.random() < 0.2:
            _random_late(roll, story)


_FAILED = (
    TIMEOUT,
    Failure(FailureKind.TRANSIENT, "ConnectionError", "reset"),
    Failure(FailureKind.TRANSIENT, "ServiceUnavailable", "later", 503),
    Failure(FailureKind.EMPTY, "EmptyReply", "no choice", 200),
    Failure(FailureKind.TRANSIENT, NEVER_SENT, "nobody listens"),
    Failure(FailureKind.RATE_LIMITED, "RateLimitError", "slow down", 429),
)


def _random_call(roll: random.Random, story: Story, place: tuple[int, int], name: str) -> None:
    """A call that is served, answered, refused or lost; what it may cost at most is known or not."""
    verdict, served = roll.choice([Verdict.VALID, Verdict.INVALID]), roll.random() < 0.3
    worst_usd = roll.choice([Decimal("0.5"), Decimal("0.125"), None])
    record = call(name, roll.choice(["0.001", "0.25", None]), verdict)
    if not served:
        story.tell(e.CallStarted(*place, record.call_id, record.request_digest, "openai/m", story.now, worst_usd))
        if roll.random() < 0.15:
            return  # nobody tells how it ended
    if roll.random() < 0.3:
        failure = roll.choice(_FAILED)
        record = call(name, reply=None, failure=failure, worst_usd=worst_usd if failure.may_be_billed() else None)
    story.tell(e.CallEnded(*place, record, story.now, served=served))


UNSURE = Failure(FailureKind.LOW_CONFIDENCE, "LowConfidence", "the answer has confidence 0.4")


def _random_late(roll: random.Random, story: Story) -> None:
    """What comes of an attempt that has ended: another call of it, or the value of a body that was given up."""
    ended = [entry.event for entry in story.entries if isinstance(entry.event, e.Succeeded | e.Failed)]
    if not ended:
        return
    late = roll.choice(ended)
    name = f"late-{late.task}-{late.attempt}-{len(story.entries)}"
    _random_call(roll, story, (late.task, late.attempt), name)
    if isinstance(late, e.Failed) and roll.random() < 0.3:
        story.tell(e.Succeeded(late.task, late.attempt, story.result(late.task, name), story.now))


def _random_end(roll: random.Random, story: Story, task: int) -> None:
    attempt = story.run.running[task]
    name = f"{task}-{attempt}-{len(story.entries)}"
    for i in range(roll.randint(0, 2)):
        _random_call(roll, story, (task, attempt), f"{name}-{i}")
    if roll.random() < 0.6:
        null = UNSURE if roll.random() < 0.3 else None
        story.tell(e.Succeeded(task, attempt, story.result(task, name), story.now, null))
    elif roll.random() < 0.2:
        story.epoch += 1
        story.tell(e.Adopted(story.epoch, story.now, "j2"))
    else:
        story.tell(e.Failed(task, attempt, TIMEOUT, story.now, story.now + 1 if roll.random() < 0.5 else None))
