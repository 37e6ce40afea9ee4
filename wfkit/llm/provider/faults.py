"""What goes wrong at the fault-injecting provider, how often, and for which request: seeded, so that it happens again.

Only the choice of faults is here; the server plays them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from blake3 import blake3

from wfkit.core.frozen import dataclass
from wfkit.errors import UsageFault

OK = "ok"
NO_END = "no_end"  # a whole answer without usage whose stream tells its finish reason and never ends
BODY_FAULTS = (
    "bad_json",  # a 200 whose body is no JSON
    "html",  # a 200 with a page of a proxy
    "wrong_schema",  # an answer that is JSON, but not in the wanted shape
    "not_json",  # an answer that is prose where JSON was wanted
    "empty_choices",
    "null_content",
    "no_usage",
    NO_END,
    "truncated",  # finish reason length, half of the text
    "refused",  # finish reason content_filter, no text
    "renamed",  # another model answers than was asked
    "empty_body",  # a 200 with nothing in it
    "lone_surrogate",  # half of a pair in the text
    "nul",  # a NUL character in the text
    "huge",  # 10 MB of text
)
CONNECTION_FAULTS = ("hang", "drip", "reset")  # nothing comes, a byte now and then, the connection breaks
MID_ERROR = "mid_error"  # an error in the midst of a stream; without a stream a 500
MID_FAULTS = frozenset(
    {
        MID_ERROR,
        "mid_eof",  # half of an answer, then a clean end: no finish reason, no [DONE]
        "mid_reset",  # half of an answer, then the connection breaks
        "mid_hang",  # half of an answer, then nothing
        "mid_drip",  # half of an answer, then a byte now and then
    }
)
QUOTA = "quota"  # a 429 that no waiting helps against


@dataclass(frozen=True, slots=True)
class Faults:
    """Rates of faults, each from 0 to 1, together at most 1.

    `rates` maps a fault to its rate: an HTTP status as text (`"500"`, `"429"`), `quota`, or one of the names above.
    `script` is what happens to the first requests, in order of arrival and before any rate. A 429, 503 or 529 carries
    `Retry-After: retry_after_s`. `wires` gives a wire (openai, embeddings, anthropic, gemini) rates of its own, and
    `models` a model, before its wire's: a model that is gone, or one that stumbles more than others.
    """

    rates: dict[str, float] = field(default_factory=dict)
    script: tuple[str, ...] = ()
    retry_after_s: float | None = None
    seed: int = 0
    wires: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.script:
            check_name(name)
        for rates in (self.rates, *self.wires.values(), *self.models.values()):
            check_rates(rates)

    def rates_of(self, wire: str, model: str) -> Mapping[str, float]:
        """What holds for this model on this wire, while no phase says otherwise."""
        return self.models.get(model, self.wires.get(wire, self.rates))

    def pick(self, number: int, digest: str, occurrence: int, rates: Mapping[str, float]) -> str:
        """The fault of request `number` (from 0). Beyond the script it depends on seed, digest and occurrence only."""
        if number < len(self.script):
            return self.script[number]
        left = roll(self.seed, digest, occurrence)
        for name, rate in rates.items():
            left -= rate
            if left < 0:
                return name
        return OK


def roll(seed: int, digest: str, occurrence: int, purpose: str = "fault") -> float:
    """A number from 0 to below 1, the same for equal arguments."""
    return int.from_bytes(blake3(f"{seed} {purpose} {digest} {occurrence}".encode()).digest(7)) / 2**56


def check_rates(rates: Mapping[str, float]) -> None:
    """Raise UsageFault for faults that are none, and for rates that cannot be."""
    for name in rates:
        check_name(name)
    if any(rate < 0 for rate in rates.values()) or sum(rates.values()) > 1 + 1e-9:
        raise UsageFault(f"rates of faults are from 0 to 1 and at most 1 together, not {dict(rates)}")


def check_name(name: str) -> None:
    """Raise UsageFault for a fault that is none."""
    known = (OK, QUOTA, *BODY_FAULTS, *CONNECTION_FAULTS, *sorted(MID_FAULTS))
    if name not in known and not (name.isdigit() and 400 <= int(name) <= 599):
        raise UsageFault(f"unknown fault {name!r}: give an HTTP status from 400 to 599, or one of {', '.join(known)}")


def parse_rates(options: Iterable[str]) -> dict[str, float]:
    """`["500=0.1", "429=0.05"]` as rates. Raises UsageFault."""
    rates: dict[str, float] = {}
    for option in options:
        name, _, rate = option.partition("=")
        check_name(name)
        try:
            rates[name] = float(rate)
        except ValueError:
            raise UsageFault(f"{option!r}: give a fault with its rate, such as 500=0.1") from None
    return rates


def parse_script(options: Sequence[str]) -> tuple[str, ...]:
    """`["500", "ok*2", "429"]` as a script. Raises UsageFault."""
    script: list[str] = []
    for option in options:
        name, _, times = option.partition("*")
        check_name(name)
        if times and not times.isdigit():
            raise UsageFault(f"{option!r}: give a fault and how often, such as 500*3")
        script += [name] * int(times or 1)
    return tuple(script)
