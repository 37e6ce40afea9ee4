"""Variables of the environment as reads: a digest of one, or of all; and with which of them modules were loaded.

The values themselves are kept nowhere. Who looks them up is seen by `doors`.
"""

from __future__ import annotations

import os
from types import FrameType, ModuleType

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


def digest_of(name: str) -> str:
    """The digest of a variable, or of all."""
    return digest_of_whole() if name == WHOLE else digest_of_variable(name)


_at_first = {name: digest_of_variable(name) for name in os.environ}
_whole_at_first = digest_of_whole()
# The variables with which a module was loaded, by its name, as far as that was seen; `reload` makes another spec.
_at_load: dict[str, tuple[object, dict[str, str]]] = {}


def note_load(frame: FrameType | None, name: str, digest: str) -> None:
    """Note a variable that was looked up, for each module that is being loaded around this frame."""
    while frame is not None:
        spec = frame.f_globals.get("__spec__") if frame.f_code.co_name == "<module>" else None
        if spec is not None:
            module = str(frame.f_globals.get("__name__"))
            if module not in _at_load or _at_load[module][0] is not spec:
                _at_load[module] = spec, {}
            _at_load[module][1][name] = digest
        frame = frame.f_back


def is_as_loaded(module: ModuleType, name: str) -> bool:
    """Whether a variable is what it was when this module was loaded; False too where nobody knows."""
    spec, seen = _at_load.get(module.__name__, (None, {}))
    if spec is not None and spec is module.__spec__ and name in seen:
        return seen[name] == digest_of(name)
    return digest_of(name) == (_whole_at_first if name == WHOLE else _at_first.get(name, ""))
