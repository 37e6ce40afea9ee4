"""How pyarrow and polars tables are taken apart: by column, so that chunks, offsets and padding do not show. Schema
metadata counts.

Both libraries are looked up, never imported by us (polars hands its columns over as Arrow and loads pyarrow for that).
"""

from __future__ import annotations

import sys
from typing import Any

from wfkit.keys.content.arrays import buffer_digest
from wfkit.keys.content.plain import digest_of
from wfkit.keys.content.shape import Branch, Refused, Shape, named, text_leaf


def table_shape(value: Any) -> Shape | None:
    """The shape of a pyarrow or polars value, of a scipy sparse matrix or a Pillow image; None for anything else."""
    library = type(value).__module__.partition(".")[0]
    if library == "pyarrow":
        return _arrow(sys.modules["pyarrow"], value)
    if library == "polars":
        return _polars(sys.modules["polars"], value)
    if library == "scipy":
        return _sparse(value)
    if library == "PIL":
        return _image(value)
    return None


def _arrow(pa: Any, value: Any) -> Shape | None:
    version = pa.__version__
    if type(value) in (pa.Table, pa.RecordBatch):
        names = list(value.schema.names)
        parts = [value.schema, *value.columns]
        label = lambda i: f"[{names[i - 1]!r}]" if i else ""  # noqa: E731 - closes over names
        return Branch(f"pyarrow.{type(value).__name__} {version}".encode(), parts, label)
    if isinstance(value, pa.Array | pa.ChunkedArray):
        return named("pyarrow.column", [("type", value.type), *arrow_column(value)])
    if isinstance(value, pa.Scalar):
        return named("pyarrow.scalar", [("type", value.type), ("value", pa.repeat(value, 1))])
    if isinstance(value, pa.Schema):
        parts = [(field.name, field) for field in value]
        return named("pyarrow.schema", [("metadata", _metadata(value.metadata)), *parts])
    if isinstance(value, pa.Field):
        parts = [("name", value.name), ("type", value.type), ("nullable", value.nullable)]
        return named("pyarrow.field", [*parts, ("metadata", _metadata(value.metadata))])
    if isinstance(value, pa.DataType):
        return _type(pa, value)
    return None


def _type(pa: Any, kind: Any) -> Shape:
    """A type by its text and by what that leaves out: metadata and nullability within."""
    parts = [("text", f"{kind!s}"), *((f"field {i}", kind.field(i)) for i in range(kind.num_fields))]
    if isinstance(kind, pa.BaseExtensionType):
        parts += [("storage", kind.storage_type)]
    if pa.types.is_dictionary(kind):
        parts += [("index", kind.index_type), ("value", kind.value_type), ("ordered", kind.ordered)]
    return named("pyarrow.type", parts)


def _metadata(metadata: Any) -> list[tuple[bytes, bytes]]:
    return sorted((metadata or {}).items())


def arrow_column(value: Any) -> list[tuple[str, Any]]:
    """What a column holds, as named parts: lengths (-1: missing) and text, or missing ones and values, or Python
    objects.
    """
    pa, np = sys.modules["pyarrow"], sys.modules["numpy"]
    chunk = _one_chunk(pa, value)
    if isinstance(chunk, pa.ExtensionArray):
        return arrow_column(chunk.storage)
    kind, types = chunk.type, pa.types
    if types.is_dictionary(kind):
        return [("indices", named("column", arrow_column(chunk.indices))), ("dictionary", chunk.dictionary)]
    if types.is_string(kind) or types.is_binary(kind) or types.is_string_view(kind) or types.is_binary_view(kind):
        is_text = types.is_string(kind) or types.is_string_view(kind)
        chunk, kind = _wide(pa, chunk, is_text), pa.large_string() if is_text else pa.large_binary()
    if types.is_large_string(kind) or types.is_large_binary(kind):
        return _texts(np, chunk)
    if types.is_list(kind) or types.is_large_list(kind):
        return _lists(np, chunk)
    if types.is_struct(kind):
        missing = np.asarray(chunk.is_null()) if chunk.null_count else None
        fields = zip([kind.field(i).name for i in range(kind.num_fields)], chunk.flatten(), strict=True)
        return [("missing", missing), *((name, named("column", arrow_column(field))) for name, field in fields)]
    width = _fixed_width(pa, kind)
    if width is None:
        items = chunk.to_pylist()
        return [
            ("values", [tuple(item) if item is not None else None for item in items] if _interval(pa, kind) else items)
        ]
    return _fixed(np, chunk, width)


def _interval(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_interval(kind))


def _lists(np: Any, chunk: Any) -> list[tuple[str, Any]]:
    """Lengths (-1: missing) and all elements in one column; whatever lies under a missing list is left out."""
    lengths = np.full(len(chunk), -1, np.int64)
    valid = np.asarray(chunk.is_valid())
    lengths[valid] = np.asarray(chunk.drop_null().value_lengths(), np.int64) if len(chunk) else 0
    return [("lengths", lengths), ("elements", named("column", arrow_column(chunk.flatten())))]


def _one_chunk(pa: Any, value: Any) -> Any:
    if isinstance(value, pa.ChunkedArray):
        if value.num_chunks > 1 and (pa.types.is_string(value.type) or pa.types.is_binary(value.type)):
            value = _wide(pa, value, pa.types.is_string(value.type))  # joined, the offsets may need 64 bits
        value = value.unify_dictionaries() if pa.types.is_dictionary(value.type) else value
        value = value.combine_chunks() if value.num_chunks != 1 else value.chunk(0)
    return value.chunk(0) if isinstance(value, pa.ChunkedArray) else value


def _wide(pa: Any, chunk: Any, is_text: bool) -> Any:
    return chunk.cast(pa.large_string() if is_text else pa.large_binary())


def _texts(np: Any, chunk: Any) -> list[tuple[str, Any]]:
    """Offsets become lengths; whatever lies under a missing value is left out."""
    if chunk.null_count:
        present = chunk.drop_null()
        lengths = np.full(len(chunk), -1, np.int64)
        lengths[np.asarray(chunk.is_valid())] = _lengths(np, present)
        return [("lengths", lengths), ("text", _text(np, present))]
    return [("lengths", _lengths(np, chunk)), ("text", _text(np, chunk))]


def _offsets(np: Any, chunk: Any) -> Any:
    if len(chunk) == 0:
        return np.zeros(1, np.int64)
    return np.frombuffer(chunk.buffers()[1], np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]


def _lengths(np: Any, chunk: Any) -> Any:
    return np.diff(_offsets(np, chunk))


def _text(np: Any, chunk: Any) -> bytes:
    offsets, data = _offsets(np, chunk), chunk.buffers()[2]
    raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return digest_of(memoryview(raw[offsets[0] : offsets[-1]]))


def _fixed_width(pa: Any, kind: Any) -> Any:
    """The integer type of the same width as a type whose values are a buffer of numbers; None for others."""
    types = pa.types
    if types.is_boolean(kind):
        return pa.uint8()
    if not (types.is_integer(kind) or types.is_floating(kind) or types.is_temporal(kind)) or types.is_interval(kind):
        return None
    return {8: pa.uint8(), 16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64()}.get(kind.bit_width)


def _fixed(np: Any, chunk: Any, width: Any) -> list[tuple[str, Any]]:
    """Missing ones as booleans, and the values with zero under each of them."""
    numbers = chunk.cast(width) if chunk.type.bit_width == 1 else chunk.view(width)
    missing = np.asarray(chunk.is_null()) if chunk.null_count else None
    values = (numbers.fill_null(0) if chunk.null_count else numbers).to_numpy(zero_copy_only=False)
    return [("missing", missing), ("values", buffer_digest(np, values))]


def _polars(pl: Any, value: Any) -> Shape | None:
    version = pl.__version__
    if type(value) is pl.DataFrame:
        columns = value.get_columns()
        names = [column.name for column in columns]
        tag = f"polars.DataFrame {version}".encode()
        return Branch(tag, columns, lambda i: f"[{names[i]!r}]" if i < len(names) else "")
    if type(value) is pl.Series:
        if value.dtype == pl.Object:
            raise Refused("a column of Python objects")
        return named(
            "polars.Series", [("name", value.name), ("dtype", repr(value.dtype)), ("values", value.to_arrow())]
        )
    if isinstance(value, pl.DataType) or (isinstance(value, type) and issubclass(value, pl.DataType)):
        return text_leaf("polars.dtype", repr(value))
    return None


def _image(value: Any) -> Shape | None:
    """An image of Pillow: its pixels, palette and notes."""
    image = sys.modules["PIL.Image"].Image
    if not isinstance(value, image):
        return None
    if type(value) is not image:
        raise Refused("it is tied to the file it was opened from; hand on image.copy()")
    palette = None if value.palette is None else [value.palette.mode, bytes(value.palette.palette)]
    parts = [("mode", value.mode), ("size", value.size), ("palette", palette), ("info", value.info)]
    return named("PIL.Image", [*parts, ("pixels", value.tobytes())])


_SPARSE_PARTS = {
    "csr": ("indptr", "indices", "data"),
    "csc": ("indptr", "indices", "data"),
    "bsr": ("indptr", "indices", "data", "blocksize"),
    "coo": ("coords", "data"),
    "lil": ("rows", "data"),
    "dia": ("offsets", "data"),
}


def _sparse(value: Any) -> Shape | None:
    sparse = sys.modules.get("scipy.sparse")
    if sparse is None or not sparse.issparse(value):
        return None
    names = _SPARSE_PARTS.get(value.format)
    if names is None:
        raise Refused(f"the sparse format {value.format!r} has no fixed order: convert it with .tocsr()")
    parts = [(name, getattr(value, name)) for name in names]
    return named(f"scipy.{type(value).__name__}", [("shape", value.shape), ("dtype", value.dtype), *parts])
