"""What a task left behind: where its value is, what it read, what it printed.

Frozen data that travels in events and in the store. A `Result` with all its `reads` unchanged is a cache hit.
"""

from __future__ import annotations

from decimal import Decimal

from wfkit.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Read:
    """Something outside the graph that a body read.

    `kind` is file, glob, look (whether a path is there, and how large), env or setting; `name` portable (relative to
    the project); `digest` is of its content (of a setting: its value), the empty string for a thing that was not
    there. A process that was started and a network address are kept as kinds too: nobody can look at them again.
    """

    kind: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a value is.

    `digest` is of the value (what keys are made of), `payload` of its encoded bytes (what is verified on load).
    `inline` holds the payload of small values (text for text codecs, else base64); larger ones are objects named by
    `payload`.
    """

    digest: str
    codec: str
    payload: str
    size: int
    inline: str | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used up: model calls, tokens, money.

    Sums over calls; None is unknown, and `unpriced` counts calls without a known price. Of those `unanswered` may have
    been billed without a reply: at most `unanswered_usd` dollars (None: of one of them nobody knows).
    """

    calls: int = 0
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    cost_usd: Decimal | None = Decimal(0)
    unpriced: int = 0
    estimated: int = 0
    unanswered: int = 0
    unanswered_usd: Decimal | None = Decimal(0)


NOTHING_SPENT = Spent()


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of what a body printed or displayed.

    `mime` (text/plain for the streams, told apart by `stream`) and its text or base64.
    """

    stream: str
    mime: str
    data: str


@dataclass(frozen=True, slots=True)
class Result:
    """A value and its story. `inputs` are (name, value digest) of what went in; `key` is what it is found by."""

    key: str
    node: str
    definition: str
    value: Stored
    reads: tuple[Read, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    preview: str = ""
    outputs: tuple[Output, ...] = ()
    run_s: float | None = None
    spent: Spent = NOTHING_SPENT
    cacheable: bool = True
    run_id: str = ""
    created_at: float = 0.0


@dataclass(slots=True)
class Known:
    """What a plan needs to know of a stored result; the value itself stays where it is.

    `outputs` and `preview` are not loaded.
    """

    key: str
    node: str
    definition: str
    digest: str
    reads: tuple[Read, ...]
    created_at: float
    run_id: str
    run_s: float | None
    cost_usd: Decimal | None
