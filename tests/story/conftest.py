"""The lab, its clock, and a provider, for the stories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.engine.clock import clock
from tests.engine.lab import any_lab, lab
from wfkit.llm.provider import Behaviour, Provider

__all__ = ["any_lab", "clock", "lab"]


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Provider]]:
    """Starts a provider on this machine that behaves so, and leads OpenAI's models there."""
    with ExitStack() as stack:

        def serve(**behaviour: Any) -> Provider:
            provider = stack.enter_context(Provider(Behaviour(**behaviour)))
            monkeypatch.setenv("OPENAI_API_BASE", provider.url)
            monkeypatch.setenv("OPENAI_API_KEY", "none")
            return provider

        yield serve
