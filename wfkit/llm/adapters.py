"""Who answers a request: the adapters of wfkit in their order, and those of the user behind the same protocol.

Each loads when it is asked first. What a failure means for the next attempt is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Protocol

from wfkit.core.call import Failure, Reply, Request
from wfkit.core.capabilities import Capabilities
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.llm import capabilities, registry
from wfkit.llm.messages import embeds
from wfkit.llm.words import Ear, words

Heard = Callable[[Mapping[str, str]], None]


class Adapter(Protocol):
    """What answers requests to some models."""

    def supports(self, model: str) -> bool:
        """Whether it answers this model (`provider/name`)."""
        ...

    def capabilities(self, model: str) -> Capabilities | None:
        """What this model can do, None if that is not known."""
        ...

    async def ask(self, request: Request, heard: Heard, ear: Ear | None) -> Reply:
        """The reply to one request; `heard` is told the headers of its answer, an `ear` what it says meanwhile.

        Raises CallFailed."""
        ...


class Offline:
    """The embedded model."""

    def supports(self, model: str) -> bool:
        """`offline`, and any name behind it."""
        return model.partition("/")[0] == "offline"

    def capabilities(self, model: str) -> Capabilities | None:  # noqa: ARG002 - all of them are one
        """All that wfkit asks of a model, at no price."""
        free = Decimal(0)
        return Capabilities(
            schema=True, tools=True, streaming=True, sampling=True, input_usd=free, output_usd=free, vision=False
        )

    async def ask(self, request: Request, heard: Heard, ear: Ear | None) -> Reply:  # noqa: ARG002 - no headers
        """Its reply."""
        from wfkit.llm import offline  # loaded by the first call

        reply = offline.reply(request)
        if ear is not None:
            for word in words(reply.text):
                ear.says(word)
        return reply


class Fake:
    """Scripts of tests."""

    def supports(self, model: str) -> bool:
        """`fake/NAME`."""
        return model.partition("/")[0] == "fake"

    def capabilities(self, model: str) -> Capabilities | None:  # noqa: ARG002 - a script does what it is told
        """Nothing is known of a script."""
        return None

    async def ask(self, request: Request, heard: Heard, ear: Ear | None) -> Reply:  # noqa: ARG002 - no headers
        """What the script says."""
        from wfkit.llm import fake  # loaded by the first call

        return await fake.reply(request.model.partition("/")[2], request, ear)


class Direct:
    """OpenAI's protocol spoken directly, where that is the same as through litellm."""

    def supports(self, model: str) -> bool:
        """Models of OpenAI's that are asked in the plain way."""
        from wfkit.llm import direct  # with asyncio: only for models of providers

        return direct.speaks(model)

    def takes(self, request: Request) -> bool:
        """Whether this request is sent the same as litellm would send it."""
        from wfkit.llm import direct  # loaded by the first call

        return direct.takes(request)

    def capabilities(self, model: str) -> Capabilities | None:
        """What the price file says."""
        return capabilities.of(model)

    async def ask(self, request: Request, heard: Heard, ear: Ear | None) -> Reply:
        """One HTTP request."""
        from wfkit.llm import direct  # loaded by the first call

        return await direct.send(request, heard, ear)


class Litellm:
    """Every provider that litellm knows."""

    def supports(self, model: str) -> bool:  # noqa: ARG002 - whether it knows the name is for `availability`
        """All that nobody else answers."""
        return True

    def capabilities(self, model: str) -> Capabilities | None:
        """What the price file says."""
        return capabilities.of(model)

    async def loaded(self) -> None:
        """Wait until litellm is there: the time to import it is no call's."""
        from wfkit.llm import door  # loaded by the first call

        await door.litellm_loaded()

    async def ask(self, request: Request, heard: Heard, ear: Ear | None) -> Reply:
        """One HTTP request through litellm."""
        from wfkit.llm import door  # loaded by the first call

        return await door.send(await door.litellm_loaded(), request, heard, ear)


class Outside:
    """The user's own adapters, each for its prefix."""

    def supports(self, model: str) -> bool:
        """Whether somebody has registered the prefix."""
        return registry.of(model) is not None

    def capabilities(self, model: str) -> Capabilities | None:
        """What the user says of it in the settings, else what its adapter says."""
        return capabilities.of(model)

    async def ask(self, request: Request, heard: Heard, ear: Ear | None) -> Reply:  # noqa: ARG002 - no headers
        """What the adapter answers. Raises CallFailed for whatever it raises, and for an answer that is none."""
        from wfkit.llm import outside  # loaded by the first call

        found = registry.of(request.model)
        if found is None:
            message = f"no adapter owns the model {request.model!r} any more: register it again"
            raise CallFailed(Failure(FailureKind.INVALID_REQUEST, "NoAdapter", message))
        reply = await outside.ask(found, request)
        if ear is not None and reply.text:
            ear.says(reply.text)
        return reply


ORDER: tuple[Adapter, ...] = (Offline(), Fake(), Outside(), Direct(), Litellm())


def of(model: str) -> Adapter:
    """Who answers this model, as a rule."""
    return next(adapter for adapter in ORDER if adapter.supports(model))


class Embeddings(Litellm):
    """Vectors of texts. `direct`: those of OpenAI need no litellm."""

    def __init__(self, model: str, direct: bool) -> None:
        self._direct = direct
        self._is_local = direct or model.partition("/")[0] == "offline"

    async def loaded(self) -> None:
        """Wait for litellm where it is needed."""
        if not self._is_local:
            await super().loaded()

    async def ask(self, request: Request, heard: Heard, ear: Ear | None) -> Reply:  # noqa: ARG002 - nothing grows
        """One HTTP request for vectors."""
        from wfkit.llm import embeddings  # loaded by the first call

        if Fake().supports(request.model) or registry.of(request.model) is not None:
            hint = "name one that does, such as openai/text-embedding-3-small, or `offline`"
            message = f"the model {request.model!r} makes no vectors; {hint}"
            raise CallFailed(Failure(FailureKind.INVALID_REQUEST, "NoEmbeddings", message, hint=hint))
        return await embeddings.reply(request, heard, self._direct)


def _of_embeddings(request: Request, transport: str) -> Embeddings:
    if transport == "litellm" or not request.model.startswith("openai/"):
        return Embeddings(request.model, direct=False)
    from wfkit.llm import direct  # with asyncio: only for models of providers

    return Embeddings(request.model, direct=not direct.is_off())


def for_request(request: Request, transport: str) -> Adapter:
    """Who answers this request; with the transport `litellm` nothing is sent directly."""
    if embeds(request):
        return _of_embeddings(request, transport)
    for adapter in ORDER:
        if isinstance(adapter, Direct):
            if transport != "litellm" and adapter.takes(request):
                return adapter
        elif adapter.supports(request.model):
            return adapter
    raise AssertionError("the last adapter supports every model")
