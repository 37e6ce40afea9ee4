"""What must run, and why: looking a task key up among known results, and the plan that the user sees.

Pure: whether a read is unchanged is asked through a callable, and the time is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from decimal import Decimal

from wfkit.core.estimate import Estimate, NodeEstimate
from wfkit.core.events import NotKept
from wfkit.core.found import Answers, Found
from wfkit.core.frozen import dataclass
from wfkit.core.policy import CachePolicy
from wfkit.core.result import Known, Read
from wfkit.core.terms import NodeKind, Reason


@dataclass(slots=True)
class Index:
    """Known results: all of them by task key (newest first), and the newest of each node by its name.

    Which tasks have none that serves is asked with `ask_not_kept`, once, when a task has none.
    """

    by_key: Found
    newest: dict[str, Known] = field(default_factory=dict)
    ask_not_kept: Callable[[], Iterable[NotKept]] = tuple
    _not_kept: dict[str, NotKept] | None = None
    _last_not_kept: dict[str, NotKept] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for known in self.by_key.newest():
            best = self.newest.get(known.node)
            if best is None or known.created_at > best.created_at:
                self.newest[known.node] = known

    def not_kept(self, key: str) -> NotKept | None:
        """Why the task with this key has no result that serves, if it ended without one."""
        return self._look_back().get(key)

    @property
    def any_not_kept(self) -> bool:
        """Whether a task of any node ended without a result that serves."""
        return bool(self._look_back())

    def last_not_kept(self, node: str) -> NotKept | None:
        """The newest task of a node that ended without a result that serves."""
        self._look_back()
        return self._last_not_kept.get(node)

    def _look_back(self) -> dict[str, NotKept]:
        if self._not_kept is None:
            self._not_kept = {}
            for event in sorted(self.ask_not_kept(), key=lambda event: event.at):
                self._last_not_kept[event.node] = event
                self._not_kept.update(dict.fromkeys(event.keys, event))
        return self._not_kept


@dataclass(frozen=True, slots=True)
class Asked:
    """Which node asks, with what: `definition` None means that it cannot be cached."""

    node: str
    kind: NodeKind
    definition: str | None
    cache: CachePolicy
    forced: bool = False


@dataclass(slots=True)
class Looked:
    """What became of the items of a map: a reason and the digest of the value (None: it must run) for each.

    `hits` were looked up one by one; the others took `seconds` when they were made, and nothing else.
    """

    reasons: list[str]
    digests: list[str | None]
    hits: list[Known] = field(default_factory=list)
    seconds: float = 0.0
    from_run: str | None = None


_CHANGED = {"env": Reason.ENVIRONMENT_CHANGED, "setting": Reason.SETTINGS_CHANGED}


def look_up(
    key: str | None, asked: Asked, index: Index, unchanged: Callable[[Read], bool], now: float
) -> tuple[Known | None, Reason]:
    """The newest result under the key whose reads all still match, with CACHED.

    Or None with the reason why the task must run.
    """
    if key is None or not asked.cache.enabled:
        return None, Reason.UNCACHEABLE
    if asked.forced:
        return None, Reason.FORCED
    expired = changed = None
    for known in index.by_key.get(key, ()):
        if asked.cache.ttl_s is not None and now - known.created_at > asked.cache.ttl_s:
            expired = known
            continue
        stale = next((read for read in known.reads if not unchanged(read)), None)
        if stale is None:
            return known, Reason.CACHED
        changed = changed or stale
    if changed is not None:
        return None, _CHANGED.get(changed.kind, Reason.FILE_CHANGED)
    if expired is not None:
        return None, Reason.EXPIRED
    return None, _never(key, asked, index)


def look_up_all(
    keys: Sequence[str | None], asked: Asked, index: Index, unchanged: Callable[[Read], bool], now: float
) -> Looked:
    """`look_up` for all items of a map: quick for those that columns answer, one by one for the rest."""
    answers = Answers()
    if asked.definition is not None and asked.cache.enabled and not asked.forced and index.by_key.columns:
        since = _NEVER if asked.cache.ttl_s is None else now - asked.cache.ttl_s
        answers = index.by_key.answered(asked.definition, unchanged, since)
    digests: list[str | None] = list(map(answers.digests.get, keys))  # type: ignore[arg-type]
    reasons: list[str] = [Reason.CACHED] * len(keys)
    quick = [key for key, digest in zip(keys, digests, strict=True) if digest is not None]
    looked = Looked(reasons, digests, seconds=sum(map(answers.seconds.__getitem__, quick)))  # type: ignore[arg-type]
    looked.from_run = answers.from_run if quick else None
    if len(quick) == len(keys):
        return looked
    unseen = _unseen(asked, index)
    for i, digest in enumerate(digests):
        if digest is not None:
            continue
        if unseen is not None and keys[i] not in index.by_key:
            reasons[i] = unseen
            continue
        known, reasons[i] = look_up(keys[i], asked, index, unchanged, now)
        if known is not None:
            digests[i] = known.digest
            looked.hits.append(known)
    return looked


def _unseen(asked: Asked, index: Index) -> Reason | None:
    """Why any task must run that nothing is known of; None if that has to be asked for each."""
    if asked.definition is None or not asked.cache.enabled or asked.forced or index.any_not_kept:
        return None
    return _never("", asked, index)


_NEVER = float("-inf")


def _never(key: str, asked: Asked, index: Index) -> Reason:
    """Why a task has no result at all: it ended without one, or it is another than those that ran."""
    ended = index.not_kept(key)
    if ended is not None:
        return ended.reason
    newest = index.newest.get(asked.node) or index.last_not_kept(asked.node)
    if newest is None:
        return Reason.NEVER_RUN
    if newest.definition != asked.definition:
        return Reason.PROMPT_CHANGED if asked.kind is NodeKind.PROMPT else Reason.CODE_CHANGED
    return Reason.INPUT_CHANGED


@dataclass(frozen=True, slots=True)
class PlanNode:
    """The plan of one node. `tasks` is None while the number of its items is not known. `reasons` counts tasks by
    reason.

    `saved_usd` is what its cached results cost when they were made; `estimate` what those to run will take. `items`
    says how items that have names differ from those of the run before.
    """

    name: str
    kind: NodeKind
    deps: tuple[str, ...]
    mapped: bool
    tasks: int | None
    reasons: dict[Reason, int]
    problem: str | None = None
    estimate: NodeEstimate = NodeEstimate()
    model: str | None = None
    saved_usd: Decimal | None = Decimal(0)
    saved_s: float | None = 0.0
    items: str = ""

    @property
    def to_run(self) -> int | None:
        """Tasks that will run; None while that is not known."""
        return None if self.tasks is None or self.awaits else self.tasks - self.cached

    @property
    def awaits(self) -> int:
        """Tasks of which it is not known whether they run."""
        return self.reasons.get(Reason.AWAITS, 0) + self.reasons.get(Reason.UPSTREAM_FAILED, 0)

    @property
    def cached(self) -> int:
        """Tasks whose value is there, made by this code or kept from older code on request."""
        return self.reasons.get(Reason.CACHED, 0) + self.reasons.get(Reason.KEPT_OLD_CODE, 0)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run of these targets would do, in order of the graph. `of_run`: as the nodes were defined in that run.
    `warnings` hold for all of it. Of a sample, `whole` is what a run of all items would take."""

    targets: tuple[str, ...]
    nodes: tuple[PlanNode, ...]
    estimate: Estimate = Estimate()
    of_run: str | None = None
    warnings: tuple[str, ...] = ()
    whole: Estimate | None = None

    def gaps(self) -> tuple[str, ...]:
        """What has no price, a sentence a node."""
        priced = ((node.name, node.estimate) for node in self.nodes if node.estimate.usd.high is None)
        return tuple(f"{name}: {', '.join(found.gaps) or 'its cost is not known'}" for name, found in priced)
