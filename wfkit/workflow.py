"""The switchboard: wires the rooms and decides nothing. `Workflow` holds nodes and hands every verb to the room that
does it.

The verbs of `Workflow` are those of the verb table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload
from weakref import WeakSet

from wfkit import settings
from wfkit.core.graph import near
from wfkit.core.node import Node
from wfkit.define.decorator import decorator
from wfkit.engine import execute, forgetting, logs
from wfkit.engine.asking.desk import Desk
from wfkit.engine.awaiting import awaited
from wfkit.engine.cell_desk import open_desk
from wfkit.engine.outcome import Outcome
from wfkit.engine.plans import explaining, foreseeing, recalled, replanning
from wfkit.engine.preparing.drafts import Drafts
from wfkit.engine.preparing.prepare import Prepared
from wfkit.engine.preparing.shadowed import shadowed
from wfkit.engine.preparing.wish import Asked, Inputs, Wanted, Wish, refuse_without_cells, wish_for
from wfkit.errors import UsageFault
from wfkit.keys.reads import ignore_under, refuse_inside_a_body
from wfkit.llm import prices
from wfkit.llm.catalogue import Choice
from wfkit.store.collection.upkeep import wait_until_done
from wfkit.store.disk import DiskStore, locate, open_store
from wfkit.store.journals.facts import Facts
from wfkit.store.memory import MemoryStore
from wfkit.summary import asked_in_a_cell, summarised

if TYPE_CHECKING:
    from wfkit.views.bundle import View
    from wfkit.views.verified import Verified


class Workflow:
    """Nodes, and a store for what they made.

    `store` is the `.wfkit` folder (default: `WFKIT_STORE`, else that of the nearest project); in `namespace` names that
    are no nodes are looked up (default: the caller's `__main__`).
    """

    def __init__(
        self, name: str = "workflow", store: str | Path | None = None, namespace: Mapping[str, Any] | None = None
    ) -> None:
        self.name = name
        self.nodes: dict[str, Node] = {}
        self.namespace = vars(sys.modules["__main__"]) if namespace is None else namespace
        self._root = Path(store).absolute() if store is not None else locate(Path.cwd(), os.environ)
        self.facts = Facts(self._root)
        self._overrides: dict[str, Any] = {}
        self.bound: dict[str, int] = {}  # identities of the values that runs have bound in the notebook
        made.add(self)
        self.drafts = Drafts(self.nodes)

    @cached_property
    def store(self) -> DiskStore:
        """The store on disk; opened when first needed."""
        return open_store(self._root)

    @cached_property
    def settings(self) -> settings.Settings:
        """The settings in force; read once, and again after `config`."""
        return settings.load(self._root.parent, self._overrides)

    @cached_property
    def session(self) -> execute.Session:
        """What runs of this workflow share; made when first needed."""
        ignore_under(self._root)
        ignore_under(Path(__file__).parent)  # wfkit's own files, read on its own threads
        opened = execute.open_session(self.store, self.settings, self._root.parent)
        opened.foreseen = self._blank.foreseen if "_blank" in self.__dict__ else None
        return opened

    @cached_property
    def _blank(self) -> execute.Session:
        """A session on nothing, for questions before there is a store: asking makes none."""
        return execute.open_session(MemoryStore(), self.settings, self._root.parent)

    @property
    def notice(self) -> str | None:
        """What a user should be told about the store (who holds its database), or None."""
        return self.store.notice if "store" in self.__dict__ else None

    def _peek(self) -> execute.Session:
        """The session to ask with."""
        return self.session if "store" in self.__dict__ or self._root.exists() else self._blank

    def add(self, node: Node) -> Node:
        """Define a node, or define it again. Nothing runs."""
        self.drafts.add(node, self.facts)
        self.nodes[node.name] = node
        return node

    @overload
    def node(self, function: Callable[..., Any], /) -> Callable[..., Any]: ...
    @overload
    def node(self, /, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
    def node(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Decorator: the function becomes a node, its parameters are what it needs. It stays as it is."""
        return decorator(self.add, self.settings, self.drafts.defining)(function, **options)

    def prepare(self, targets: Sequence[str] = (), inputs: Inputs = None) -> Prepared:
        """The graph of the targets, checked and digested."""
        wait_until_done(self._root)  # what a plan finds must not be collected meanwhile
        prices.declare(self.settings.prices, self.settings.models)
        prepared = self.drafts.prepare(self.nodes, targets, inputs or {}, self.settings)
        prepared.warnings = tuple(shadowed(prepared, self.bound))
        return prepared

    def run(
        self,
        *targets: str,
        inputs: Inputs = None,
        max_usd: float | None = None,
        progress: execute.Progress | None = None,
        **said: Unpack[Asked],
    ) -> Outcome:
        """Run what is not up to date and wait for it. Failed nodes do not raise: see `status` and `failures`.

        `force` runs bodies again, `fresh_replies` buys replies again. `limit=20` takes the first 20 items of each map,
        with `random` those that `seed` picks. `keep` lets results of older code stand in, for this run; `failed` makes
        what failed last time and what needs it.

        Raises DefinitionError or StoreFault before anything ran, and BudgetRefused when the plan may cost more than
        `max_usd` dollars, or nobody knows. What the run spends then is held to it too. A prompt that must be asked and
        cannot be (model, key, parameters, a text that is too long, a budget below one call) is an error likewise.
        """
        refuse_inside_a_body()
        targets, wish = self._wish(targets, said)
        prepared = self.prepare(targets, inputs)
        _ = self.store  # its folder is there now
        self.facts.save()
        wish = replace(wish, max_usd=max_usd)
        plan = foreseeing.foresee(self.session, prepared, wish)
        if plan is not None:
            answers().plan(plan, max_usd)
        return summarised(lambda: execute.execute(self.session, prepared, wish, progress), os.environ)

    async def arun(self, *targets: str, **options: Any) -> Outcome:
        """Like `run`, inside a running event loop, which stays free meanwhile."""
        outcome: Outcome = await awaited(lambda stop: self.run(*targets, stop=stop, **options))
        return outcome

    def plan(
        self, *targets: str, inputs: Inputs = None, max_usd: float | None = None, of: str = "", **said: Unpack[Asked]
    ) -> View:
        """What a run of these targets would do, asked the same way, why, and at what cost. Nothing runs, is written or
        sent.

        Without nodes (in a shell), or for the notebook or run `of`: what a rerun would do. Raises BudgetRefused, with
        the view as `plan`, when it may cost more than `max_usd` dollars or nobody knows how much.
        """
        if of or not self.nodes:
            refuse_without_cells(said)
            return answers().plan(replanning.replan(self._peek(), of or None), max_usd)
        targets, wish = self._wish(targets, said)
        return answers().plan(foreseeing.make_plan(self._peek(), self.prepare(targets, inputs), wish), max_usd)

    def why(self, node: str, item: int | None = None, inputs: Inputs = None) -> View:
        """Why a node would run or not, with a diff of what changed."""
        if not self.nodes:
            past = recalled.recall(self._peek())
            return answers().why(recalled.recalled_why(past, node, item))
        if node not in self.nodes:
            raise UsageFault(f"no node is named {node!r}{near(node, self.nodes)}; `%wf plan` lists the nodes")
        return answers().why(explaining.explain(self._peek(), self.prepare((node,), inputs), node, item))

    def show(self, view: str = "dag", node: str | None = None, item: int | None = None, run: str | None = None) -> View:
        """A view of the newest run, or of the one named: dag, timeline, cost, latency, guards (what held calls back),
        or the lineage of a node's value."""
        session = self._peek()
        return answers().show(session.store, view, node, item, run, standing=session.guards.rows)

    def log(self, node: str, item: int | None = None) -> View:
        """What the body of a node printed and displayed in the newest run, or when its cached value was made."""
        return answers().log(logs.task_logs(self._peek().store, node, item))

    def history(self, limit: int = 20) -> View:
        """The newest runs, with time and money, and what plain cells asked."""
        return answers().history(self._peek().store, limit)

    def sql(self, query: str) -> Any:
        """One read-only SELECT over the store's tables, as a DataFrame."""
        return self._peek().store.sql(query)

    def verify(
        self,
        notebook: str | Path | None = None,
        rerun: str | Sequence[str] = (),
        force: bool = False,
        timeout: float = 3600.0,
        progress: Callable[[str], None] | None = None,
    ) -> Verified:
        """Execute all cells of the notebook (default: the live one) in a fresh kernel on the same store, and compare
        every node's key and value. `rerun` names nodes whose bodies are run again, `force` samples all."""
        wish = verification().Wish(notebook, (rerun,) if isinstance(rerun, str) else tuple(rerun), force, timeout)
        return verification().verify(self.here(), wish, progress)

    def models(
        self, pattern: str | None = None, usable: bool = False, schema: bool = False, tools: bool = False
    ) -> View:
        """What each known model can do and costs, and whether its key is set: those that can be asked first, then by
        price. `pattern` is part of a name, or has a `*`; `usable`, `schema`, `tools` leave out what is or does not."""
        prices.declare(self.settings.prices, self.settings.models)
        return answers().models(Choice(pattern, usable, schema, tools), os.environ)

    def forget(self, node: str) -> View:
        """Serve what is kept of this node no longer; replies stay paid. One whose latest definition failed is gone."""
        found = forgetting.forget(self._peek().store, node, self.drafts.names)
        return answers().forgotten(node, found, self.drafts.drop(node))

    def config(self, name: str | None = None, value: Any = None) -> View:
        """Show the settings, or set one for this workflow."""
        if name is not None and value is not None:
            self._configure({**self._overrides, name: value})
        return answers().settings(self.settings, name)

    def doctor(self, rebuild: bool = False) -> View:
        """The health of the store; `rebuild` makes the database anew from the journals."""
        return housekeeping().health(self.store, rebuild)

    def gc(
        self,
        older: str | None = None,
        keep_size: str | None = None,
        keep_runs: int | None = None,
        replies: bool = False,
        dry_run: bool = False,
    ) -> View:
        """Remove old runs and results (`older` "30d", beyond `keep_size` "2GB") and objects that nothing speaks of.

        What runs at work, interrupted, pinned or among the newest `keep_runs` need stays, and so do paid replies.
        """
        wish = housekeeping().wished(older, keep_size, keep_runs, replies)
        housekeeping().check_idle(self._root)
        self.close()  # what is known in memory may be gone afterwards
        return housekeeping().gc(self._root, wish, dry_run)

    def pin(
        self,
        node: str | None = None,
        run: str | None = None,
        list: bool = False,  # noqa: A002 (the word of the verb)
        drop: bool = False,
    ) -> View:
        """Keep the results of a node in a run (default: the newest that has some) whatever is collected; take that
        back with `drop`; without a node, or with `list`, show all pins."""
        if node is None or list:
            return housekeeping().pinned(self._root)
        return (housekeeping().unpin if drop else housekeeping().pin)(self._root, node, run)

    def archive(self, action: str, path: str | Path) -> View:
        """`export` the store to a new file, or `import` such a file: a hit there is a hit here."""
        if "store" in self.__dict__:
            self.store.database()  # what was appended is in the journals
        return (housekeeping().export if action == "export" else housekeeping().take_in)(self._root, Path(path))

    def report(self, path: str | Path | None = None) -> Path:
        """Write the newest run as one HTML file and return its path (default: wfkit-report.html)."""
        return answers().write_report(self._peek().store, Path(path or "wfkit-report.html"))

    def close(self) -> None:
        """Make everything durable and let go of the store."""
        if "session" in self.__dict__:
            self.session.threads.close()
            del self.__dict__["session"]
        if "store" in self.__dict__:
            self.store.close()
            del self.__dict__["store"]

    def desk(self) -> Desk:
        """Where a cell that is no node asks a model."""
        prices.declare(self.settings.prices, self.settings.models)
        return open_desk(self.session, asked_in_a_cell)

    def _configure(self, overrides: dict[str, Any]) -> None:
        chosen = settings.load(self._root.parent, overrides)
        self._overrides, self.settings = overrides, chosen
        if "session" in self.__dict__:
            self.session.configure(chosen)

    def here(self) -> Any:
        """What a verification must know of it."""
        return verification().Here(self.name, self._root, self.prepare, lambda: self.session)

    def _wish(self, targets: tuple[str, ...], said: Asked) -> tuple[tuple[str, ...], Wish]:
        wanted, wish = wish_for(Wanted(self.name, self.nodes, lambda: self._peek().store), targets, said, os.environ)
        return tuple(wanted), wish


def answers() -> Any:
    """The room that draws answers, loaded when something is to be shown."""
    import wfkit.answers  # the views: a run without them starts 60 ms sooner

    return wfkit.answers


def housekeeping() -> Any:
    """The room that cleans, keeps and moves stores, loaded when it is asked."""
    import wfkit.housekeeping  # the views, as above

    return wfkit.housekeeping


def verification() -> Any:
    """The room that verifies, loaded when it is asked."""
    import wfkit.verification  # the views, as above

    return wfkit.verification


made: WeakSet[Workflow] = WeakSet()  # all of this process
