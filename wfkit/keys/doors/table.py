"""Which doors there are, by module, and which readers in C have none.

A door is the narrowest place that all readers of a library pass with the path in hand: one for pyarrow and pandas, one
for Polars, the connection of DuckDB. Looks at a file (`Path.exists`) have doors too. What has none, code must not name
without naming its files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from wfkit.keys.doors.install import Porter, Told, hang, leads_past
from wfkit.keys.doors.told import (
    connected,
    environ_read,
    environ_whole,
    looked,
    named,
    opened_by_mode,
    queried,
    written,
)

_POLARS_WRITES = ("avro", "csv", "database", "delta", "excel", "ipc", "ipc_stream", "json", "ndjson", "parquet")
_POLARS_SINKS = ("batches", "csv", "ipc", "ndjson", "parquet")

DOORS: dict[str, dict[str, Told]] = {
    "pyarrow.util": {"_stringify_path": named(0)},
    "pyarrow._fs": {"tobytes": named(0)},
    "pyarrow": {"OSFile": opened_by_mode(0), "memory_map": opened_by_mode(0)},
    "pyarrow.parquet.core": {"ParquetWriter.__init__": written(1, "where")},
    "pyarrow.feather": {"write_feather": written(1, "dest")},
    "pyarrow.orc": {"ORCWriter.__init__": written(1, "where")},
    "pyarrow.dataset": {"write_dataset": written(1, "base_dir")},
    "polars._utils.various": {"normalize_filepath": named(0)},
    "polars.sql.context": {"SQLContext.execute": queried(1, "query")},
    "polars.dataframe.frame": {f"DataFrame.write_{kind}": written(1) for kind in _POLARS_WRITES},
    "polars.lazyframe.frame": {f"LazyFrame.sink_{kind}": written(1) for kind in _POLARS_SINKS},
    "_duckdb": {
        "DuckDBPyConnection._bind": queried(1),
        "DuckDBPyConnection._submit": queried(1),
        "DuckDBPyConnection._prepare_script": queried(1),
        "DuckDBPyConnection._create_view": queried(2),
        "DuckDBPyConnection.execute": queried(1, "query"),
        "DuckDBPyConnection.executemany": queried(1, "query"),
    },
    "duckdb": {
        "connect": connected(0, "database"),
        "execute": queried(0, "query"),
        "executemany": queried(0, "query"),
    },
    "h5py._hl.files": {"File.__init__": opened_by_mode(1, "name", "filename")},
    "tables.file": {"File.__init__": opened_by_mode(1, "filename")},
    "cv2": {"imread": named(0, "filename"), "imreadmulti": named(0, "filename"), "VideoCapture": named(0, "filename")},
    "lxml.etree": {"parse": named(0, "source"), "iterparse": named(0, "source")},
    "genericpath": {name: looked(0) for name in ("exists", "isfile", "isdir", "getsize", "getmtime")},
    "posixpath": {name: looked(0) for name in ("lexists", "islink")},
    "pathlib": {"Path.stat": looked(0), "Path.lstat": looked(0)},
    "os": {
        "_Environ.__getitem__": environ_read(1),
        "_Environ.__iter__": environ_whole,
        "_Environ.__len__": environ_whole,
        "_Environ.copy": environ_whole,
        "_Environ.__repr__": environ_whole,
    },
}

# Readers without a door, by package: code that names one of these must name its files too.
UNSEEN: dict[str, frozenset[str]] = {
    "fitz": frozenset({"open", "Document"}),
    "pymupdf": frozenset({"open", "Document"}),
    "pypdfium2": frozenset({"PdfDocument"}),
    "safetensors": frozenset({"safe_open", "load_file"}),
    "tokenizers": frozenset({"from_file"}),
    "sentencepiece": frozenset({"SentencePieceProcessor", "Load", "load"}),
    "netCDF4": frozenset({"Dataset", "MFDataset"}),
    "rasterio": frozenset({"open"}),
    "pyogrio": frozenset({"read_dataframe", "read_arrow"}),
    "fiona": frozenset({"open"}),
    "soundfile": frozenset({"read", "SoundFile"}),
    "pyreadstat": frozenset({"read_sas7bdat", "read_dta", "read_sav", "read_por", "read_xport"}),
    "xgboost": frozenset({"load_model", "DMatrix"}),
    "lightgbm": frozenset({"Booster", "Dataset"}),
    "catboost": frozenset({"load_model", "Pool"}),
    "faiss": frozenset({"read_index"}),
    "fasttext": frozenset({"load_model"}),
    "llama_cpp": frozenset({"Llama"}),
    "deltalake": frozenset({"DeltaTable"}),
    "fastexcel": frozenset({"read_excel"}),
    "python_calamine": frozenset({"load_workbook"}),
}
_OF_OS = frozenset({"stat", "lstat", "access", "readlink"})


def _loaded(module: ModuleType) -> None:
    absent.update(
        f"{module.__name__}.{path}" for path, told in DOORS[module.__name__].items() if not hang(module, path, told)
    )


absent: set[str] = set()  # doors that the installed versions do not have
_porter = Porter(tuple(DOORS), _loaded)


def open_doors() -> None:
    """Hang every door whose module is loaded, and those of the others when they are. Once for the process."""
    global _open  # noqa: PLW0603 - there is one process
    if not _open:
        _open = True
        _porter.stand()


_open = False


def unseen_readers(
    chains: Iterable[tuple[str, ...]], imports: Iterable[tuple[int, str, str]], namespace: Mapping[str, Any]
) -> set[str]:
    """Readers that one piece of code may call and no door sees: by the names it uses, what it imports, and the things
    that its names were bound to before there was a door.
    """
    used = [(chain, namespace.get(chain[0])) for chain in chains]
    found = {f"{chain[0]} (bound before it could be watched)" for chain, thing in used if leads_past(thing)}
    found |= {".".join(chain[:2]) for chain, _ in used if chain[0] == "os" and len(chain) > 1 and chain[1] in _OF_OS}
    tops = {name.partition(".")[0] for _, name, _ in imports}
    tops |= {str(getattr(thing, "__module__", "")).partition(".")[0] for _, thing in used if callable(thing)}
    tops |= {thing.__name__.partition(".")[0] for _, thing in used if isinstance(thing, ModuleType)}
    packages = tops & UNSEEN.keys()
    if packages:
        names = {part for chain, _ in used for part in chain} | {name for _, _, name in imports}
        found |= {f"{package}.{name}" for package in packages for name in UNSEEN[package] & names}
    return found
