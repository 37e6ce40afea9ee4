"""Ask a model: exactly one request, one deadline, one kind of error. The name of the model says who answers.

`offline` is the embedded model, `fake/NAME` a script; OpenAI's own protocol is spoken directly where that is proven to
be the same, everything else goes through litellm. Each loads when it is asked first. Nothing is retried or kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from wfkit.core.call import Listener, Reply, Request
from wfkit.core.capabilities import Capabilities
from wfkit.core.terms import UsageSource
from wfkit.errors import CallFailed
from wfkit.llm import adapters, registry
from wfkit.llm.availability import check_model
from wfkit.llm.failures import too_late
from wfkit.llm.patience import due_at
from wfkit.llm.words import Ear

__all__ = ["ask", "check_model", "close", "is_local", "own_models", "warm"]


def is_local(model: str) -> bool:
    """Whether no provider is behind this model, so that litellm need not be loaded for it."""
    return model.partition("/")[0] in {"offline", "fake"}


def own_models() -> Iterator[tuple[str, Capabilities]]:
    """Models that are no provider's, and what they can do; `prefix/*` for an adapter that does not name its models."""
    yield "offline", adapters.of("offline").capabilities("offline") or Capabilities()
    for prefix in registry.prefixes():
        for name in registry.names(prefix):
            yield f"{prefix}/{name}", adapters.of(f"{prefix}/{name}").capabilities(f"{prefix}/{name}") or Capabilities()
        if not registry.names(prefix):
            yield f"{prefix}/*", Capabilities()


def warm(model: str, transport: str = "auto") -> None:
    """Begin to load what answers this model, in a background thread (litellm: 2 to 40 s of work); returns at once."""
    adapter = adapters.of(model)
    if isinstance(adapter, adapters.Litellm) or (isinstance(adapter, adapters.Direct) and transport == "litellm"):
        from wfkit.llm import door  # with asyncio: only for models of providers

        door.warm()


async def close() -> None:
    """Close every connection that was opened on the running loop. Later calls open new ones."""
    from wfkit.llm import direct, door  # with asyncio: only for models of providers

    await direct.close()
    await door.close()


def _unheard(_headers: Mapping[str, str]) -> None:
    return None


async def ready(request: Request, transport: str = "auto") -> None:
    """Wait until what answers this request is loaded: before it is told to be under way, for nothing leaves till then.

    Raises CallFailed where it cannot be loaded.
    """
    adapter = adapters.for_request(request, transport)
    if isinstance(adapter, adapters.Litellm):
        await adapter.loaded()


async def ask(
    request: Request,
    deadline_s: float,
    transport: str = "auto",
    heard: Callable[[Mapping[str, str]], None] = _unheard,
    listener: Listener | None = None,
) -> Reply:
    """The model's reply to one HTTP request, at most `deadline_s` seconds from when it is sent.

    `transport` is `litellm` to send everything through it, or `auto`; `heard` is told the headers of a reply. With a
    `listener` the reply is streamed to it; it is the same reply, but for a usage source of `stream_final`.

    The time to import litellm does not count. An incomplete, refused or empty reply is returned, not raised: it was
    paid for; `messages.judge` tells what it is worth. Raises CallFailed for all else that goes wrong; CancelledError
    passes.
    """
    import asyncio  # 15 ms: the loop that runs this has loaded it

    ear = None if listener is None else Ear(listener)
    adapter = adapters.for_request(request, transport)
    if isinstance(adapter, adapters.Litellm):
        await adapter.loaded()
    deadline = asyncio.timeout(deadline_s)
    try:
        async with deadline:
            due_at(deadline.when())
            reply = await adapter.ask(request, heard, ear)
    except TimeoutError:
        if not deadline.expired():
            raise
        raise CallFailed(too_late(request.model, deadline_s, 0 if ear is None else ear.heard)) from None
    return await _estimated(reply, request) if reply.usage.source is UsageSource.UNKNOWN else reply


async def _estimated(reply: Reply, request: Request) -> Reply:
    """The reply with tokens counted by the model's own tokenizer, because the provider sent no count."""
    import asyncio  # the loop that runs this has loaded it

    from wfkit.llm import door, replies  # loaded by the first call

    if is_local(request.model):
        return reply
    litellm = await door.litellm_loaded()
    return await asyncio.to_thread(replies.with_estimate, reply, door.as_sent(request), litellm)
