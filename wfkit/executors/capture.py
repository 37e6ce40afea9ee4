"""What a body prints and displays, kept per task while others print at the same time.

While somebody captures, sys.stdout and sys.stderr are proxies that look at a ContextVar; then they go away again.
Nothing is ever swapped for one task alone: that would send its neighbours' lines to the wrong place. Displays come
through a hook that a front end installs.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import replace
from typing import Any, Final, Self, TypeVar

from wfkit.core.result import Output
from wfkit.core.secrets import masked, settled

T = TypeVar("T")
DisplayHook = Callable[[dict[str, Any]], dict[str, Any] | None]
_LIMIT_BYTES: Final = 64 * 1024
_WIDGET: Final = "application/vnd.jupyter.widget-view+json"

_set = object.__setattr__
_current: ContextVar[Captured | None] = ContextVar("wfkit_capture", default=None)
_thread = threading.local()
_lock = threading.Lock()
_active = 0
_register: Callable[[DisplayHook], None] | None = None


class Captured:
    """The output of one task, in order. Thread-safe: a body may print from threads that carry its context."""

    __slots__ = ("_dropped_bytes", "_left_bytes", "_limit_bytes", "_parts", "_shown", "_token")
    _token: Token[Captured | None] | None

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = self._left_bytes = limit_bytes
        self._dropped_bytes = 0
        self._shown = 0
        self._parts: list[tuple[str, str, str]] = []
        self._token = None

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        _prepare()
        return self

    def __exit__(self, *_: object) -> None:
        _uninstall()
        if self._token is not None:
            _current.reset(self._token)

    def write(self, stream: str, text: str) -> None:
        """Keep text of a stream, as long as there is room."""
        size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        if size <= self._left_bytes:
            self._left_bytes -= size
            self._parts.append((stream, "text/plain", text))
            return
        fits = text.encode("utf-8", "replace")[: self._left_bytes].decode("utf-8", "ignore")
        if fits:
            self._parts.append((stream, "text/plain", fits))
        self._left_bytes = 0
        self._dropped_bytes += size - len(fits.encode("utf-8", "replace"))

    def show(self, bundle: dict[str, Any]) -> None:
        """Keep the forms of one display that still have room; its parts share a stream named `display:N`."""
        stream = f"display:{self._shown}"
        self._shown += 1
        for mime, data in bundle.items():
            if mime == _WIDGET:
                continue  # means nothing without its kernel
            text = data if isinstance(data, str) else json.dumps(data)
            size = len(text.encode("utf-8", "replace"))
            if size <= self._left_bytes:
                self._left_bytes -= size
                self._parts.append((stream, mime, text))
            else:
                self._dropped_bytes += size

    def outputs(self) -> tuple[Output, ...]:
        """All that was kept, neighbours of one stream joined; a last line says how much was not kept."""
        if not self._parts and not self._dropped_bytes:
            return ()
        joined = _whole(_joined(self._parts))
        if self._dropped_bytes:  # the cut may be in the midst of a secret
            joined = [replace(out, data=settled(out.data, os.environ)) if _is_text(out) else out for out in joined]
            joined.append(Output("stderr", "text/plain", _marker(self._dropped_bytes, self._limit_bytes)))
        return tuple(joined)


def capture(limit_bytes: int = _LIMIT_BYTES) -> Captured:
    """A context manager: what is printed or displayed inside, in this context or a copy of it, is kept, not shown."""
    return Captured(limit_bytes)


@contextmanager
def capturing() -> Iterator[None]:
    """Inside, output of this thread can be captured item by item with `keep`."""
    _prepare()
    try:
        yield
    finally:
        _uninstall()


def keep(captured: Captured, body: Callable[..., T], *given: Any) -> T:
    """Run a body whose output goes to `captured`. For a context of its own that is thrown away afterwards, inside
    `capturing`."""
    _current.set(captured)
    return body(*given)


def set_display(register: Callable[[DisplayHook], None] | None) -> None:
    """How displays of a front end are intercepted: `register` is called with the hook, once a capturing thread."""
    global _register  # noqa: PLW0603 - one front end a process
    _register = register


def display_hook(message: dict[str, Any]) -> dict[str, Any] | None:
    """Keep a Jupyter display message if its task captures (None: it is used up), else pass it on."""
    captured = _current.get()
    if captured is None:
        return message
    data = message.get("content", {}).get("data")
    if data:
        captured.show(data)
    return None


class _Proxy:
    """Stands in for a standard stream: to the task's own buffer if there is one, else to the stream below.

    Others may replace its `write`, as IPython does around each cell. That holds for those who do not capture.
    """

    __slots__ = ("_below", "_name", "_replaced")

    def __init__(self, name: str, below: Any) -> None:
        _set(self, "_name", name)
        _set(self, "_below", below)
        _set(self, "_replaced", self._write)

    @property
    def write(self) -> Callable[[str], int]:
        return self._replaced if _current.get() is None else self._write

    @write.setter
    def write(self, replacement: Callable[[str], int]) -> None:
        _set(self, "_replaced", replacement)

    def _write(self, text: str) -> int:
        captured = _current.get()
        if captured is None:
            written: int = self._below.write(text)
            return written
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        captured.write(self._name, text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._below, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "write":
            _set(self, name, value)
        else:
            setattr(self._below, name, value)


_made: dict[str, _Proxy] = {}


def _prepare() -> None:
    if _register is not None and getattr(_thread, "hooked", None) is not _register:
        _hook_this_thread(_register)
    _install()


def _install() -> None:
    """Put the proxies in place, also over streams that somebody replaced since."""
    global _active  # noqa: PLW0603 - sys.stdout is global too
    with _lock:
        _active += 1
        out, err = sys.stdout, sys.stderr
        if type(out) is not _Proxy and out is not None:
            sys.stdout = _over("stdout", out)
        if type(err) is not _Proxy and err is not None:
            sys.stderr = _over("stderr", err)


def _over(name: str, below: Any) -> Any:
    """A proxy over this stream; the last one serves again if it can (made anew, it would double a capture's time)."""
    proxy = _made.get(name)
    if proxy is None or proxy._below is not below:
        proxy = _made[name] = _Proxy(name, below)
    return proxy


def _uninstall() -> None:
    """Take the proxies away when nobody captures; a stream that somebody else put on top stays."""
    global _active  # noqa: PLW0603 - sys.stdout is global too
    with _lock:
        _active -= 1
        if _active:
            return
        out: Any = sys.stdout
        err: Any = sys.stderr
        if type(out) is _Proxy:
            sys.stdout = out._below
        if type(err) is _Proxy:
            sys.stderr = err._below


def _hook_this_thread(register: Callable[[DisplayHook], None]) -> None:
    register(display_hook)
    _thread.hooked = register


def _joined(parts: Iterable[tuple[str, str, str]]) -> list[Output]:
    joined: list[Output] = []
    texts: list[str] = []
    before: tuple[str, str] | None = None
    for stream, mime, data in parts:
        if before is not None and (stream, mime) != before:
            joined.append(Output(*before, "".join(texts)))
            texts = []
        before = (stream, mime)
        texts.append(data)
    if before is not None:
        joined.append(Output(*before, "".join(texts)))
    return joined


def _whole(joined: list[Output]) -> list[Output]:
    """The outputs without secrets that one stream told in pieces, with something else between them: who redacts each
    output alone would not find them."""
    for stream in ("stdout", "stderr"):
        places = [at for at, out in enumerate(joined) if out.stream == stream]
        text = "".join(joined[at].data for at in places)
        if len(places) < 2 or (hidden := masked(text, os.environ)) == text:
            continue
        told, end = hidden.encode("utf-8", "surrogatepass"), 0
        for at in places:
            piece = joined[at].data
            start, end = end, end + len(piece.encode("utf-8", "surrogatepass"))
            left = told[start:end].decode("utf-8", "surrogatepass")
            if left != masked(piece, os.environ):  # what a piece holds whole is redacted like any other
                joined[at] = replace(joined[at], data=left)
    return joined


def _is_text(output: Output) -> bool:
    return output.mime == "text/plain" and not output.stream.startswith("display:")


def _marker(dropped_bytes: int, limit_bytes: int) -> str:
    return f"\n[{dropped_bytes:,} more bytes of output were not kept: the limit is {limit_bytes // 1024} KB a task]\n"
