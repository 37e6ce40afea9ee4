"""Ask a model: exactly one request, one deadline, one kind of error. The name of the model says who answers.

`offline` is the embedded model, `fake/NAME` a script, everything else goes through litellm. Each loads when it is asked
first, so that a run without prompts loads none. Nothing is retried or kept here.
"""

from __future__ import annotations

from wfkit.core.call import Reply, Request
from wfkit.errors import CallFailed
from wfkit.llm.availability import check_model
from wfkit.llm.failures import too_late

__all__ = ["ask", "check_model", "close", "is_local", "warm"]


def is_local(model: str) -> bool:
    """Whether no provider is behind this model, so that litellm need not be loaded for it."""
    return model.partition("/")[0] in {"offline", "fake"}


def warm() -> None:
    """Begin to import litellm in a background thread (2 to 40 s of work); returns at once, and does it once."""
    from wfkit.llm import door  # with asyncio: only for models of providers

    door.warm()


async def close() -> None:
    """Close every connection that was opened on the running loop. Later calls open new ones."""
    from wfkit.llm import door  # with asyncio: only for models of providers

    await door.close()


async def ask(request: Request, deadline_s: float) -> Reply:
    """The model's reply to one HTTP request, at most `deadline_s` seconds from when it is sent.

    The time to import litellm does not count. An incomplete, refused or empty reply is returned, not raised: it was
    paid
    for; `messages.judge` tells what it is worth. Raises CallFailed for all else that goes wrong; CancelledError passes.
    """
    import asyncio  # 15 ms: the loop that runs this has loaded it

    litellm = None if is_local(request.model) else await _litellm()
    deadline = asyncio.timeout(deadline_s)
    try:
        async with deadline:
            return await _dispatch(request, litellm)
    except TimeoutError:
        if not deadline.expired():
            raise
    raise CallFailed(too_late(request.model, deadline_s))


async def _litellm() -> object:
    from wfkit.llm import door  # with asyncio: only for models of providers

    return await door.litellm_loaded()


async def _dispatch(request: Request, litellm: object) -> Reply:
    from wfkit.llm import door, fake, offline  # loaded by the first call

    prefix, _, name = request.model.partition("/")
    if prefix == "offline":
        return offline.reply(request)
    if prefix == "fake":
        return await fake.reply(name, request)
    return await door.send(litellm, request)
