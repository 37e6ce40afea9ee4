"""Numbers that govern: retries, waits, caching and the knobs of a model.

Frozen data only. How the numbers are applied is in `backoff`, `routing` and `decide`.
"""

from __future__ import annotations

from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.core.terms import OnError

ANSWER, FAIL = "answer", "fail"  # what becomes of a model that calls tools and never answers


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how soon a failed task is tried again.

    `retries` counts attempts after the first. Waits in seconds, with n from 0:
    `max(retry_after, uniform(0, min(max_delay_s, base_s * 2**n)))`
    (full jitter, AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
    """

    retries: int = 0
    base_s: float = 0.5
    max_delay_s: float = 30.0


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """Whether results are reused, and for how long (`ttl_s` seconds; None: for ever)."""

    enabled: bool = True
    ttl_s: float | None = None


@dataclass(frozen=True, slots=True)
class ModelPolicy:
    """The model of a prompt and its sampling parameters. None means: not sent, the provider's default holds.

    The models of `fallback` are asked in their order when the one before has failed.
    With `routes` the kind of the failure says which of them: (kind or `default`, models), each model asked once.
    `on_invalid` null: None stands for an answer that is not to be used. `min_confidence` is the least `confidence` of
    one that is. After `hedge_s` seconds without a reply a request is sent a second time.
    `tools` are the functions that it may call, in at most `max_turns` of its replies; `on_max_turns` is answer (it is
    asked once more, and may call none) or fail. `stream`: its replies are shown while they grow.
    """

    model: str
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    schema: str | None = None
    repairs: int = 1
    fallback: tuple[str, ...] = ()
    routes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    on_invalid: str = "fail"
    min_confidence: float | None = None
    tools: tuple[str, ...] = ()
    max_turns: int = 8
    on_max_turns: str = FAIL
    hedge_s: float | None = None
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """Every option of a node after parsing. The table that fills it is `define.options`.

    `max_usd` is what all calls of the node may cost together in one run; `allow_unpriced` lets a model without a price
    pass every budget in US dollars.
    Of a map: `key` names the column that tells its items apart from run to run, `limit` takes the first so many items,
    `max_parallel` bounds how many are at work at once, `batch_size` how many a worker takes at a time.
    `returns` is what the values of a Python node are held against: text, or a type.
    """

    needs: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    retry: RetryPolicy = RetryPolicy()
    cache: CachePolicy = CachePolicy()
    model: ModelPolicy | None = None
    max_usd: float | None = None
    allow_unpriced: bool = False
    timeout_s: float | None = None
    deadline_s: float | None = None
    priority: int = 0
    on_error: OnError = OnError.FAIL
    codec: str = "auto"
    key: str | None = None
    limit: int | None = None
    max_parallel: int | None = None
    batch_size: int | None = None
    returns: Any = None
