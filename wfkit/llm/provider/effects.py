"""The provider's own books: a line for every request it answered. Tests count in it what was bought, and bought twice.

Append-only JSON lines, written out line by line before the answer is sent, so that they outlive both sides.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from threading import Condition

import orjson

from wfkit.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Effect:
    """A request that arrived; `at` is the Unix time when its answer was decided, `took_s` seconds after it came.

    `request` is the digest of its body, `messages` of its conversation; `occurrence` counts equal requests from 0,
    without those that were turned away (an outage, a limit, an empty quota). `outcome` is `ok`, the fault, or
    `rate_limit`, `busy`, `quota`, `bad_request`, `not_found`; a status of 0: no answer was sent. `prompt` is the
    beginning of the last message. Tokens are those of answers, also of half ones.
    """

    at: float
    number: int
    request: str
    messages: str
    model: str
    occurrence: int
    status: int
    outcome: str
    prompt: str
    input_tokens: int = 0
    output_tokens: int = 0
    wire: str = "openai"
    stream: bool = False
    took_s: float = 0.0

    @property
    def billed(self) -> bool:
        """Whether a real provider would charge for it: it made an answer, good or bad."""
        return self.status == 200


class Effects:
    """The log of effects, in memory and, with a path, in a file. Thread-safe."""

    def __init__(self, path: Path | None = None) -> None:
        self._grown = Condition()
        self._found: list[Effect] = []
        self._file = path.open("ab", buffering=0) if path else None

    def write(self, effect: Effect) -> None:
        """Append; when this returns the line has left this process."""
        with self._grown:
            self._found.append(effect)
            if self._file:
                self._file.write(orjson.dumps(asdict(effect)) + b"\n")
            self._grown.notify_all()

    def read(self) -> list[Effect]:
        """All effects so far, in order."""
        with self._grown:
            return list(self._found)

    def wait(self, count: int, timeout_s: float) -> bool:
        """Block until there are so many effects; False when the time ran out."""
        with self._grown:
            return self._grown.wait_for(lambda: len(self._found) >= count, timeout_s)

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()


def read_effects(path: Path) -> list[Effect]:
    """The effects in a file, without a last line that was cut off by a crash."""
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    return [Effect(**orjson.loads(line)) for line in lines[:-1] if line]
