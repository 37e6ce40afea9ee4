"""What is said about a reason: the sentence of `why`, from what is known of the tasks that have it.

Sentences only; which reason a task has is decided in `core.plan`, what changed is found in `comparing`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from wfkit.core.events import NotKept
from wfkit.core.frozen import dataclass
from wfkit.core.plan import Index
from wfkit.core.policy import CachePolicy
from wfkit.core.result import Known, Read
from wfkit.core.terms import Reason

_IDLE = frozenset({Reason.CACHED, Reason.AWAITS, Reason.UPSTREAM_FAILED})


@dataclass(frozen=True, slots=True)
class Case:
    """Tasks of a node that share a reason. `unchanged` looks at a file or variable as it is now, `digest` gives its
    digest; `problem` is why the node cannot be cached at all."""

    node: str
    reason: Reason
    keys: Sequence[str | None]
    index: Index
    cache: CachePolicy
    unchanged: Callable[[Read], bool]
    digest: Callable[[Read], str]
    problem: str | None = None

    def results(self) -> Iterator[Known]:
        """What is known under the keys, newest first for each."""
        return (known for key in self.keys for known in self.index.by_key.get(key or "", ()))

    def hit(self) -> Known | None:
        """The result that answers the first of the tasks."""
        return next((known for known in self.results() if all(map(self.unchanged, known.reads))), None)


def leading(counts: Counter[Reason]) -> Reason:
    """The reason that a node is told to have: the most frequent one to run, else that it waits, else that it does not
    run."""
    ranked = [reason for reason, _ in counts.most_common()]
    return next((reason for reason in ranked if reason not in _IDLE), ranked[0] if ranked else Reason.AWAITS)


def told(case: Case) -> str:
    """A sentence about the reason of these tasks."""
    teller = _TELLERS.get(case.reason)
    return teller(case) if teller is not None else _PLAIN.get(case.reason, case.reason.value.replace("_", " "))


def made(run_id: str, at: float) -> str:
    """`run 3f2a91c0, 2 h ago`: where and when something came to be."""
    return f"run {run_id[:8]}, {ago(time.time() - at)}" if run_id else ago(time.time() - at)


def ago(seconds: float) -> str:
    """How long ago, in one unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return "just now"


def _read_changed(case: Case) -> str:
    """Which file or variable differs, with the digests then and now; of a variable never the value."""
    stale = next(((known, read) for known in case.results() for read in known.reads if not case.unchanged(read)), None)
    if stale is None:
        return "something that it reads is not what it was"
    known, read = stale
    now = case.digest(read)
    if read.kind == "setting":
        then = f"was {read.digest!r} for {made(known.run_id, known.created_at)}"
        return f"the setting {read.name!r} {then}, and is {now!r} now"
    was = f"was {read.digest[:8]}" if read.digest else "was not there"
    what = {"env": "the environment variable", "glob": "the files of"}.get(read.kind, "the file")
    return f"{what} {read.name!r} {was} for {made(known.run_id, known.created_at)}, " + (
        f"and is {now[:8]} now" if now else "and is not there now"
    )


def _setting_changed(case: Case) -> str:
    if any(read.kind == "setting" for known in case.results() for read in known.reads):
        return _read_changed(case)
    return "the setting `model` names another model than before; the node itself is the same"


def _expired(case: Case) -> str:
    known = next(case.results(), None)
    limit = f"{case.cache.ttl_s or 0:g} s"
    if known is None:
        return f"its results are older than {limit} (option cache)"
    return f"its result ({made(known.run_id, known.created_at)}) is older than {limit} (option cache)"


def _failed(case: Case) -> str:
    event = _ended(case)
    return f"it failed in {made(event.run_id, event.at)}: {event.message}" if event else "it failed before"


def _uncacheable(case: Case) -> str:
    event = _ended(case)
    if case.problem:
        return case.problem
    if not case.cache.enabled:
        return "its results are not cached (option cache: off)"
    if event is not None:
        return f"what it made in {made(event.run_id, event.at)} could not be kept: {event.message}"
    return "an input has no digest, so its results cannot be found again"


def _missing(case: Case) -> str:
    event = _ended(case)
    return f"{event.message} ({made(event.run_id, event.at)})" if event else "its value is missing in the store"


def _ended(case: Case) -> NotKept | None:
    return next((event for key in case.keys if key and (event := case.index.not_kept(key))), None)


_TELLERS: dict[Reason, Callable[[Case], str]] = {
    Reason.FILE_CHANGED: _read_changed,
    Reason.ENVIRONMENT_CHANGED: _read_changed,
    Reason.SETTINGS_CHANGED: _setting_changed,
    Reason.EXPIRED: _expired,
    Reason.FAILED_BEFORE: _failed,
    Reason.UNCACHEABLE: _uncacheable,
    Reason.VALUE_MISSING: _missing,
}
_PLAIN: dict[Reason, str] = {
    Reason.NEVER_RUN: "it has no result yet",
    Reason.CODE_CHANGED: "its code, or something that its code reaches, is not what it was",
    Reason.PROMPT_CHANGED: "its prompt, model, parameters, schema or tools are not what they were",
    Reason.INPUT_CHANGED: "its definition is the same, but what goes in is not",
    Reason.FORCED: "it was forced",
    Reason.CACHED: "definition, inputs and everything it read are unchanged",
    Reason.KEPT_OLD_CODE: "its value was made by older code and kept on request",
    Reason.BRANCH_NOT_TAKEN: "the branch that leads to it was not taken",
}
