"""Small things that every wire needs: text of message parts, pieces of a stream, bodies as bytes.

No wire of its own, and nothing of what is answered.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

_WORDS = re.compile(r"\S*\s*")
_MOST_PIECES = 64


def content_text(content: Any) -> str:
    """The text of a message, which may be sent in parts."""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text") or "" for part in content or ())


def schema_text(schema: Any) -> str:
    """A schema as JSON text."""
    return orjson.dumps(schema).decode()


def pieces(text: str) -> list[str]:
    """The text word by word, in at most 64 pieces; none for an empty one."""
    words = [word for word in _WORDS.findall(text) if word] if len(text) < 1 << 16 else [text]
    size = -(-max(len(words), 1) // _MOST_PIECES)
    return ["".join(words[start : start + size]) for start in range(0, len(words), size)]


def date(in_s: float) -> str:
    """The moment in so many seconds, as RFC 3339 has it."""
    return (datetime.now(UTC) + timedelta(seconds=in_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def span(seconds: float) -> str:
    """A span of time as OpenAI's headers have it: `1m12.5s`, `20ms`."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return (f"{minutes:.0f}m" if minutes else "") + f"{math.ceil(rest * 1000) / 1000:g}s"


def encoded(body: Any) -> bytes:
    """JSON; lone surrogates are escaped, as Python servers do."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        return json.dumps(body).encode()
