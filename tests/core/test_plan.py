"""Looking a key up: which result is served, and the reason when none is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.found import Found
from wfkit.core.plan import Asked, Index, PlanNode, look_up
from wfkit.core.policy import CachePolicy
from wfkit.core.result import Known, Read
from wfkit.core.terms import NodeKind, Reason

FILE = Read("file", "data.csv", "f1")
ENV = Read("env", "REGION", "e1")
DAY_S = 86_400.0


def known(key: str = "k", *reads: Read, definition: str = "d", at: float = 0.0, node: str = "n") -> Known:
    return Known(key, node, definition, "v", reads, at, "run", 1.0, Decimal("0.1"))


def ask(kind: NodeKind = NodeKind.PYTHON, definition: str | None = "d", **more: object) -> Asked:
    cache = CachePolicy(**{name: more.pop(name) for name in ("enabled", "ttl_s") if name in more})
    return Asked("n", kind, definition, cache, **more)


def look(
    asked: Asked, *results: Known, key: str | None = "k", changed: tuple[Read, ...] = (), now: float = DAY_S
) -> Reason:
    by_key: dict[str, list[Known]] = {}
    for result in sorted(results, key=lambda r: -r.created_at):
        by_key.setdefault(result.key, []).append(result)
    found, reason = look_up(key, asked, Index(Found(by_key)), lambda read: read not in changed, now)
    assert (found is not None) == (reason is Reason.CACHED)
    return reason


@pytest.mark.parametrize(
    ("reason", "asked", "results", "more"),
    [
        (Reason.CACHED, ask(), [known()], {}),
        (Reason.CACHED, ask(), [known("k", FILE, ENV)], {}),
        (Reason.NEVER_RUN, ask(), [], {}),
        (Reason.NEVER_RUN, ask(), [known("other", node="m")], {}),
        (Reason.CODE_CHANGED, ask(), [known("old", definition="before")], {}),
        (Reason.PROMPT_CHANGED, ask(NodeKind.PROMPT), [known("old", definition="before")], {}),
        (Reason.INPUT_CHANGED, ask(), [known("old")], {}),
        (Reason.FILE_CHANGED, ask(), [known("k", FILE)], {"changed": (FILE,)}),
        (Reason.ENVIRONMENT_CHANGED, ask(), [known("k", ENV)], {"changed": (ENV,)}),
        (Reason.EXPIRED, ask(ttl_s=60.0), [known()], {}),
        (Reason.CACHED, ask(ttl_s=2 * DAY_S), [known()], {}),
        (Reason.FORCED, ask(forced=True), [known()], {}),
        (Reason.UNCACHEABLE, ask(enabled=False), [known()], {}),
        (Reason.UNCACHEABLE, ask(definition=None), [known()], {"key": None}),
    ],
)
def test_reasons(reason: Reason, asked: Asked, results: list[Known], more: dict[str, object]) -> None:
    """Each reason is told when it, and nothing before it, is why the task runs."""
    assert look(asked, *results, **more) is reason


def test_the_newest_whose_reads_match() -> None:
    """A file set back to what it was finds the older result again; otherwise the newest is served."""
    old, new = known("k", FILE, at=1.0), known("k", Read("file", "data.csv", "f2"), at=2.0)
    index = Index(Found({"k": [new, old]}))
    assert look_up("k", ask(), index, lambda read: read.digest == "f1", 3.0)[0] is old
    assert look_up("k", ask(), index, lambda read: True, 3.0)[0] is new


def test_the_newest_result_tells_what_changed() -> None:
    """With several results under a key the reason is the change since the newest."""
    results = [known("k", ENV, at=1.0), known("k", FILE, at=2.0)]
    assert look(ask(), *results, changed=(FILE, ENV)) is Reason.FILE_CHANGED


def test_code_changed_compares_with_the_newest() -> None:
    """Code that went back to an older text with other inputs: the last thing that changed is the code."""
    assert look(ask(), known("a", at=1.0), known("b", definition="e", at=2.0)) is Reason.CODE_CHANGED
    assert look(ask(), known("a", at=2.0), known("b", definition="e", at=1.0)) is Reason.INPUT_CHANGED


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=6), st.one_of(st.none(), st.floats(0, 100)))
def test_a_hit_is_never_stale(results: list[tuple[bool, float]], ttl_s: float | None) -> None:
    """What is served is the newest result that is both young enough and unchanged; if there is one, it is served."""
    entries = sorted((known("k", FILE if ok else ENV, at=at) for ok, at in results), key=lambda r: -r.created_at)
    index = Index(Found({"k": entries} if entries else {}))
    found, _ = look_up("k", ask(ttl_s=ttl_s), index, lambda read: read is FILE, 100.0)
    legal = [r for r in entries if r.reads == (FILE,) and (ttl_s is None or 100.0 - r.created_at <= ttl_s)]
    assert found is (legal[0] if legal else None)


@pytest.mark.parametrize(
    ("tasks", "reasons", "to_run", "cached"),
    [
        (3, {Reason.CACHED: 2, Reason.NEVER_RUN: 1}, 1, 2),
        (3, {Reason.CACHED: 3}, 0, 3),
        (None, {}, None, 0),
        (3, {Reason.AWAITS: 3}, None, 0),
    ],
)
def test_plan_node_counts(tasks: int | None, reasons: dict[Reason, int], to_run: int | None, cached: int) -> None:
    """How many tasks run is unknown, not 0, while items or keys are not known."""
    node = PlanNode("n", NodeKind.PYTHON, (), False, tasks, reasons)
    assert (node.to_run, node.cached) == (to_run, cached)
