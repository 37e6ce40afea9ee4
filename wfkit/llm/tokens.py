"""A plain tokenizer: what the offline model counts with, and an estimate where no better one is loaded.

Words are cut into pieces of at most six characters, marks stand alone. For English prose within a fifth of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from wfkit.core.call import Message

_PIECE = re.compile(r"\w{1,6}|[^\w\s]")
_MESSAGE_OVERHEAD = 4  # role and separators, as in OpenAI's chat format
_REPLY_OVERHEAD = 3


def count(text: str) -> int:
    """How many pieces the text has."""
    return len(_PIECE.findall(text))


def count_messages(messages: Iterable[Message]) -> int:
    """Tokens of a whole conversation as sent."""
    return _REPLY_OVERHEAD + sum(_MESSAGE_OVERHEAD + count(message.content) for message in messages)


def cut(text: str, limit: int) -> str:
    """The first `limit` pieces of the text."""
    end = 0
    for number, piece in enumerate(_PIECE.finditer(text)):
        if number == limit:
            return text[:end]
        end = piece.end()
    return text
