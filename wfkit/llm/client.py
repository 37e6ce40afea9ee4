"""Ask a model: exactly one request, one deadline, one kind of error. The name of the model says who answers.

`offline` is the embedded model, `fake/NAME` a script, everything else goes through litellm.
Nothing is retried or kept here.
"""

from __future__ import annotations

import asyncio

from wfkit.core.call import Reply, Request
from wfkit.errors import CallFailed
from wfkit.llm import door, fake, offline
from wfkit.llm.availability import check_model
from wfkit.llm.door import close, warm
from wfkit.llm.failures import too_late

__all__ = ["ask", "check_model", "close", "is_local", "warm"]


def is_local(model: str) -> bool:
    """Whether no provider is behind this model, so that litellm need not be loaded for it."""
    return model.partition("/")[0] in {"offline", "fake"}


async def ask(request: Request, deadline_s: float) -> Reply:
    """The model's reply to one HTTP request, at most `deadline_s` seconds from when it is sent.

    The time to import litellm does not count. An incomplete, refused or empty reply is returned: it was paid for, and
    `messages.judge` tells its worth. Raises CallFailed for all else that goes wrong.
    """
    litellm = None if is_local(request.model) else await door.litellm_loaded()
    deadline = asyncio.timeout(deadline_s)
    try:
        async with deadline:
            return await _dispatch(request, litellm)
    except TimeoutError:
        if not deadline.expired():
            raise
    raise CallFailed(too_late(request.model, deadline_s))


async def _dispatch(request: Request, litellm: object) -> Reply:
    prefix, _, name = request.model.partition("/")
    if prefix == "offline":
        return offline.reply(request)
    if prefix == "fake":
        return await fake.reply(name, request)
    return await door.send(litellm, request)
