"""pyarrow tables and arrays and polars frames and series, as Arrow streams.

pyarrow and polars are imported only when such a value is met. pandas is in `frames`.
"""

from __future__ import annotations

import io
from typing import Any

from wfkit.errors import ValueFault

_TABLE, _BATCH, _CHUNKED, _ARRAY = b"T", b"B", b"C", b"A"
_SCALAR, _SCHEMA = b"V", b"H"
_FRAME, _SERIES = b"F", b"S"


def encode_arrow(value: Any) -> bytes | None:
    """The payload of a pyarrow Table, RecordBatch, ChunkedArray, Array, Scalar or Schema; None for anything else."""
    import pyarrow as pa  # loaded already: the value is one of its

    if isinstance(value, pa.Table):
        return _TABLE + _write_arrow(pa, value)
    if isinstance(value, pa.RecordBatch):
        return _BATCH + _write_arrow(pa, pa.Table.from_batches([value]))
    if isinstance(value, pa.ChunkedArray | pa.Array):
        head = _ARRAY if isinstance(value, pa.Array) else _CHUNKED
        return head + _write_arrow(pa, pa.table([value], names=["0"]))
    if isinstance(value, pa.Scalar):
        return _SCALAR + _write_arrow(pa, pa.table([pa.repeat(value, 1)], names=["0"]))
    if isinstance(value, pa.Schema):
        return _SCHEMA + _write_arrow(pa, value.empty_table())
    return None


def decode_arrow(payload: bytes) -> Any:
    """The pyarrow value."""
    import pyarrow as pa  # only when such a value is read

    head, table = payload[:1], pa.ipc.open_stream(pa.py_buffer(payload)[1:]).read_all()
    if head == _TABLE:
        return table
    if head == _SCHEMA:
        return table.schema
    if head == _BATCH:
        return (table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)])[0]
    column = table.column(0)
    if head == _SCALAR:
        return column[0]
    if head == _CHUNKED:
        return column
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], column.type)])


def encode_polars(value: Any) -> bytes | None:
    """The payload of a polars DataFrame or Series; None for anything else. Raises ValueFault for Object columns."""
    import polars as pl  # loaded already: the value is one of its

    if not isinstance(value, pl.DataFrame | pl.Series):
        return None
    head, frame = (_SERIES, value.to_frame()) if isinstance(value, pl.Series) else (_FRAME, value)
    objects = [name for name, dtype in frame.schema.items() if dtype == pl.Object]
    if objects:
        raise ValueFault(f"polars columns of dtype Object cannot be stored: {', '.join(objects)}; cast them")
    out = io.BytesIO()
    out.write(head)
    frame.write_ipc_stream(out)
    return out.getvalue()


def decode_polars(payload: bytes) -> Any:
    """The polars value."""
    import polars as pl  # only when such a value is read

    frame = pl.read_ipc_stream(io.BytesIO(payload[1:]))
    return frame.to_series(0) if payload[:1] == _SERIES else frame


def texts(stream: bytes) -> list[bytes]:
    """The stretches of an Arrow stream that may hold text: of numbers only labels and metadata."""
    import pyarrow as pa  # loaded already: a value of its was just encoded

    schema = pa.ipc.open_stream(pa.py_buffer(stream)).schema
    types = pa.types
    numbers = (
        types.is_integer,
        types.is_floating,
        types.is_boolean,
        types.is_temporal,
        types.is_decimal,
        types.is_null,
    )
    if not all(any(kind(column) for kind in numbers) for column in schema.types):
        return [stream]
    return ["\n".join(schema.names).encode(), *(schema.metadata or {}).values()]


def _write_arrow(pa: Any, table: Any) -> bytes:
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return bytes(out.getvalue())
