"""500 model calls of 50 ms at concurrency 50, and 1,000 of 20 ms without a workflow, against bare litellm under a
semaphore on the same server.

The server is `wfkit.llm.provider` in a process of its own. Both sides have litellm imported and connections open.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.benchmarks.case import Case, Figures, Limit, timed

CALLS, CONCURRENCY, MODEL = 500, 50, "openai/benchmark"


@contextmanager
def provider(latency_s: float = 0.05, answer: str = "yes") -> Iterator[Mapping[str, str]]:
    """The server, and the environment that leads to it."""
    command = [sys.executable, "-m", "wfkit.llm.provider", "--latency", str(latency_s), "--answer", answer]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield {"OPENAI_API_BASE": process.stdout.readline().strip(), "OPENAI_API_KEY": "none"}
    finally:
        process.terminate()
        process.wait()


def at_once(ask: Callable[[int], Awaitable[object]], calls: int) -> Figures:
    """So many calls under a semaphore; replies are thrown away. Connections are open before the clock runs."""

    async def seated(number: int, seats: asyncio.Semaphore) -> None:
        async with seats:
            await ask(number)

    async def run() -> Figures:
        figures: Figures = {}
        seats = asyncio.Semaphore(CONCURRENCY)
        await asyncio.gather(*(seated(-number, seats) for number in range(1, CONCURRENCY + 1)))
        with timed(figures, "run_ms"):
            await asyncio.gather(*(seated(number, seats) for number in range(calls)))
        return figures

    return asyncio.run(run())


def bare_litellm(folder: Path, calls: int = CALLS) -> Figures:
    """`litellm.acompletion` under a semaphore."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm  # the peer, imported only where it is measured

    def ask(number: int) -> Awaitable[object]:
        message = {"role": "user", "content": f"Is {number} a number?"}
        asked: Awaitable[object] = litellm.acompletion(model=MODEL, messages=[message], max_retries=0)
        return asked

    return at_once(ask, calls)


def transport(folder: Path, calls: int = CALLS) -> Figures:
    """What wfkit asks OpenAI-compatible servers through, alone: no log, no guards, no run."""
    from wfkit.core.call import Message, Request  # not measured
    from wfkit.llm import client  # not measured

    def ask(number: int) -> Awaitable[object]:
        return client.ask(Request(MODEL, (Message("user", f"Is {number} a number?"),)), 60.0)

    return at_once(ask, calls)


def wfkit(folder: Path) -> Figures:
    """A mapped prompt: every call recorded, priced where known, and its reply durable before use."""
    from wfkit import Workflow, prompt  # not measured

    workflow = Workflow("benchmark", store=folder / ".wfkit", namespace={})
    workflow.config("concurrency", CONCURRENCY)
    workflow.add(prompt("answer", "Is {{ number }} a number?", model=MODEL, each="number in numbers"))
    workflow.run("answer", inputs={"numbers": [-number for number in range(1, CONCURRENCY + 1)]})
    figures: Figures = {}
    with timed(figures, "run_ms"):
        outcome = workflow.run("answer", inputs={"numbers": list(range(CALLS))})
    assert outcome.status == "success", outcome.failures
    assert list(outcome["answer"]) == ["yes"] * CALLS
    workflow.close()
    return figures


CASES = [
    Case(
        "calls",
        "500 model calls of 50 ms at concurrency 50 (ideal 500 ms)",
        {"wfkit": wfkit, "bare litellm": bare_litellm},
        (Limit("wfkit", "run_ms", 1.25, "bare litellm"),),
        service=provider,
    ),
    Case(
        "transport",
        "1,000 model calls of 20 ms at concurrency 50, without a workflow (ideal 400 ms)",
        {"wfkit": partial(transport, calls=1000), "bare litellm": partial(bare_litellm, calls=1000)},
        (Limit("wfkit", "run_ms", 0.33, "bare litellm"),),
        service=partial(provider, 0.02),
    ),
]
