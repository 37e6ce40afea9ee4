"""Short texts that match a regular expression, for strings with a `pattern`.

Covers literals, sets, repeats, groups, branches and anchors. What it cannot make a text for gives no candidate.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_ALPHABET = string.ascii_lowercase + string.ascii_uppercase + string.digits + " -_.:/@#" + string.punctuation


def matching_text(pattern: str, variant: int = 0) -> Iterator[str]:
    """Candidates, shortest first; `variant` shifts the choice of characters and lengths."""
    try:
        parsed = parser.parse(pattern)
    except (re.error, OverflowError):
        return
    for extra in range(3):
        text = _sequence(parsed, variant, extra)
        if re.search(pattern, text):
            yield text


def _sequence(items: Any, variant: int, extra: int) -> str:
    return "".join(_one(operator, argument, variant, extra) for operator, argument in items)


def _one(operator: Any, argument: Any, variant: int, extra: int) -> str:
    if operator is op.LITERAL:
        return chr(argument)
    if operator is op.ANY:
        return _ALPHABET[variant % 26]
    if operator is op.NOT_LITERAL:
        return next(character for character in _ALPHABET if ord(character) != argument)
    if operator is op.IN:
        return _from_set(argument, variant)
    if operator in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        low, high, inner = argument
        times = min(max(low, 1 if extra else low) + (variant if extra > 1 or low == 0 else 0), high, low + 20)
        return "".join(_sequence(inner, variant // (26**number), extra) for number in range(int(times)))
    if operator is op.SUBPATTERN:
        return _sequence(argument[-1], variant, extra)
    if operator is op.ATOMIC_GROUP:
        return _sequence(argument, variant, extra)
    if operator is op.BRANCH:
        return _sequence(argument[1][variant % len(argument[1])], variant, extra)
    return ""


def _from_set(items: Any, variant: int) -> str:
    allowed = [character for character in _ALPHABET if _in_set(character, items)]
    if not allowed:
        first = next((argument for operator, argument in items if operator in (op.LITERAL, op.RANGE)), ord("a"))
        return chr(first[0] if isinstance(first, tuple) else first)
    return allowed[variant % len(allowed)]


def _in_set(character: str, items: Any) -> bool:
    negated = bool(items) and items[0][0] is op.NEGATE
    inside = any(_covers(operator, argument, character) for operator, argument in items[negated:])
    return inside is not negated


def _covers(operator: Any, argument: Any, character: str) -> bool:
    if operator is op.LITERAL:
        return bool(ord(character) == argument)
    if operator is op.RANGE:
        return bool(argument[0] <= ord(character) <= argument[1])
    word = character.isalnum() or character == "_"
    return bool(
        {
            op.CATEGORY_DIGIT: character.isdigit(),
            op.CATEGORY_NOT_DIGIT: not character.isdigit(),
            op.CATEGORY_WORD: word,
            op.CATEGORY_NOT_WORD: not word,
            op.CATEGORY_SPACE: character.isspace(),
            op.CATEGORY_NOT_SPACE: not character.isspace(),
        }.get(argument, False)
    )
