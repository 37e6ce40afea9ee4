"""Whether a piece of code asks models: seen by the names it uses, before it runs.

Only wfkit's own doors to models are known here. What such code will ask, nobody knows before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

_DOORS = frozenset({"ask", "embed"})


def asks_models(
    chains: Iterable[tuple[str, ...]], imports: Iterable[tuple[int, str, str]], namespace: Mapping[str, Any]
) -> bool:
    """Whether code with these names and imports calls `wfkit.ask` or `wfkit.embed`."""
    imported = [name for level, module, name in imports if not level and module.partition(".")[0] == "wfkit"]
    if _DOORS.intersection(imported):
        return True
    return any(_leads_there(chain, namespace.get(chain[0]), bool(imported)) for chain in chains)


def _leads_there(chain: tuple[str, ...], thing: Any, imports_wfkit: bool) -> bool:
    if isinstance(thing, ModuleType) or (thing is None and imports_wfkit):
        ours = thing is None or thing.__name__.partition(".")[0] == "wfkit"
        return ours and not _DOORS.isdisjoint(chain[1:])
    of = getattr(thing, "__module__", None) if callable(thing) else None
    return isinstance(of, str) and of.partition(".")[0] == "wfkit" and getattr(thing, "__name__", "") in _DOORS
