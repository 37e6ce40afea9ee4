"""Strings and numbers for a place in the answer: what the text says there, else something harmless within the limits.

Extraction by labels, formats and neighbouring words; no walk over schemas.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from wfkit.core.frozen import dataclass
from wfkit.llm.offline.lexicon import STOP
from wfkit.llm.offline.pattern import matching_text
from wfkit.llm.offline.schemas import Schema, fits, in_bounds
from wfkit.llm.offline.text import Evidence, first_line, summary, words
from wfkit.llm.offline.words import Choice

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_SURE = frozenset({"confidence", "probability", "certainty", "likelihood", "score", "sure"})
_SHORT = frozenset({"title", "name", "subject", "heading", "label", "topic", "headline"})
_WHY = frozenset(
    {"reason", "reasoning", "evidence", "why", "rationale", "justification", "quote", "explanation", "basis"}
)
_FORMATS = {
    "date": (r"\d{4}-\d{2}-\d{2}", "1970-01-01"),
    "date-time": (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})", "1970-01-01T00:00:00Z"),
    "time": (r"\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})", "00:00:00Z"),
    "duration": (r"\bP(?:\d+[YMWD])+(?:T(?:\d+[HMS])+)?\b", "P0D"),
    "email": (r"[\w.+-]+@[\w-]+\.[\w.-]*\w", "unknown@example.org"),
    "uri": (r"https?://[^\s<>\"')\]]+", "https://example.org/"),
    "uuid": (r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", "00000000-0000-0000-0000-000000000000"),
    "ipv4": (r"\b(?:\d{1,3}\.){3}\d{1,3}\b", "0.0.0.0"),  # noqa: S104 a text, no address to bind
    "ipv6": (r"\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b", "::"),
    "hostname": (r"\b(?:[a-z0-9-]+\.)+[a-z]{2,}\b", "example.org"),
}
_FORMATS["url"] = _FORMATS["uri"]
_FURTHEST = 400  # multiples tried on either side of the wanted number


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted at a place: the kind, its limits, the name it has there, and the label chosen beside it."""

    kind: str
    schema: Schema
    name: str
    variant: int = 0
    chosen: Choice | None = None


def found(kind: str, schema: Schema, name: str, read: Evidence) -> str | float | None:
    """What the text says for a string or a number of this name, whatever its limits; None if it says nothing."""
    label = read.labels.get(" ".join(words(name)))
    if kind == "string":
        return label or _by_format(schema, read)
    text = label or _after_name(name, read)
    number = _NUMBER.search(text) if text else None
    return _to_number(number[0]) if number else None


def numbers(text: str) -> Iterator[float]:
    """The numbers that stand in a text, in order; whole ones are ints."""
    return (_to_number(match[0]) for match in _NUMBER.finditer(text))


def fill(asked: Asked, read: Evidence) -> str | float | None:
    """A value within all limits, as near as can be to what the text says; None if none is known."""
    if asked.kind == "string":
        return next((text for text in _texts(asked, read) if fits(text, asked.schema)), None)
    return _number(asked, read)


def salient(read: Evidence) -> list[str]:
    """Up to five words that the data repeats most, as they stand in it; earlier ones first among equals."""
    stands = [word for word in re.findall(r"[^\W\d_][\w-]+", read.text) if word.lower() not in STOP and len(word) > 2]
    counts = Counter(word.lower() for word in stands)
    first = {word.lower(): word for word in reversed(stands)}
    return [first[word] for word, _ in counts.most_common(5)]


def _texts(asked: Asked, read: Evidence) -> Iterator[str]:
    schema = asked.schema
    if "pattern" in schema:
        yield from () if asked.variant else dict.fromkeys(read.text.split())
        yield from matching_text(schema["pattern"], asked.variant)
        return
    text = str(found("string", schema, asked.name, read) or _FORMATS.get(schema.get("format", ""), ("", ""))[1])
    yield _fitted(text or _by_name(asked, read), asked)


def _by_format(schema: Schema, read: Evidence) -> str | None:
    expression = _FORMATS.get(schema.get("format", ""), ("(?!)", ""))[0]
    match = re.search(expression, read.text)
    return match[0] if match else None


def _by_name(asked: Asked, read: Evidence) -> str:
    name = set(words(asked.name))
    if name & _WHY and asked.chosen and asked.chosen.words:
        return "The text says: " + ", ".join(asked.chosen.words)
    return first_line(read) if name & _SHORT else summary(read)


def _fitted(text: str, asked: Asked) -> str:
    low, high = math.ceil(asked.schema.get("minLength", 0)), asked.schema.get("maxLength")
    end = f" {asked.variant + 1}" if asked.variant else ""
    if high is not None and len(text) + len(end) > high:
        room = max(int(high) - len(end), 0)
        text = text[:room] if room < 8 else text[: room - 1].rstrip() + "…"
    return (text + end)[: None if high is None else int(high)].ljust(low, ".")


def _number(asked: Asked, read: Evidence) -> float | None:
    wanted = _wanted(asked, read)
    if "multipleOf" in asked.schema or asked.kind == "integer":
        return _stepped(wanted, asked)
    for candidate in _near(wanted, asked.schema, asked.variant):
        if in_bounds(candidate, asked.schema):
            return candidate
    return None


def _wanted(asked: Asked, read: Evidence) -> float:
    said = found(asked.kind, asked.schema, asked.name, read)
    if isinstance(said, (int, float)):
        return said
    if asked.kind == "number" and _SURE.intersection(words(asked.name)):
        return asked.chosen.confidence if asked.chosen else 0.3
    limits = {**asked.schema, "multipleOf": 1} if asked.kind == "integer" else asked.schema
    return next((number for number in numbers(read.text) if in_bounds(number, limits)), 0)


def _near(wanted: float, schema: Schema, variant: int) -> Iterator[float]:
    """Numbers to try for bounds without a step: the wanted one, the bounds, then between and beyond them."""
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    if not variant:
        yield from (wanted, *(float(bound) for bound in (low, high) if math.isfinite(bound)))
    if math.isfinite(low) and math.isfinite(high):
        yield low + (high - low) * (variant + 1) / (variant + 2)
    elif math.isfinite(low) or math.isfinite(high):
        yield low + 1 + variant if math.isfinite(low) else high - 1 - variant
    else:
        yield wanted + variant


def _stepped(wanted: float, asked: Asked) -> float | None:
    """The multiple nearest to the wanted number, the next ones for variants; exact, by fractions."""
    schema, whole = asked.schema, asked.kind == "integer"
    given = Fraction(str(schema.get("multipleOf", 1)))
    step = Fraction(given.numerator) if whole else given
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    middle = round(Fraction(min(max(wanted, low), high)) / step)
    passed = 0
    for number in (
        middle + sign * distance for distance in range(_FURTHEST) for sign in ((1, -1) if distance else (1,))
    ):
        candidate = int(number * step) if whole else float(number * step)
        if in_bounds(candidate, schema):
            if passed == asked.variant:
                return candidate
            passed += 1
    return None


def _after_name(name: str, read: Evidence) -> str | None:
    """The text right behind (else before) the first word of the name that the data mentions."""
    for word in (word for word in words(name) if word not in STOP):
        match = re.search(rf"(?<!\w){re.escape(word)}\w*(?P<after>[^.!?\n]{{0,40}})", read.text, re.IGNORECASE)
        before = re.search(rf"(?P<before>[-+]?\d[\d,.]*)\s+{re.escape(word)}", read.text, re.IGNORECASE)
        if before:
            return before["before"]
        if match and _NUMBER.search(match["after"]):
            return match["after"]
    return None


def _to_number(text: str) -> float:
    plain = text.replace(",", "")
    try:
        return int(plain)
    except ValueError:
        value = float(plain)
        return value if math.isfinite(value) else 0.0
