"""Which codec a value gets, and how its payload becomes a value again.

Plain data is JSON, text is text, arrays are npy, frames Arrow, everything else a tagged table whose bulky parts have
codecs of their own. A codec is named by what is stored; classes only ever come from code (`classes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson

from wfkit.core.frozen import dataclass
from wfkit.core.picture import Picture
from wfkit.errors import ValueFault
from wfkit.store.payloads import arrays, artifacts, figures, frames, images, plain, signed, sparse, tables, tagged

LARGEST_BYTES = 2 << 30  # a payload is made in memory, beside its value
TEXT_CODECS = frozenset({"json", "text", "tagged"})


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value as bytes; those of TEXT_CODECS are UTF-8."""

    codec: str
    payload: bytes


def encode(value: Any, codec: str = "auto") -> Encoded:
    """Encode with the codec that keeps the value as it is.

    Raises ValueFault naming the path to what none keeps, and for a value that is too large to be stored.
    """
    made = _encode(value, codec)
    _refuse_large(value, len(made.payload))
    return made


def _refuse_large(value: Any, size: int) -> None:
    if size > LARGEST_BYTES:
        what = f"a {type(value).__name__} of {size / (1 << 30):.1f} GB is too large to be stored"
        raise ValueFault(f"{what} (at most {LARGEST_BYTES >> 30} GB): write it to a file and return the file's path")


def _encode(value: Any, codec: str) -> Encoded:
    if codec == "pickle":
        return Encoded("pickle", signed.encode(value))
    if codec != "auto":
        raise ValueFault(f"unknown codec {codec!r}: there are auto and pickle")
    if type(value) is str and tagged.is_scalar(value):
        return Encoded("text", value.encode())
    payload = plain.dumps(value)
    if payload is not None:
        return Encoded("json", payload)
    part = _part(value)
    if part is not None:
        return Encoded(*part)
    writer = tagged.Writer(_part)
    writer.write(value)
    if writer.parts:
        return Encoded("bundle", _bundle(writer))
    return Encoded("tagged", orjson.dumps(writer.rows))


def decode(codec: str, payload: bytes, frozen: bool = False) -> Any:
    """A new value. Raises ValueFault when the payload is not of that codec.

    `frozen`: an array or frame may lie in the payload itself; then nobody can write to its memory.
    """
    decoder = FREEZES.get(codec) if frozen else None
    decoder = decoder or _DECODERS.get(codec)
    if decoder is None:
        raise ValueFault(f"a value was stored with the codec {codec!r} of a newer wfkit: update wfkit")
    try:
        return decoder(payload)
    except ValueFault:
        raise
    except ImportError as error:
        raise ValueFault(f"a stored value needs a package that is not installed here: {error}") from error
    except Exception as error:  # numpy, pandas, pyarrow and polars each raise their own kinds
        raise ValueFault(f"a stored value of codec {codec} cannot be read: {error!r}") from error


def texts(codec: str, payload: bytes) -> Iterator[bytes]:
    """The stretches of a payload that may hold text: large numbers need not be searched for secrets (8 ms a MB)."""
    if codec == "bundle":
        head, parts = _parts(payload)
        yield head
        for part in parts:
            yield from texts(*part)
    elif codec == "npy":
        yield from arrays.texts(payload)
    elif codec in ("arrow", "arrow:pandas"):
        yield from tables.texts(payload if codec == "arrow:pandas" else payload[1:])
    else:
        yield payload


def pack(value: Any) -> bytes:
    """Any storable value as one string of bytes; what families use for their objects, names and labels."""
    writer = tagged.Writer(_part)
    writer.write(value)
    return _bundle(writer)


def unpack(payload: bytes) -> Any:
    """The value of `pack`."""
    head, parts = _parts(payload)
    return tagged.read(orjson.loads(head)[0], parts, decode)


def _parts(payload: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The JSON of a bundle, and its parts."""
    stop = payload.index(b"\n")
    head, start = payload[:stop], stop + 1
    parts = []
    for codec, size in orjson.loads(head)[1]:
        parts.append((codec, payload[start : start + size]))
        start += size
    return head, parts


def _bundle(writer: tagged.Writer) -> bytes:
    sizes = [(codec, len(payload)) for codec, payload in writer.parts]
    return b"".join([orjson.dumps((writer.rows, sizes)), b"\n", *(payload for _, payload in writer.parts)])


def _read_tagged(payload: bytes) -> Any:
    return tagged.read(orjson.loads(payload), (), decode)


def _part(value: Any) -> tuple[str, bytes] | None:
    """Codec and payload of a value that some library or bytes make bulky; None for anything else."""
    if type(value) is bytes:
        return "bytes", value
    for codec, encoder in _FAMILIES.get(type(value).__module__.partition(".")[0], ()):
        size = getattr(value, "nbytes", 0)
        _refuse_large(value, size if isinstance(size, int) else 0)  # before its payload is made
        try:
            payload = encoder(value)
        except ValueFault:
            raise
        except Exception as error:  # numpy, pandas, pyarrow and polars each raise their own kinds
            raise ValueFault(f"a {type(value).__name__} cannot be stored: {error!r}") from error
        if payload is not None:
            return codec, payload
    return None


_FAMILIES: dict[str, Sequence[tuple[str, Callable[[Any], bytes | None]]]] = {
    "numpy": [("npy", lambda value: arrays.encode(value, pack))],
    "pandas": [("arrow:pandas", lambda value: frames.encode(value, pack))],
    "pyarrow": [("arrow", tables.encode_arrow)],
    "polars": [("arrow:polars", tables.encode_polars)],
    "scipy": [("sparse", lambda value: sparse.encode(value, pack))],
    "plotly": [("plotly", lambda value: figures.encode_plotly(value, pack))],
    "wfkit": [("file", artifacts.encode), ("png", figures.encode_picture)],
    "PIL": [("image", lambda value: images.encode(value, pack))],
}
_DECODERS: dict[str, Callable[[bytes], Any]] = {
    "json": plain.loads,
    "text": lambda payload: payload.decode(),
    "bytes": lambda payload: payload,
    "file": artifacts.decode,
    "tagged": _read_tagged,
    "bundle": unpack,
    "pickle": signed.decode,
    "npy": lambda payload: arrays.decode(payload, unpack),
    "arrow": tables.decode_arrow,
    "arrow:pandas": lambda payload: frames.decode(payload, unpack),
    "arrow:polars": tables.decode_polars,
    "sparse": lambda payload: sparse.decode(payload, unpack),
    "png": Picture,
    "plotly": lambda payload: figures.decode_plotly(payload, unpack),
    "image": lambda payload: images.decode(payload, unpack),
}
FREEZES: dict[str, Callable[[bytes], Any]] = {
    "npy": lambda payload: arrays.decode(payload, unpack, frozen=True),
    "arrow": tables.decode_arrow,
    "arrow:pandas": lambda payload: frames.decode(payload, unpack, frozen=True),
    "arrow:polars": tables.decode_polars,
}
