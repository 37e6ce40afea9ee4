"""500 model calls of 50 ms at concurrency 50, against bare litellm under a semaphore on the same server.

The server is `wfkit.llm.provider` in a process of its own. Both sides have litellm imported and connections open.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.case import Case, Figures, Limit, timed

CALLS, CONCURRENCY, MODEL = 500, 50, "openai/benchmark"


@contextmanager
def provider() -> Iterator[Mapping[str, str]]:
    """The server, and the environment that leads to it."""
    command = [sys.executable, "-m", "wfkit.llm.provider", "--latency", "0.05", "--answer", "yes"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield {"OPENAI_API_BASE": process.stdout.readline().strip(), "OPENAI_API_KEY": "none"}
    finally:
        process.terminate()
        process.wait()


def bare_litellm(folder: Path) -> Figures:
    """`litellm.acompletion` under a semaphore; replies are thrown away."""
    import litellm  # the peer, imported only where it is measured

    async def ask(number: int, seats: asyncio.Semaphore) -> None:
        async with seats:
            message = {"role": "user", "content": f"Is {number} a number?"}
            await litellm.acompletion(model=MODEL, messages=[message], max_retries=0)

    async def run() -> Figures:
        figures: Figures = {}
        seats = asyncio.Semaphore(CONCURRENCY)
        await asyncio.gather(*(ask(-number, seats) for number in range(1, CONCURRENCY + 1)))
        with timed(figures, "run_ms"):
            await asyncio.gather(*(ask(number, seats) for number in range(CALLS)))
        return figures

    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    return asyncio.run(run())


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
    )
]
