"""Which label fits a text: labels are matched by the words that speak for them.

Words come from the label itself, from its family in the lexicon and from what the prompt says of it. No schema here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from wfkit.core.frozen import dataclass
from wfkit.llm.offline.lexicon import FAMILIES, STOP
from wfkit.llm.offline.text import Evidence, words

_UNSURE = (
    "unknown",
    "unclear",
    "other",
    "none",
    "unspecified",
    "undetermined",
    "neutral",
    "n a",
    "na",
    "misc",
    "general",
)
_PART = re.compile(r"[;\n]|(?<=[.)])\s")
_MEANS = r"(?::|=|\(|–|—|-\s|\bmeans?\b)"


@dataclass(frozen=True, slots=True)
class Choice:
    """The label that fits best, the words of the text that speak for it, and how sure that is (0 to 1)."""

    index: int
    words: tuple[str, ...]
    confidence: float


def choose(read: Evidence, labels: Sequence[str], description: str = "") -> Choice:
    """Pick one of `labels` by the words of the data.

    Sentences that name half of the labels or more are instructions, no evidence. Without any: a label that means
    "unknown", else the first, with confidence 0.2.
    """
    scores, said = _score(read, labels, description)
    best = max(range(len(labels)), key=lambda index: (scores[index], -index))
    if not scores[best]:
        return Choice(_unsure(labels), (), 0.2)
    second = max((score for index, score in enumerate(scores) if index != best), default=0)
    margin = (scores[best] - second) / scores[best]
    sure = 0.5 + 0.45 * margin * (1 - 0.5 ** len(said[best]))
    return Choice(best, tuple(dict.fromkeys(said[best])), round(sure, 2))


def matching(read: Evidence, labels: Sequence[str], description: str = "") -> list[int]:
    """The labels for which any word of the data speaks, in their order."""
    scores, _ = _score(read, labels, description)
    return [index for index, score in enumerate(scores) if score]


def mentions(read: Evidence, name: str, description: str = "") -> tuple[str, ...]:
    """The words of the data that speak for a yes/no field of this name."""
    terms = [word for word in words(f"{name} {description}") if word not in STOP and len(word) > 2]
    expression, _ = _expression((" ".join(terms) or name, *terms), ((),) * (len(terms) + 1))
    return tuple(dict.fromkeys(found[0] for found in expression.finditer(read.text)))


@lru_cache(maxsize=4096)
def plain(label: str) -> str:
    """A label as a phrase: lower case, words apart."""
    return " ".join(words(label.replace("-", " ")))


def _score(read: Evidence, labels: Sequence[str], description: str) -> tuple[list[int], list[list[str]]]:
    """For each label: how much speaks for it, and the words that do."""
    meanings, defining = _meanings((description, *read.instructions, *read.segments), labels)
    expression, owners = _expression(tuple(labels), meanings)
    scores: list[int] = [0] * len(labels)
    said: list[list[str]] = [[] for _ in labels]
    for segment in read.segments:
        if segment in defining or (len(labels) > 1 and _names_most(segment, labels)):
            continue
        for match in expression.finditer(segment):
            index, weight = owners.get(_key(match["term"]), (0, 0))  # no owner: `re.I` folds more letters than `lower`
            scores[index] += weight
            said[index] += [match[0]] if weight else []
    return scores, said


def _names_most(segment: str, labels: Sequence[str]) -> bool:
    text = f" {' '.join(words(segment.replace('-', ' ')))} "
    return sum(f" {plain(label)} " in text for label in labels) >= max(2, (len(labels) + 1) // 2)


@lru_cache(maxsize=512)
def _expression(
    labels: tuple[str, ...], meanings: tuple[tuple[str, ...], ...]
) -> tuple[re.Pattern[str], dict[str, tuple[int, int]]]:
    """One expression for all terms, and whose they are. Longest first: `lesser gpl` wins over `gpl`."""
    owners: dict[str, tuple[int, int]] = {}
    for index, label in enumerate(labels):
        for term, weight in _terms(label, meanings[index]):
            key = _key(term)
            if key and (key not in owners or owners[key][1] < weight):
                owners[key] = (index, weight)
    longest_first = sorted(owners, key=len, reverse=True)
    options = "|".join(r"[\s_-]+".join(map(re.escape, key.split())) for key in longest_first) or "(?!)"
    return re.compile(rf"(?<![a-z0-9])(?P<term>{options})(?:s|es|d|ed|ing|ly)?(?=v?\d|[^a-z]|$)", re.IGNORECASE), owners


def _terms(label: str, meanings: Iterable[str]) -> list[tuple[str, int]]:
    phrase = plain(label)
    if phrase in _UNSURE:
        return [(phrase or label, 1)]
    family = FAMILIES.get(phrase) or tuple(term for word in phrase.split() for term in FAMILIES.get(word, ()))
    own = [(phrase, 3), *((word, 2) for word in phrase.split() if word not in STOP and len(word) > 2)]
    return [*((term, 2) for term in family), *own, *((word, 1) for word in meanings)]


def _key(term: str) -> str:
    return re.sub(r"[\s_-]+", " ", term.lower()).strip()


def _meanings(texts: Iterable[str], labels: Sequence[str]) -> tuple[tuple[tuple[str, ...], ...], set[str]]:
    """What is said of each label in the way of `label: these words` or `label (these words)`, and where.

    Counts only if half of the labels or more are explained so; else `Positive: I liked it` would be taken for a rule.
    """
    found: list[list[str]] = [[] for _ in labels]
    defining: set[str] = set()
    start, numbers = _definition(tuple(labels)), {label.lower(): index for index, label in enumerate(labels)}
    for text in texts:
        for match in filter(None, (start.match(part) for part in _PART.split(text))):
            index = numbers.get(match[1].lower())
            if index is not None:
                found[index] += [word for word in words(match[2]) if word not in STOP and len(word) > 2]
                defining.add(text)
    if 2 * sum(bool(meaning) for meaning in found) < len(labels):
        return ((),) * len(labels), set()
    return tuple(map(tuple, found)), defining


@lru_cache(maxsize=512)
def _definition(labels: tuple[str, ...]) -> re.Pattern[str]:
    options = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
    return re.compile(rf"^\W*({options})\W{{0,2}}\s*{_MEANS}\s*(.+)$", re.IGNORECASE)


def _unsure(labels: Sequence[str]) -> int:
    phrases = [plain(label) for label in labels]
    return next((phrases.index(word) for word in _UNSURE if word in phrases), 0)
