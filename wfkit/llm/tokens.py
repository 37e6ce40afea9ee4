"""A plain tokenizer: what the offline model counts with, and an estimate where no better one is loaded.

Words are cut into pieces of at most six characters, marks stand alone. For English prose within a fifth of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from wfkit.core.call import Message, Request

_PIECE = re.compile(r"\w{1,6}|[^\w\s]")
_WIDE = "\u3040-\u9fff\uac00-\ud7af"  # Japanese, Chinese, Korean: a token holds at most a few of them
_WHOLE = re.compile(rf"\d{{1,3}}|[{_WIDE}]{{1,4}}|[^\W\d_{_WIDE}]{{1,16}}|[^\w\s]+(?=\s|$)")
_MESSAGE_OVERHEAD = 4  # role and separators, as in OpenAI's chat format
_REPLY_OVERHEAD = 3


def count(text: str) -> int:
    """How many pieces the text has."""
    return len(_PIECE.findall(text))


def at_least(text: str) -> int:
    """What every tokenizer counts at least: no token of one holds two words, or four digits. For prose about four
    fifths of what others count."""
    return sum(1 for _ in _WHOLE.finditer(text))


def count_messages(messages: Iterable[Message]) -> int:
    """Tokens of a whole conversation as sent."""
    return _REPLY_OVERHEAD + sum(_MESSAGE_OVERHEAD + _of(message) for message in messages)


def count_request(request: Request) -> int:
    """Input tokens of a request: its conversation, its schema and its tools."""
    told = sum(count(tool.name) + count(tool.description) + count(tool.parameters) for tool in request.tools)
    return count_messages(request.messages) + (count(request.schema) if request.schema else 0) + told


def _of(message: Message) -> int:
    if not message.tool_calls:
        return count(message.content)
    return count(message.content) + sum(count(call.name) + count(call.arguments) for call in message.tool_calls)


def cut(text: str, limit: int) -> str:
    """The first `limit` pieces of the text."""
    end = 0
    for number, piece in enumerate(_PIECE.finditer(text)):
        if number == limit:
            return text[:end]
        end = piece.end()
    return text
