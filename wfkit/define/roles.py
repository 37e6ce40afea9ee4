"""Roles of a prompt: `system:`, `user:`, `assistant:` alone on a line of the template.

Role lines are found in the template and never in rendered text: before rendering they become a number that data
cannot know, and the rendered text is split there. So no data can open a system message.
"""

from __future__ import annotations

import os
import re

from wfkit.core.call import Message
from wfkit.core.secrets import beginning
from wfkit.errors import TemplateError

ROLES = ("system", "user", "assistant")
NONCE = f"{int.from_bytes(os.urandom(16)):039d}"  # digits only: filters like upper leave it alone
MARK = re.compile(rf"{NONCE}([0-2])")

TEXT = r"'(?:\\.|[^'\\])*+'|\"(?:\\.|[^\"\\])*+\""
# Jinja's own constructs are passed over: a role line inside a comment, an expression or a raw block is none. One that
# never closes takes all the rest (Jinja will refuse it), so that no text takes quadratic time.
SCAN = re.compile(
    r"(?P<raw>\{%[-+]?\s*raw\s*[-+]?%\}(?:.*?\{%[-+]?\s*endraw\s*[-+]?%\}|.*))"
    r"|(?P<comment>\{\#(?:.*?\#\}|.*))"
    rf"|(?P<block>\{{%(?:{TEXT}|(?!%\}}).)*+(?:%\}}|\Z))"
    rf"|(?P<spot>\{{\{{(?:{TEXT}|(?!\}}\}}).)*+(?:\}}\}}|\Z))"
    r"|^[ \t]*(?P<role>system|user|assistant):[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")


def mark_roles(source: str) -> str:
    """The template with its role lines replaced; the number of lines stays the same."""
    return SCAN.sub(lambda match: _mark(match["role"]) if match["role"] else match[0], source)


def text_before_roles(source: str) -> int | None:
    """The index of text that would belong to no role, because the first role line comes later. None if all is well.

    A block before the first role may hold text that is not shown there (a macro), so then only rendering can tell.
    """
    last = 0
    for match in SCAN.finditer(source):
        before = source[last : match.start()]
        if before.strip() or match.lastgroup not in {"comment", "role"}:
            return last + len(before) - len(before.lstrip()) if before.strip() and _has_role(source) else None
        if match.lastgroup == "role":
            return None
        last = match.end()
    return None


def split_messages(text: str) -> tuple[Message, ...]:
    """The messages of a rendered prompt: one user message if it has no role lines; empty messages are left out.

    Each loses blank lines at its start and white space at its end. Raises TemplateError for text before the first role,
    for a prompt that is empty, or whose user message is.
    """
    head, *rest = MARK.split(text)
    if not rest:
        return _checked((Message("user", _trimmed(head)),))
    if head.strip():
        raise TemplateError(
            f"text stands before the first role line ({beginning(head.strip(), 60, os.environ)!r}): begin with `user:`"
        )
    found = (Message(ROLES[int(role)], _trimmed(part)) for role, part in zip(rest[::2], rest[1::2], strict=True))
    return _checked(tuple(found))


def _checked(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    full = tuple(message for message in messages if message.content)
    if any(message.role == "user" for message in messages) and not any(message.role == "user" for message in full):
        raise TemplateError("the prompt is empty: its user message has no text for these values")
    if not full:
        raise TemplateError("the prompt is empty: it has no text for these values")
    return full


def _mark(role: str) -> str:
    return f"{NONCE}{ROLES.index(role)}"


def _has_role(source: str) -> bool:
    return any(match["role"] for match in SCAN.finditer(source))


def _trimmed(text: str) -> str:
    return BLANK_LINES.sub("", text).rstrip()
