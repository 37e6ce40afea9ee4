"""Variables of the environment as reads: a digest of one, or of all.

The values themselves are kept nowhere. Who looks them up is seen by `doors`.
"""

from __future__ import annotations

import os

from blake3 import blake3

WHOLE = "*"
_CONTEXT = "wfkit 2026 environment variable"


def digest_of_variable(name: str) -> str:
    """32 hex characters over the value of a variable; empty when it is not set."""
    value = os.environ.get(name)
    return "" if value is None else _digest(value.encode("utf-8", "surrogateescape"))


def digest_of_whole() -> str:
    """32 hex characters over all variables."""
    lines = [f"{name}={value}" for name, value in sorted(os.environ.items())]
    return _digest("\x00".join(lines).encode("utf-8", "surrogateescape"))


def _digest(data: bytes) -> str:
    return blake3(data, derive_key_context=_CONTEXT).hexdigest(length=16)
