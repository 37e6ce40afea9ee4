"""No level barriers: ten layers of twenty prompts, of which one a layer takes 100 ms and the others 10 ms.

Along the edges 190 ms are enough; level by level it takes 1,000 ms. The peer is a hand-written asyncio scheduler that
keeps nothing; with wfkit every reply is durable before a dependent prompt starts.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.benchmarks.case import Case, Figures, Limit, timed

LAYERS, WIDTH, CONCURRENCY = 10, 20, 50


def latency_ms(layer: int, column: int) -> int:
    """Each of the first ten columns is slow in one layer."""
    return 100 if layer == column else 10


def by_hand(folder: Path) -> Figures:
    """A task starts when those that it needs have ended; a semaphore bounds them."""

    async def run() -> None:
        seats = asyncio.Semaphore(CONCURRENCY)
        tasks: dict[tuple[int, int], asyncio.Task[str]] = {}

        async def step(layer: int, column: int) -> str:
            above = await tasks[layer - 1, column] if layer else "start"
            async with seats:
                await asyncio.sleep(latency_ms(layer, column) / 1000)
            return f"{above} {layer}"[-10:]

        for layer in range(LAYERS):
            for column in range(WIDTH):
                tasks[layer, column] = asyncio.create_task(step(layer, column))
        await asyncio.gather(*tasks.values())

    figures: Figures = {}
    with timed(figures, "run_ms"):
        asyncio.run(run())
    return figures


def _template(words: str, layer: int, column: int) -> str:
    """A prompt that needs the one above it, and tells the model first how long to wait."""
    above = f"{{{{ n{layer - 1}x{column} }}}}" if layer else "start"
    return f"{latency_ms(layer, column)} {words} {column} {above} {layer}"


def wfkit(folder: Path) -> Figures:
    """The same as prompts to a scripted model that waits as long as the prompt says."""
    from wfkit import Workflow, prompt  # not measured
    from wfkit.core.call import Request
    from wfkit.llm.fake import Say, Script

    def answer(request: Request) -> Say:
        text = request.messages[-1].content
        return Say(text[-10:], latency_s=int(text.split()[0]) / 1000)

    workflow = Workflow("benchmark", store=folder / ".wfkit", namespace={})
    workflow.config("concurrency", CONCURRENCY)
    figures: Figures = {}
    with Script(iter(lambda: answer, None), name="waits"):
        for words, name in (("first", "first_ms"), ("then", "run_ms")):  # the first run opens the store and the loop
            for layer in range(LAYERS):
                for column in range(WIDTH):
                    workflow.add(prompt(f"n{layer}x{column}", _template(words, layer, column), model="fake/waits"))
            with timed(figures, name):
                outcome = workflow.run()
    assert outcome.status == "success", outcome.failures
    workflow.close()
    return figures


CASES = [
    Case(
        "layers",
        "10 layers of 20 prompts with uneven latencies, concurrency 50 (ideal 190 ms, level by level 1,000 ms)",
        {"wfkit": wfkit, "asyncio by hand": by_hand},
        (Limit("wfkit", "run_ms", 1.12, "asyncio by hand"),),
    )
]
