"""Encoding the values of many items: each at once, because whoever made it may change it; the search for secrets once.

What a codec is is `payloads.codecs`; one value alone is encoded by `results`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.core.result import Stored
from wfkit.errors import ValueFault
from wfkit.store.payloads import plain
from wfkit.store.payloads.objects import payload_digest
from wfkit.store.payloads.tagged import is_scalar
from wfkit.store.secrets import Secrets

INLINE_BYTES = 64 * 1024
Encode = Callable[[Any, str, str], Stored]


@dataclass(slots=True)
class Payloads:
    """Columns of where values are, as in `core.columns.Items`; `refused` tells by position what must not be stored."""

    names: list[str] = field(default_factory=list)
    codecs: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    inlines: list[str | None] = field(default_factory=list)
    refused: dict[int, ValueFault] = field(default_factory=dict)


class Batch:
    """Takes the values of items one after the other. `encode` is for those that are neither plain data nor small."""

    def __init__(self, encode: Encode, secrets: Secrets, codec: str) -> None:
        self._encode = encode
        self._secrets = secrets
        self._codec = codec
        self._made = Payloads()
        self._unsearched: list[int] = []

    def add(self, value: Any, digest: str) -> bool:
        """Encode a value whose value digest is known; whether its inline payload tells what it is.

        Raises ValueFault, then nothing was added.
        """
        made = self._made
        if self._codec == "auto":
            is_text = type(value) is str and is_scalar(value)
            name, payload = ("text", value.encode()) if is_text else ("json", plain.dumps(value))
            if payload is not None and len(payload) <= INLINE_BYTES:
                self._unsearched.append(len(made.names))
                made.names.append(payload_digest(payload))
                made.codecs.append(name)
                made.sizes.append(len(payload))
                made.inlines.append(payload.decode())
                return True
        stored = self._encode(value, digest, self._codec)
        made.names.append(stored.payload)
        made.codecs.append(stored.codec)
        made.sizes.append(stored.size)
        made.inlines.append(stored.inline)
        return False

    def finish(self) -> Payloads:
        """What was added. Nothing must be added any more."""
        made = self._made
        texts = [(i, text) for i in self._unsearched if (text := made.inlines[i]) is not None]
        if texts and self._secrets.found("\n".join([text for _, text in texts]).encode()) is not None:
            for i, text in texts:
                try:
                    self._secrets.refuse(text.encode(), "a value")
                except ValueFault as fault:
                    made.refused[i] = fault
        return made
