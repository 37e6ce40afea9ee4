"""Item 600 of 1,000 raises after 599 paid calls. The user fixes the code and runs again: who pays for what is read from
the effect log of the provider, and which code made what from the results."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wfkit import Workflow, prompt
from wfkit.core.terms import RunState
from wfkit.engine.outcome import Outcome
from wfkit.errors import UsageFault
from wfkit.llm.provider import Behaviour, Provider

ITEMS, BAD = 1000, 599
REVIEWS = [{"id": f"r-{i}", "text": None if i == BAD else f"review {i}"} for i in range(ITEMS)]
BROKEN = "Label this: {{ review.text.strip() }}"
FIXED = "Label this: {{ (review.text or 'nothing').strip() }}"  # the other requests are as they were
REWORDED = "Label this review: {{ (review.text or 'nothing').strip() }}"


def flow(store: Path, text: str, at_once: int = 8) -> Workflow:
    """The user's notebook: a prompt over a thousand reviews, and what is made of the answers."""
    wf = Workflow("reviews", store=store, namespace={})
    wf.config("concurrency", 8)
    wf.add(prompt("label", text, model="openai/gpt-4o-mini", each="review in reviews", key="id", max_parallel=at_once))

    @wf.node
    def report(label: list[str]) -> int:
        return len(label)

    return wf


def run(provider: Provider, wf: Workflow, **said: Any) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_BASE", provider.url)
        patch.setenv("OPENAI_API_KEY", "any")
        try:
            return wf.run("report", inputs={"reviews": REVIEWS}, **said)
        finally:
            wf.close()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider(Behaviour(answer=lambda _: "good")) as found:
        yield found


@pytest.fixture(scope="module")
def failed(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store after the run that failed at item 600, and the code that made its results."""
    store = tmp_path_factory.mktemp("failed") / ".wfkit"
    outcome = run(provider, flow(store, BROKEN, at_once=1))
    assert outcome.status is RunState.FAILED
    [failure] = outcome.failures
    assert failure.place == "label[599] (r-599)"
    assert len(provider.effects()) == BAD
    assert outcome.report.run.tasks == {"success": BAD, "failed": 1, "cancelled": ITEMS - BAD - 1, "skipped": 1}
    [code] = {*outcome.tasks["code"].dropna()}
    return store, code


@pytest.fixture
def store(failed: tuple[Path, str], tmp_path: Path) -> Path:
    return shutil.copytree(failed[0], tmp_path / ".wfkit")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("text", "said", "kept"),
    [(FIXED, {}, 0), (FIXED, {"keep": True}, BAD), (REWORDED, {"keep": True}, BAD), (REWORDED, {"failed": True}, BAD)],
    ids=["requests alone", "requests alone, keep", "reworded, keep", "reworded, failed"],
)
def test_401_further_calls(
    provider: Provider, failed: tuple[Path, str], store: Path, text: str, said: dict[str, Any], kept: int
) -> None:
    """Nobody pays twice: for free through the call log where the fix left requests alone, and always with `keep`.
    Results say which code made them: in `tasks`, in SQL and in their lineage."""
    before = len(provider.effects())
    outcome = run(provider, flow(store, text), **said)
    assert outcome.status is RunState.SUCCESS, outcome.failures
    assert len(provider.effects()) - before == ITEMS - BAD == 401
    tasks = outcome.tasks[outcome.tasks["node"] == "label"]
    made_before = tasks["code"] == failed[1]
    assert list(tasks["key"][made_before]) == [f"r-{i}" for i in range(kept)]
    assert Counter(tasks["reason"])["kept_old_code"] == kept
    wf = Workflow("reviews", store=store, namespace={})
    told = wf.sql("SELECT definition FROM tasks_latest WHERE node = 'label' AND reason = 'kept_old_code'")
    assert list(told["definition"].str[:12]) == [failed[1]] * kept
    step = wf.store.lineage("label", 3)
    assert step is not None
    assert ((step.definition or "")[:12] == failed[1]) is bool(kept)
    wf.close()


@pytest.mark.timeout(600)
def test_kept_results_are_of_that_run_only(provider: Provider, failed: tuple[Path, str], store: Path) -> None:
    """What was kept is never found under the new key: a run without `keep` asks for it again, in the new words."""
    run(provider, flow(store, REWORDED), keep=True)
    before = len(provider.effects())
    outcome = run(provider, flow(store, REWORDED))
    assert len(provider.effects()) - before == BAD
    assert failed[1] not in set(outcome.tasks["code"])
    with pytest.raises(UsageFault, match="nothing that report needs failed last time"):
        run(provider, flow(store, REWORDED), failed=True)
