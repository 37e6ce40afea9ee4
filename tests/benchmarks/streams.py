"""100 streamed replies of 300 words each at concurrency 50, against bare litellm on the same server.

Every word is an event of the stream, so 30,000 of them: what counts is the processor time of the side that reads.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable
from functools import partial
from pathlib import Path

from tests.benchmarks.calls import MODEL, at_once, provider
from tests.benchmarks.case import Case, Figures, Limit

STREAMS, WORDS = 100, 300


class Ear:
    """Hears the text, as a display does."""

    def __init__(self) -> None:
        self.text = ""

    def begins(self) -> None:
        """A reply begins."""

    def says(self, piece: str) -> None:
        """A piece of it."""
        self.text += piece


def bare_litellm(folder: Path) -> Figures:
    """`litellm.acompletion(stream=True)`, its text put together."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm  # the peer, imported only where it is measured

    async def ask(number: int) -> None:
        said = [{"role": "user", "content": f"Is {number} a number?"}]
        options = {"include_usage": True}
        stream = await litellm.acompletion(
            model=MODEL, messages=said, max_retries=0, stream=True, stream_options=options
        )
        text = ""
        async for chunk in stream:
            text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        assert text.count("word") == WORDS

    return at_once(ask, STREAMS)


def wfkit(folder: Path, transport: str = "auto") -> Figures:
    """What wfkit streams through, alone: no log, no guards, no run."""
    from wfkit.core.call import Message, Reply, Request  # not measured
    from wfkit.llm import client  # not measured

    def ask(number: int) -> Awaitable[Reply]:
        request = Request(MODEL, (Message("user", f"Is {number} a number?"),))
        return client.ask(request, 600.0, transport, listener=Ear())

    return at_once(ask, STREAMS)


CASES = [
    Case(
        "streams",
        "100 streamed replies of 300 words at concurrency 50, without a workflow",
        {"wfkit": wfkit, "wfkit through litellm": partial(wfkit, transport="litellm"), "bare litellm": bare_litellm},
        (Limit("wfkit", "run_cpu_ms", 0.33, "bare litellm"),),
        service=partial(provider, 0.0, " ".join(["word"] * WORDS)),
    )
]
