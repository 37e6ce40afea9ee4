"""Provider's errors as data: waits in every spelling, and no key in any message."""

from __future__ import annotations

import pickle
import time
from typing import Any

import httpx
import pytest

from wfkit.core.secrets import redact
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.llm.failures import failure_of, refused, retry_after_s, too_late

NOW = 1_700_000_000.0


class ProviderError(Exception):
    """What litellm raises: a status, a text, a body, headers."""

    def __init__(self, status: int | None, text: str, **more: Any) -> None:
        super().__init__(text)
        self.status_code = status
        self.message = text
        vars(self).update(more)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry-After": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:30 GMT"}, 10.0),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:00 GMT"}, 0.0),
        ({"Retry-After": "Tue Nov 14 22:13:30 2023"}, 10.0),  # the old form: Greenwich too, wherever we are
        ({"Retry-After": "Tue, 14 Nov 2023 21:00:05 GMT", "Date": "Tue, 14 Nov 2023 21:00:00 GMT"}, 5.0),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:30 GMT", "date": "soon"}, 10.0),
        ({"Retry-After": "2", "Date": "Tue, 14 Nov 2023 21:00:00 GMT"}, 2.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"retry-after-ms": "1e400"}, None),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"Retry-After": "1e12"}, 86_400.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86_400.0),
    ],
)
def test_retry_after(headers: dict[str, str], wait: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds, milliseconds and dates are understood, nonsense is nothing, and nobody waits for longer than a day. A
    date is the server's: by its own clock where it tells that, whatever ours and our time zone say."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert retry_after_s(headers, NOW) == wait
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ProviderError(429, "Rate limit reached"), FailureKind.RATE_LIMITED),
        (ProviderError(429, "You exceeded your current quota"), FailureKind.QUOTA),
        (ProviderError(429, "x", body={"code": "insufficient_quota"}), FailureKind.QUOTA),
        (ProviderError(429, "GenerateRequestsPerDayPerProjectPerModel"), FailureKind.QUOTA),
        (ProviderError(400, "Your credit balance is too low"), FailureKind.QUOTA),
        (ProviderError(400, "violates our content policy"), FailureKind.REFUSED),
        (ProviderError(400, "bad"), FailureKind.INVALID_REQUEST),
        (ProviderError(507, "odd"), FailureKind.TRANSIENT),
        (OSError("connection reset"), FailureKind.TRANSIENT),
        (httpx.TooManyRedirects("in a circle"), FailureKind.INVALID_REQUEST),
        (TimeoutError(), FailureKind.TIMEOUT),
        (ZeroDivisionError("a bug"), FailureKind.EXCEPTION),
    ],
    ids=str,
)
def test_kinds(error: Exception, kind: FailureKind) -> None:
    """The kind follows status and code; what is no answer of a provider is an exception, told as it is."""
    assert failure_of(error, "m/x").kind is kind


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"detail": "no such model"}', "): no such model;"),
        (b'{"detail": [{"loc": ["body"], "msg": "gr\xc3\xb6\xc3\x9fer"}]}', '"msg": "größer"'),
        (b'{"error": {"message": "first"}, "detail": "second"}', "): first;"),
        (b"{}", "no reason given (HTTP 422)"),
    ],
)
def test_reasons_of_other_servers(body: bytes, told: str) -> None:
    """Why a request was refused is told as servers on FastAPI say it, too."""
    assert told in refused(422, {}, body, "m/x").message


def test_context_window() -> None:
    """A prompt that is too long says what to do about it."""
    assert "shorten" in failure_of(ProviderError(400, "maximum context length is 8192 tokens"), "m").message


def test_headers_of_the_error() -> None:
    """The wait is found where litellm puts it."""
    assert failure_of(ProviderError(429, "x", litellm_response_headers={"retry-after": "3"}), "m").retry_after_s == 3.0


def test_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a key of the environment nor anything that looks like one gets into a message."""
    monkeypatch.setenv("MY_SERVICE_TOKEN", "canary-canary")
    text = "Incorrect API key: sk-proj-abcdefgh12345678, canary-canary, Bearer abcdefghijkl, ?key=AIzaSyA1234567890"
    message = failure_of(ProviderError(401, text), "m").message
    for secret in ("abcdefgh", "canary", "AIza"):
        assert secret not in message
    assert redact("a short KEY stays", {"A_KEY": "short"}) == "a short KEY stays"


def test_travels() -> None:
    """A failure can be pickled, as litellm's exceptions cannot."""
    error = CallFailed(failure_of(ProviderError(500, "x"), "m"))
    assert pickle.loads(pickle.dumps(error)).failure == error.failure
    assert "2.5 s" in too_late("m", 2.5).message
