"""wfkit: LLM and data workflows in notebook cells, cached, priced and explained.

The public names, each loaded on first use; nothing else is public and everything else may move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wfkit.errors import CallFailed
    from wfkit.public import Workflow, adapter, ask, current, embed, env, file, models, node, prompt

__version__ = "0.1.0"
__all__ = [
    "CallFailed",
    "Workflow",
    "adapter",
    "ask",
    "current",
    "embed",
    "env",
    "file",
    "load_ipython_extension",
    "models",
    "node",
    "prompt",
]


def __getattr__(name: str) -> Any:
    if name == "CallFailed":
        import wfkit.errors  # loaded on first use: keeps `import wfkit` light

        return wfkit.errors.CallFailed
    if name in __all__:
        import wfkit.public  # loaded on first use: keeps `import wfkit` light

        return getattr(wfkit.public, name)
    raise AttributeError(f"module 'wfkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, which `dir` would miss until their first use, and those with two underscores."""
    return [*__all__, *(name for name in globals() if name.startswith("__"))]


def load_ipython_extension(shell: Any) -> None:
    """Register `%%wf_node`, `%wf` and `%%wf_sql` (called by `%load_ext wfkit`)."""
    from wfkit.notebook.magics import register  # loaded on first use: keeps `import wfkit` light

    register(shell)
