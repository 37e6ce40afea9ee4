"""One run from its plan to its outcome: begin or take up again, carry the baton, wait, hand out values.

`Session` holds what the runs of one workflow share. Who calls decides what is shown meanwhile.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from wfkit.core.call import Listener, Reply, Request
from wfkit.core.estimate import Estimate
from wfkit.core.events import Entry, Event, NodeDefined, NodeSpec, RunStarted
from wfkit.core.frozen import dataclass
from wfkit.core.plan import Index
from wfkit.core.promises import Store
from wfkit.core.report import RunReport
from wfkit.core.run import Run, begin
from wfkit.core.terms import NodeKind, RunState
from wfkit.engine.asking.asker import Asking, Write
from wfkit.engine.asking.desk import House
from wfkit.engine.asking.paid_once import UnderWay
from wfkit.engine.asking.purses import Purses, open_day
from wfkit.engine.attempts.attempt import Attempts
from wfkit.engine.attempts.desks import Desks
from wfkit.engine.attempts.inputs import Inputs
from wfkit.engine.attempts.prompting import Prompting
from wfkit.engine.preparing.collector import paused
from wfkit.engine.preparing.prepare import Prepared, ReadyNode
from wfkit.engine.preparing.resolve import Resolver
from wfkit.engine.preparing.values import Values
from wfkit.engine.preparing.wish import Wish, refuse_nothing, unused
from wfkit.engine.refusing import Refusing
from wfkit.engine.running.baton import Baton
from wfkit.engine.running.context import Context, Surroundings
from wfkit.engine.running.drift import drifted
from wfkit.engine.running.loop import Posted
from wfkit.engine.running.places import Places
from wfkit.engine.running.resume import Resumable, close_orphans, kept_replies, kept_tools, take_up
from wfkit.engine.running.seating import Seating
from wfkit.engine.snapshot import snapshot
from wfkit.engine.thread import shared
from wfkit.errors import StoreFault
from wfkit.executors.threads import Threads
from wfkit.guards.budgets import Purse
from wfkit.guards.chain import Guards
from wfkit.guards.pools import Pools
from wfkit.keys.task import task_key
from wfkit.llm import client
from wfkit.llm.cassette import Cassette, parse_mode
from wfkit.settings import Settings
from wfkit.store.payloads.classes import register_class

_TICK_S = 0.1  # how often the display is drawn
_SOON_S = 0.02  # a run whose prompts are all known is over by then, and litellm need not be loaded
_PATIENCE_S = 1.0  # how long an interrupted user waits
_DISK_S = 30.0
Progress = Callable[[RunReport], None]


@dataclass
class Session:
    """What runs of one workflow share: the store, values in memory, threads, guards, and calls under way.

    `foreseen` is what the newest plan expected, with the nodes that it was about, `refusing` what it found wrong.
    """

    store: Store
    settings: Settings
    project: Path
    values: Values
    threads: Threads
    guards: Guards
    under_way: UnderWay = field(default_factory=UnderWay)
    defined: set[str] = field(default_factory=set)
    today: Purse = field(default_factory=lambda: Purse("today"))
    foreseen: tuple[tuple[NodeSpec, ...], Estimate] | None = None
    refusing: Refusing | None = None
    cassettes: dict[tuple[str, Path], Cassette] = field(default_factory=dict)

    def configure(self, chosen: Settings) -> None:
        """Take other settings for the runs to come."""
        self.settings = chosen
        self.threads.grow(chosen.threads)
        self.guards.pools.resize(chosen.concurrency)


def now() -> float:
    """Unix seconds."""
    return time.time()


def open_session(store: Store, settings: Settings, project: Path) -> Session:
    """A session on a store; threads start when the first body needs them."""
    threads, guards = Threads(settings.threads), Guards(Pools(settings.concurrency, time.monotonic))
    return Session(store, settings, project, Values(store), threads, guards)


@dataclass
class Ran:
    """A run that came to its end: the context gives values, the report the rows."""

    context: Context
    cassette: Cassette | None = None

    @cached_property
    def report(self) -> RunReport:
        """The rows, made when they are first asked for: what still comes in then are late values and calls."""
        return snapshot(self.context.run)


class Interrupted(KeyboardInterrupt):
    """The user stopped a run; `report` tells how far it came."""

    def __init__(self, report: RunReport) -> None:
        super().__init__("what was done and paid is kept; the next run goes on from there")
        self.report = report


def load_index(session: Session, prepared: Prepared) -> Index:
    """What is known of the nodes of a graph, in one query."""
    names = [node.name for node in prepared.graph.nodes]
    return Index(session.store.known(names), ask_not_kept=lambda: session.store.not_kept(names))


def resolver_for(session: Session, prepared: Prepared, index: Index, run_id: str, wish: Wish) -> Resolver:
    """A resolver that looks at files and variables as they are now. Raises UsageFault when the wish is void."""

    # No memo: a node of this very run may write a file that a later one has read.
    is_unchanged = _places(session, index).unchanged
    found = Resolver(prepared, index, session.values, is_unchanged, run_id, wish.force, wish.scope, wish.failed)
    found.text_of = session.store.definition
    refuse_nothing(wish, prepared, found.keeping)
    return found


def _places(session: Session, index: Index) -> Places:
    return Places(session.project, session.values, index.by_key, session.settings.counted())


def _context(session: Session, run: Run, resolver: Resolver, wish: Wish) -> Context:
    """What the attempts of a run share."""
    places = _places(session, resolver.index)
    resolver.unchanged = places.unchanged
    chosen = session.settings
    around = Surroundings(session.project, chosen.max_output_kb, chosen.strict, chosen.counted())
    before = session.store.entries(run.started.run_id) if run.epoch > 1 else []
    kept, tools = kept_replies(before, run), kept_tools(before, run)
    fresh, store = wish.fresh_replies, session.store
    return Context(
        run,
        resolver.prepared,
        resolver,
        session.values,
        store,
        around,
        fresh,
        kept=kept,
        tool_calls=tools,
        places=places,
    )


def execute(session: Session, prepared: Prepared, wish: Wish, progress: Progress | None = None) -> Ran:
    """Run to the end, in the calling thread's time. KeyboardInterrupt ends the run and is raised again as
    Interrupted."""
    for cls in prepared.classes:
        register_class(cls)
    cassette, wish = _recorded(session, prepared, wish)
    with paused():
        index = load_index(session, prepared)
        resolver = resolver_for(session, prepared, index, "", wish)
        run, events = _begin_or_resume(session, prepared, wish)
    resolver.run_id = run.started.run_id
    context = _context(session, run, resolver, wish)
    for warning in prepared.warnings:
        context.warn(warning)
    baton = _baton(session, context, wish, cassette)
    try:
        context.write(events, durable=True)
        baton.carry()
        asks = any(ready.model for ready in prepared.ready) and (cassette is None or cassette.records)
        if asks and not baton.finished.wait(_SOON_S):
            _warm(prepared, session.settings.transport)
        _wait(baton, progress, wish.stop)
    except KeyboardInterrupt:
        baton.interrupt()
        baton.finished.wait(_PATIENCE_S)
        _settle(baton, _PATIENCE_S)
        raise Interrupted(_report(baton)) from None
    _forget_drifted(session, context)
    if (told := unused(wish.scope, run)) is not None:
        context.warn(told)
    context.made.clear()  # an outcome that is kept shall not keep every result with its output
    if baton.fault is not None:
        raise baton.fault
    _settle(baton, _DISK_S)
    if cassette is not None:
        cassette.save(node.name for node in prepared.graph.nodes)
    return Ran(context, cassette)


def _recorded(session: Session, prepared: Prepared, wish: Wish) -> tuple[Cassette | None, Wish]:
    """The cassette of a run, and its wish: what is cached, or was done before an interrupt, would not be asked, and so
    not be recorded. Replies that were paid for are at hand in the call log."""
    cassette = cassette_of(session, wish.cassette or session.settings.cassette)
    if cassette is not None and cassette.records:
        names = frozenset(node.name for node in prepared.graph.nodes)
        if cassette.plays:  # as an everyday setting: what asks no model stays cached
            prompts = {ready.node.name for ready in prepared.ready if ready.model is not None}
            names &= prompts.union(session.store.sql("SELECT DISTINCT node FROM calls_latest")["node"])
        wish = replace(wish, force=wish.force | names)
    return cassette, wish


def cassette_of(session: Session, named: str | None) -> Cassette | None:
    """The cassette that is named so; all runs of a session that name the same file in the same way share it."""
    if not named:
        return None
    mode, path = parse_mode(named)
    key = (mode, path.absolute())
    if key not in session.cassettes:
        session.cassettes[key] = Cassette(path, mode)
    return session.cassettes[key]


def _warm(prepared: Prepared, transport: str) -> None:
    """Load what answers the models of a run that is not finished at once, while other things are done."""
    for model in {ready.model.model for ready in prepared.ready if ready.model is not None}:
        client.warm(model, transport)


def _baton(session: Session, context: Context, wish: Wish, cassette: Cassette | None) -> Baton:
    baton, run = Baton(context, _seating(session, context), shared.call_at), context.run
    asking = asking_of(
        session,
        write=lambda event, on_disk: baton.post(Posted((event,), durable=on_disk)),
        at_work=lambda: run.status is RunState.RUNNING,
        kept=lambda task, digest: context.kept.pop((task, digest), None),
        since=context.run.started.at if context.fresh_replies else 0.0,
        cassette=cassette,
    )
    open_day(session.today, session.settings, session.store)
    purses = Purses(run, session.settings, session.today, wish.max_usd)
    sent = lambda task, question: run.requests.get((task, question), 0)  # noqa: E731 - one of several given at once
    house = House(asking, purses, session.settings, shared, sent, run.started.seed)
    desks = Desks(context, house)
    prompting = Prompting(context, asking, purses, desks)
    attempts = Attempts(context, baton, session.threads, shared, Inputs(context), prompting, desks)
    baton.launch, baton.when_ended = attempts.launch, attempts.stop
    return baton


def asking_of(session: Session, write: Write, at_work: Callable[[], bool], **more: Any) -> Asking:
    """The way of questions to models, for a run or for a cell that is no node."""

    async def send(request: Request, listener: Listener | None) -> Reply:
        settings = session.settings
        heard = partial(session.guards.rates.heard, request.model)
        return await client.ask(request, settings.timeout_s, settings.transport, heard, listener)

    async def ready(request: Request) -> None:
        await client.ready(request, session.settings.transport)

    given = (session.store, send, session.under_way, session.guards)
    return Asking(*given, write=write, at_work=at_work, buy=session.settings.buy, ready=ready, **more)


def _seating(session: Session, context: Context) -> Seating:
    settings = session.settings
    sizes = {"python": settings.threads, "pyplot": 1}
    return Seating(context.run.specs, sizes, settings.concurrency, session.guards)


def _wait(baton: Baton, progress: Progress | None, stop: threading.Event | None) -> None:
    while not baton.finished.wait(_TICK_S):
        if stop is not None and stop.is_set():
            raise KeyboardInterrupt
        if progress is None:
            continue
        try:
            progress(baton.context.live.onto(_report(baton)))
        except Exception as error:  # whoever shows the run may fail, the run goes on
            baton.context.warn(f"the display of the run failed: {type(error).__name__}: {error}")
            progress = None


def _forget_drifted(session: Session, context: Context) -> None:
    """What was made while its own code or variables changed is not served again."""
    for forgotten, what in drifted(context, time.time()):
        session.store.append([Entry("", 1, 0, forgotten)])
        context.warn(what)


def _settle(baton: Baton, patience_s: float) -> None:
    """Wait until everything that was acknowledged is on disk; tell the user if it cannot be."""
    if baton.ticket is None:
        return
    try:
        baton.ticket.wait(patience_s)
    except StoreFault as fault:
        baton.context.warn(f"{fault}; the results of this run are in memory only")


def _report(baton: Baton) -> RunReport:
    report = baton.reading(snapshot)
    assert isinstance(report, RunReport)
    return report


def _begin_or_resume(session: Session, prepared: Prepared, wish: Wish) -> tuple[Run, list[Event]]:
    now = time.time()
    started = RunStarted(
        run_id=uuid.uuid4().hex,
        workflow=wish.workflow,
        targets=prepared.graph.targets,
        nodes=prepared.specs,
        graph=graph_digest(prepared, wish),
        at=now,
        seed=random.getrandbits(63),
        trigger=wish.trigger,
        params=wish.params,
        notebook=wish.notebook,
        estimate=_foreseen(session, prepared),
        deadline_s=wish.deadline_s or session.settings.deadline_s,
    )
    definitions: list[Event] = [*_definitions(session, prepared, now)]
    if not wish.force and not wish.fresh_replies:
        run = take_up(Resumable(session.store, session.project, prepared, session.settings.counted()), started, now)
        if run is not None:
            return run, definitions
    close_orphans(session.store, now)
    return begin(started), [started, *definitions]


def _foreseen(session: Session, prepared: Prepared) -> Estimate | None:
    """What the plan just before expected of this very graph; of a plan only the next run is held against it."""
    foreseen, session.foreseen = session.foreseen, None
    return foreseen[1] if foreseen is not None and foreseen[0] == prepared.specs else None


def _definitions(session: Session, prepared: Prepared, now: float) -> list[NodeDefined]:
    """The texts of definitions that are not logged yet."""
    events = []
    digests = {ready.definition.digest for ready in prepared.ready} - session.defined
    session.defined |= session.store.defined(digest for digest in digests if digest is not None)
    for ready in prepared.ready:
        digest = ready.definition.digest
        if digest is None or digest in session.defined:
            continue
        session.defined.add(digest)
        parts = tuple(ready.definition.parts)
        events.append(
            NodeDefined(ready.node.name, digest, ready.node.kind, ready.node.source, _options(ready), parts, now)
        )
    return events


def _options(ready: ReadyNode) -> str:
    return repr(ready.model) if ready.model is not None else ""


def graph_digest(prepared: Prepared, wish: Wish) -> str:
    """What makes two runs the same: nodes, definitions, edges, how they are scheduled, values of inputs, parameters. An
    input without a digest makes a run unlike any other."""
    inputs = [
        (ready.node.name, ready.input_key or uuid.uuid4().hex)
        for ready in prepared.ready
        if ready.node.kind is NodeKind.INPUT
    ]
    run = [(" shape", prepared.shape.digest), (" params", wish.params), (" scope", repr(wish.scope))]
    return task_key("graph", [*inputs, *run])
