"""Promises of `executors.capture`: what a body prints is kept with its own task, and nobody else's streams are touched.

Real threads, real loops, real streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from wfkit.core.result import Output
from wfkit.executors import capture as module
from wfkit.executors.capture import Captured, capture, display_hook, set_display

PATIENCE_S = 120.0


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """No front end, and no body that an earlier test gave up captures any more."""
    deadline = time.monotonic() + PATIENCE_S
    while module._active:
        assert time.monotonic() < deadline, "a body of an earlier test does not end"
        time.sleep(0.01)
    yield
    set_display(None)


def text(captured: Captured) -> str:
    return "".join(output.data for output in captured.outputs())


def test_streams_are_kept_in_order_and_told_apart() -> None:
    """stdout and stderr are kept in the order of writing; neighbours of one stream are one output."""
    with capture() as captured:
        print("a")
        print("b")
        print("c", file=sys.stderr)
        sys.stdout.writelines(["d", "e"])
    assert captured.outputs() == (
        Output("stdout", "text/plain", "a\nb\n"),
        Output("stderr", "text/plain", "c\n"),
        Output("stdout", "text/plain", "de"),
    )


def test_nothing_printed_is_nothing_kept() -> None:
    """A silent body leaves no outputs."""
    with capture() as captured:
        pass
    assert captured.outputs() == ()


def test_streams_are_as_before_when_nobody_captures() -> None:
    """The proxies go away with the last capture, also after an error."""
    before = sys.stdout, sys.stderr
    with pytest.raises(ZeroDivisionError), capture(), capture():
        raise ZeroDivisionError
    assert (sys.stdout, sys.stderr) == before


def test_a_nested_capture_keeps_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """The innermost capture of a context gets the text, the outer one goes on after it."""
    with capture() as outer:
        print("1")
        with capture() as inner:
            print("2")
        print("3")
    assert (text(outer), text(inner)) == ("1\n3\n", "2\n")
    assert capsys.readouterr().out == ""


def test_threads_do_not_mix() -> None:
    """Thirty-two tasks on eight threads print at once: each keeps exactly its own lines."""
    barrier = threading.Barrier(8)

    def body(number: int) -> str:
        with capture() as captured:
            for _ in range(20):
                print(number, end=" ")
            barrier.wait()
            print(number, file=sys.stderr)
        return text(captured)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(body, range(32)))
    assert found == [f"{number} " * 20 + f"{number}\n" for number in range(32)]


def test_coroutines_on_one_thread_do_not_mix() -> None:
    """Tasks of one loop that take turns keep their own lines: the buffer belongs to the context, not to the thread."""

    async def body(number: int) -> str:
        with capture() as captured:
            for _ in range(3):
                print(number)
                await asyncio.sleep(0)
        return text(captured)

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*map(body, range(5)))

    assert asyncio.run(all_of_them()) == [f"{number}\n" * 3 for number in range(5)]


def test_who_does_not_capture_is_not_disturbed(capsys: pytest.CaptureFixture[str]) -> None:
    """A thread outside any task prints as ever while another one captures."""
    with capture() as captured:
        thread = threading.Thread(target=print, args=("outside",))
        thread.start()
        thread.join()
    assert capsys.readouterr().out == "outside\n"
    assert text(captured) == ""


def test_a_thread_with_the_context_belongs_to_the_task() -> None:
    """A helper thread started with a copy of the context prints into its task."""
    with capture() as captured:
        thread = threading.Thread(target=copy_context().run, args=(print, "inside"))
        thread.start()
        thread.join()
    assert text(captured) == "inside\n"


def test_another_replacement_of_stdout_wins_and_is_put_back() -> None:
    """redirect_stdout in a body works, and one that was there before stays in place."""
    outside, inside = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(outside):
        with capture() as captured:
            with contextlib.redirect_stdout(inside):
                print("redirected")
            print("kept")
        print("shown")
        assert sys.stdout is outside
    assert (inside.getvalue(), text(captured), outside.getvalue()) == ("redirected\n", "kept\n", "shown\n")


def test_a_stream_that_was_replaced_meanwhile_stays() -> None:
    """The end of a capture does not undo what somebody else put in the place of the proxy."""
    before, other = sys.stdout, io.StringIO()
    try:
        with capture():
            sys.stdout = other
        assert sys.stdout is other
    finally:
        sys.stdout = before


def test_a_closed_or_missing_stream_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a process has no stdout (a service on Windows), bodies still run."""
    monkeypatch.setattr(sys, "stdout", None)
    with capture() as captured:
        print("nowhere")
        print("err", file=sys.stderr)
    assert text(captured) == "err\n"


def test_the_stream_below_answers_for_the_rest() -> None:
    """Everything but writing is asked of the real stream."""
    with capture():
        assert sys.stdout.encoding == sys.__stdout__.encoding if sys.__stdout__ else True
        assert sys.stdout.isatty() is False
        sys.stdout.flush()


def test_others_may_replace_write_meanwhile(capsys: pytest.CaptureFixture[str]) -> None:
    """IPython wraps `sys.stdout.write` around each cell, also while a body is still at work in the background."""
    seen: list[str] = []
    with capture() as captured:
        stream, original = sys.stdout, sys.stdout.write

        def wrapped(text: str) -> int:
            seen.append(text)
            return original(text)

        stream.write = wrapped
        print("mine", end="")
        outside = threading.Thread(target=print, args=("outside",), kwargs={"end": ""})
        outside.start()
        outside.join()
        stream.write = original
        outside = threading.Thread(target=print, args=(" again",), kwargs={"end": ""})
        outside.start()
        outside.join()
    assert (text(captured), "".join(seen), capsys.readouterr().out) == ("mine", "outside", "outside again")


def test_attributes_are_those_of_the_stream_below() -> None:
    """What is set on the proxy is set on the real stream."""
    other = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(other), capture():
        sys.stdout.mine = 1
    assert other.mine == 1


def test_a_write_of_bytes_is_refused() -> None:
    """As with a real text stream."""
    with capture(), pytest.raises(TypeError, match="must be str"):
        sys.stdout.write(b"x")


@pytest.mark.parametrize("letter", ["x", "é", "𝄞"])
def test_the_limit_is_in_bytes_and_is_told(letter: str) -> None:
    """No more than the limit is kept, whole characters only, and the last line says how much is missing."""
    with capture(1024) as captured:
        for _ in range(3000):
            sys.stdout.write(letter)
    *kept, marker = captured.outputs()
    assert len("".join(output.data for output in kept).encode()) <= 1024
    assert marker.stream == "stderr"
    size = len(letter.encode())
    assert f"{3000 * size - 1024 // size * size:,} more bytes" in marker.data


def test_a_secret_in_pieces_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of a secret that one stream tells with something of the other between them are masked; neighbours are one
    text, in which it is found like any other."""
    monkeypatch.setenv("MY_API_KEY", "canary-ß-0123456789")
    with capture() as captured:
        print("ä canary-ß-", end="")
        print("between", file=sys.stderr)
        print("01234", end="")
        print("56789 and more")
    stream = "stdout", "text/plain"
    assert captured.outputs() == (
        Output(*stream, "ä **********"), Output("stderr", "text/plain", "between\n"),
        Output(*stream, "********** and more\n"),
    )  # fmt: skip
    with capture() as captured:
        print("canary-ß-0123456789", end="")
        print("between", file=sys.stderr)
        print("canary")
    assert [output.data for output in captured.outputs()] == ["canary-ß-0123456789", "between\n", "canary\n"]


def test_displays_are_kept_with_their_task() -> None:
    """A display is kept form by form under one stream; without a capture the message passes."""
    message = {"msg_type": "display_data", "content": {"data": {"text/plain": "<F>", "image/png": "aGk="}}}
    assert display_hook(message) is message
    with capture() as captured:
        assert display_hook(message) is None
        assert display_hook({"msg_type": "clear_output", "content": {"wait": True}}) is None
        display_hook({"content": {"data": {"application/json": {"a": 1}}}})
    assert captured.outputs() == (
        Output("display:0", "text/plain", "<F>"),
        Output("display:0", "image/png", "aGk="),
        Output("display:1", "application/json", '{"a": 1}'),
    )


def test_a_display_that_is_too_large_keeps_its_small_forms() -> None:
    """A picture over the limit is left out, its text stays, and the marker says so."""
    with capture(1024) as captured:
        display_hook({"content": {"data": {"image/png": "x" * 5000, "text/plain": "<Figure>"}}})
    assert [output.mime for output in captured.outputs()] == ["text/plain", "text/plain"]
    assert "5,000 more bytes" in captured.outputs()[-1].data


def test_a_front_end_is_asked_once_a_thread() -> None:
    """The hook is registered on each thread that captures, once."""
    threads: list[int] = []
    set_display(lambda hook: threads.append(threading.get_ident()))

    def body() -> None:
        for _ in range(3):
            with capture():
                print()

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    body()
    assert len(threads) == len(set(threads)) == 2
    assert module._active == 0
