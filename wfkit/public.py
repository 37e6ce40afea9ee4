"""The public names of wfkit: `Workflow`, the one of this notebook or process, and the functions that work with it.

What a workflow does is in `workflow`, how a question is asked in the engine.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

from wfkit.artifact import File
from wfkit.define.prompt import prompt_node as prompt
from wfkit.engine.asking import asks
from wfkit.engine.asking.questions import Said, SaidOfTexts
from wfkit.keys import reads
from wfkit.keys.reads import env
from wfkit.llm import registry
from wfkit.store.disk import locate
from wfkit.workflow import Workflow, made, verification

if TYPE_CHECKING:
    from wfkit.views.bundle import View

__all__ = ["Workflow", "adapter", "ask", "current", "embed", "env", "file", "models", "node", "prompt"]
_current: list[Workflow] = []


def current() -> Workflow:
    """The workflow of this notebook or process: where `%%wf_node` and `@node` put their nodes."""
    if not _current:
        _current.append(Workflow("notebook"))
    return _current[0]


def ask(prompt: str | Sequence[tuple[str, str]], **said: Unpack[Said]) -> Any:
    """Ask a model: `await wfkit.ask("Is it spam? ...", schema=Label)`; `prompt` is a text or a list of (role, text).

    Gives a text, with `schema` a value of it, with `full` an object with `value`, `model`, `usage`, `cost_usd`. With
    `stream` its words: `async for word in ask(..., stream=True)`. Where nothing can be awaited `.result()` waits. Paid
    once: an equal question is answered from the call log; another `seed` makes it another. Options and their refusals
    (OptionError) as of prompts. Raises CallFailed when retries and fallbacks are used up.
    """
    return asks.ask(asks.here() or current().desk(), prompt, said)


def embed(texts: str | Iterable[str], **said: Unpack[SaidOfTexts]) -> Any:
    """Vectors: `await wfkit.embed(texts)`, a float32 array of a row a text (of one text: the row). Raises CallFailed.

    Paid once, text by text. Options: model (default openai/text-embedding-3-small; `offline` costs nothing and compares
    words), dimensions, batch (texts a request), retries, timeout, deadline (of all), max_usd (dollars), allow_unpriced.
    """
    return asks.embed(asks.here() or current().desk(), texts, said)


def file(path: str | os.PathLike[str]) -> File:
    """A file or folder as a value: a path that is used like any other, and counts by its content.

    Declares what a reader in C opens. A body that wrote the file and returns it has it kept, and brought back on a
    hit where it is missing or of an older result; such a file lies in the project.
    """
    return reads.file(path, locate(Path.cwd(), os.environ).parent)


def models(pattern: str | None = None, usable: bool = False, schema: bool = False, tools: bool = False) -> View:
    """What each known model can do and costs, and whether its key is set; `Workflow.models` of the current workflow."""
    return current().models(pattern, usable, schema, tools)


def adapter(prefix: str, answers: Any = None) -> Any:
    """Have models `prefix/...` answered by a function, or by an object with `ask(request)`; also a decorator.

    `ask` gets the request (`model`, `messages` with `role` and `content`, `params`, `schema`) and returns a text, or a
    dict with `text` and what is known of `model finish_reason input_tokens output_tokens cost_usd`. It may be async.
    An object may also have `supports(name)`, `capabilities(name)` and `models`. Raises UsageFault for a prefix that is
    a provider's or another adapter's.
    """
    if answers is None:
        return partial(adapter, prefix)
    registry.register(prefix, answers, str(sys._getframe(1).f_globals.get("__name__")))
    return answers


@overload
def node(function: Callable[..., Any], /) -> Callable[..., Any]: ...
@overload
def node(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
def node(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Decorator: make the function a node of the current workflow."""
    return current().node(function) if function is not None else current().node(**options)


def tell_standing() -> None:
    """How a fresh kernel ends a verification: it tells how the workflow that is verified stands."""
    verification().tell(current().here(), [workflow.here() for workflow in made if workflow.nodes])
