"""Where events, results, replies and values are kept: journals are the truth, DuckDB is a projection of them.

Open a store with `disk.open_store(root)` or make a `memory.MemoryStore()`; both keep the promises of `core.promises`.
Nothing here knows what a workflow should do next.
"""
