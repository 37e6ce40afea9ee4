"""What a model can do and what it costs, as data: one record for every model, whoever knows it.

Filled by `llm.capabilities` from the price file, from the user's own entries and from adapters. Nothing is looked up
here, and what is not known is None, never False or 0.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Literal

from wfkit.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One model. Limits are tokens, prices US dollars for a million tokens.

    `schema`: it takes a JSON Schema natively (for the others it is told in words); `sampling`: it takes temperature and
    top_p; `cached`, `cache_written`, `reasoning`: rates of such tokens where they have their own; `batch_`: rates of
    batch interfaces.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # settings and adapters are read with pydantic

    kind: Literal["chat", "embedding"] = "chat"
    schema: bool | None = None
    tools: bool | None = None
    vision: bool | None = None
    streaming: bool | None = None
    sampling: bool | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    input_usd: Decimal | None = None
    output_usd: Decimal | None = None
    cached_usd: Decimal | None = None
    cache_written_usd: Decimal | None = None
    reasoning_usd: Decimal | None = None
    batch_input_usd: Decimal | None = None
    batch_output_usd: Decimal | None = None
