"""A provider on this machine, asked through the real litellm; connections are closed after each test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import pytest

from tests.engine.clock import clock
from wfkit.llm import client
from wfkit.llm.provider import Behaviour, Provider

__all__ = ["clock"]

Serve = Callable[[Behaviour], AbstractContextManager[Provider]]
T = TypeVar("T")


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run on a loop of its own and close what was opened on it."""

    async def whole() -> T:
        try:
            return await work()
        finally:
            await client.close()

    return asyncio.run(whole())


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Start a provider that `openai/...`, `anthropic/...` and `gemini/...` models go to."""

    @contextmanager
    def started(behaviour: Behaviour) -> Iterator[Provider]:
        with Provider(behaviour) as provider:
            monkeypatch.setenv("OPENAI_API_BASE", provider.url)
            for name in ("ANTHROPIC", "GEMINI"):
                monkeypatch.setenv(f"{name}_API_BASE", provider.url.removesuffix("/v1"))
            for name in ("OPENAI", "ANTHROPIC", "GEMINI"):
                monkeypatch.setenv(f"{name}_API_KEY", "canary-of-a-key-123456")
            yield provider

    return started
