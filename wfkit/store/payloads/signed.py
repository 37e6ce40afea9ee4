"""Pickles, for nodes that ask for `codec: pickle`: signed with a key of the user's own, kept outside every store.

Only what this user wrote is ever unpickled; a payload with another signature counts as missing. The signature is
BLAKE3 in keyed mode over the pickle.
"""

from __future__ import annotations

import os
import pickle
from functools import cache
from pathlib import Path
from typing import Any

from blake3 import blake3

from wfkit.errors import ValueFault
from wfkit.store.files import read_file, write_file

_MAC = 32


def encode(value: Any) -> bytes:
    """The signed pickle. Raises ValueFault for what cannot be pickled."""
    try:
        data = pickle.dumps(value, protocol=5)
    except Exception as error:  # pickling runs code of the value's class, which may raise anything
        raise ValueFault(f"a {type(value).__name__} cannot be pickled: {error}") from error
    return _sign(data) + data


def decode(payload: bytes) -> Any:
    """The value. Raises ValueFault for a foreign signature, before anything is unpickled."""
    data = payload[_MAC:]
    if _sign(data) != payload[:_MAC]:
        raise ValueFault("a pickle was not signed by this user: it is not loaded, and its value is made again")
    try:
        return pickle.loads(data)  # noqa: S301 (signed by this very user)
    except Exception as error:  # unpickling runs code of the value's class, which may raise anything
        raise ValueFault(f"a pickled value cannot be loaded with the code of today: {error!r}") from error


def key_path() -> Path:
    """Where the user's key is: `$XDG_CONFIG_HOME/wfkit/pickle.key`, by default below ~/.config."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "wfkit" / "pickle.key"


def _sign(data: bytes) -> bytes:
    return bytes(blake3(data, key=_key(key_path())).digest(length=_MAC))


@cache
def _key(path: Path) -> bytes:
    try:
        found = read_file(path)
        if found is None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(path, os.urandom(32))
            found = read_file(path) or b""
    except OSError as error:
        raise ValueFault(f"the key that signs pickles ({path}) is not available: {error.strerror}") from error
    if len(found) != 32:
        raise ValueFault(f"{path} is not a key of 32 bytes: remove it, and values of `codec: pickle` are made again")
    return found
