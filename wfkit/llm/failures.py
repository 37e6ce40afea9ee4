"""From a provider's exception to a Failure: what kind, which status, how long to wait, and a message without keys.

Exceptions of litellm neither pickle nor copy, and name the wrong status at times; none of them goes further.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from wfkit.core.call import NEVER_SENT, Failure
from wfkit.core.secrets import redact, settled
from wfkit.core.terms import FailureKind

_TRANSIENT = frozenset({408, 409, 425, 500, 502, 503, 504, 529})
_QUOTA = re.compile(
    r"insufficient_quota|credit[_ ]balance|billing_hard_limit|spend_limit|spending limit|exceeded your current quota"
    r"|PerDay|daily (?:quota|limit)|quota_exceeded|payment required",
    re.IGNORECASE,
)
_POLICY = re.compile(r"content[_ ]policy|content[_ ]filter|responsible ?ai|safety system", re.IGNORECASE)
_CONTEXT = re.compile(
    r"context[_ ]length|context window|maximum context|too many tokens|prompt is too long", re.IGNORECASE
)
_RATE = re.compile(r"rate[_ ]limit|too many requests|\b429\b", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:litellm\.)?(?:\w+(?:Error|Exception|Timeout)\s*:\s*)?(?:\w+Exception\s*-\s*)?")
_NAMES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
    503: "ServiceUnavailableError",
}
_STATUS = re.compile(r"[45]\d\d")  # an error's, as a number or in digits
_LONGEST = 600
_LARGEST = 1_000_000  # bytes of a body that are searched for secrets before the first characters are told
_LONGEST_WAIT_S = 86_400.0
_TAIL = 120  # characters of a cut stream that its failure tells
_HINTS = {
    FailureKind.RATE_LIMITED: "it asks for fewer requests: wait, or lower the concurrency",
    FailureKind.QUOTA: "no waiting helps: raise the limit or the balance at the provider, or choose another model",
    FailureKind.TRANSIENT: "the same request may succeed later",
    FailureKind.REFUSED: "its content rules stopped it: change the prompt or the model",
    FailureKind.INVALID_REQUEST: "the same request will fail again: change the prompt, the parameters or the model",
}


def failure_of(error: BaseException, model: str) -> Failure:
    """What went wrong, as data. `status` is the HTTP status that was sent, None where no answer came."""
    chain = list(_chain(error))
    names = {cls.__name__ for link in chain for cls in type(link).__mro__}
    status = _status(chain)
    text = _clean(_text(error, chain))
    kind = _kind(names, status, f"{text} {_codes(chain)}")
    if kind is FailureKind.EXCEPTION:
        return Failure(kind, type(error).__name__, f"{model}: {type(error).__name__}: {text}"[:_LONGEST])
    hint = _hint(kind, status, text)
    answered = f"answered {status}" if status else "gave no usable answer"
    message = f"{model} {answered} ({kind.value}): {text[:_LONGEST]}; {hint}"
    return Failure(kind, type(error).__name__, message, status, retry_after_s(_headers(chain), time.time()), hint=hint)


def refused(status: int, headers: Mapping[str, str], body: bytes, model: str) -> Failure:
    """The failure of a request that a server answered with an error status."""
    error = _error_of(body)
    codes = " ".join(str(error[key]) for key in ("code", "type", "status") if error.get(key))
    text = _clean(str(error.get("message") or "").strip() or f"no reason given (HTTP {status})")
    kind = _kind(set(), status, f"{text} {codes}")
    hint = _hint(kind, status, text)
    message = f"{model} answered {status} ({kind.value}): {text[:_LONGEST]}; {hint}"
    name = _NAMES.get(status, "InternalServerError" if status >= 500 else "APIStatusError")
    return Failure(kind, name, message, status, retry_after_s(headers, time.time()), hint=hint)


def unusable(error: BaseException, model: str) -> Failure:
    """The failure of a request whose answer could not be read: no JSON, or JSON of another protocol."""
    return _no_answer(f"the body of the answer cannot be read: {type(error).__name__}: {error}", "APIError", model)


def broken(error: BaseException, model: str, never_sent: bool = False) -> Failure:
    """The failure of a request whose connection could not be made (`never_sent`), or broke."""
    name = NEVER_SENT if never_sent else "APIConnectionError"
    return _no_answer(f"{type(error).__name__}: {error}".rstrip(": "), name, model)


def unsendable(error: BaseException, model: str) -> Failure:
    """The failure of a request that never left: its address is none, or its key cannot stand in a header."""
    hint = "look at OPENAI_BASE_URL (http://host/v1) and at OPENAI_API_KEY (no blanks, no line breaks)"
    message = f"{model} cannot be asked: {type(error).__name__}: {_clean(str(error))[:_LONGEST]}; {hint}"
    return Failure(FailureKind.INVALID_REQUEST, NEVER_SENT, message, hint=hint)


def cut(model: str, said: str, error: BaseException | None = None) -> Failure:
    """The failure of a stream that ended before it was whole; `said` is the text that had come."""
    why = "" if error is None else f" ({type(error).__name__}: {error})".replace(": )", ")")
    hint = f"{_HINTS[FailureKind.TRANSIENT]}; what came may be billed"
    message = f"the stream of {model} broke off without a finish reason{_clean(why)[:_LONGEST]} {_came(said)}; {hint}"
    return Failure(FailureKind.TRANSIENT, "StreamCut", message, hint=hint)


def told_in_stream(error: Mapping[str, Any], model: str, said: str) -> Failure:
    """The failure of a stream in which the server told an error, after `said`."""
    codes = " ".join(str(error[key]) for key in ("code", "type", "status") if error.get(key))
    text = _clean(str(error.get("message") or "").strip() or "no reason given")
    kind = _kind_told(f"{text} {codes}")
    hint = _hint(kind, None, text)
    message = f"{model} broke off its stream ({kind.value}) {_came(said)}: {text[:_LONGEST]}; {hint}"
    return Failure(kind, "StreamError", message, hint=hint)


def told_in_body(error: Any, model: str) -> Failure:
    """The failure of a request that a server answered with 200 and an `error`, as gateways do; its `code` may be the
    status that it got itself."""
    told = error if isinstance(error, dict) else {"message": str(error)}
    code = _STATUS.fullmatch(str(told.get("code")))
    if code is not None:
        return refused(int(code[0]), {}, json.dumps({"error": told}).encode(), model)
    codes = " ".join(str(told[key]) for key in ("code", "type", "status") if told.get(key))
    text = _clean(str(told.get("message") or "").strip() or "no reason given")
    kind = _kind_told(f"{text} {codes}")
    hint = _hint(kind, None, text)
    message = f"{model} answered with an error ({kind.value}): {text[:_LONGEST]}; {hint}"
    return Failure(kind, "ErrorReply", message, 200, hint=hint)


def _came(said: str) -> str:
    if not said:
        return "before anything was said"
    return f"after {len(said)} characters, which end: {settled(said, os.environ)[-_TAIL:]!r}"


def too_late(model: str, deadline_s: float, heard: int = 0) -> Failure:
    """The failure of a call that was not answered within its deadline; of a stream, `heard` characters had come."""
    hint = "raise the timeout, ask for less, or choose a faster model"
    so_far = f": {heard} characters had come" if heard else ""
    message = f"{model} did not answer within {deadline_s:g} s{so_far}; {hint}"
    return Failure(FailureKind.TIMEOUT, "TimeoutError", message, hint=hint)


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait: `retry-after-ms`, else `retry-after` in seconds or as an HTTP date (RFC 9110, 10.2.3).

    A date is held against the server's own clock, if it tells that (`date`), else against `now`. At most a day: who
    says more will be asked again after that. None where it is not said, or is no time.
    """
    lower = {name.lower(): str(value) for name, value in headers.items()}
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        wait_s = _wait_s(lower.get(name), unit, lower.get("date"), now)
        if wait_s is not None:
            return min(max(wait_s, 0.0), _LONGEST_WAIT_S)
    return None


def _wait_s(said: str | None, unit: float, date: str | None, now: float) -> float | None:
    if said is None:
        return None
    try:
        wait_s = float(said) * unit
    except ValueError:
        until, sent = _moment(said), _moment(date or "")
        return None if until is None else until - (now if sent is None else sent)
    return wait_s if math.isfinite(wait_s) else None


def _clean(text: str) -> str:
    return redact(text, os.environ)


def _no_answer(text: str, name: str, model: str) -> Failure:
    hint = _HINTS[FailureKind.TRANSIENT]
    message = f"{model} gave no usable answer ({FailureKind.TRANSIENT.value}): {_clean(text)[:_LONGEST]}; {hint}"
    return Failure(FailureKind.TRANSIENT, name, message, hint=hint)


def _error_of(body: bytes) -> dict[str, Any]:
    """The `error` object of a body; a body of another form is the message itself."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {"message": body[:_LARGEST].decode("utf-8", "replace")}
    error = data.get("error", data) if isinstance(data, dict) else data
    if not isinstance(error, dict):
        return {"message": str(error)}
    detail = error.get("detail")  # as servers on FastAPI tell it
    if detail and not error.get("message"):
        return {**error, "message": detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)}
    return error


def _kind(names: set[str], status: int | None, text: str) -> FailureKind:
    """The kind, by status first: litellm's classes are guessed from texts and are wrong for some statuses."""
    if _QUOTA.search(text) or status == 402:
        return FailureKind.QUOTA
    if status == 429:
        return FailureKind.RATE_LIMITED
    if "ContentPolicyViolationError" in names or (status == 400 and _POLICY.search(text)):
        return FailureKind.REFUSED
    if status in _TRANSIENT or (status is not None and status >= 500):
        return FailureKind.TRANSIENT
    if status is not None and 400 <= status < 500:
        return FailureKind.INVALID_REQUEST
    if "APITimeoutError" in names or "TimeoutException" in names or "TimeoutError" in names:
        return FailureKind.TIMEOUT
    if names & {
        "UnsupportedParamsError",
        "BadRequestError",
        "AuthenticationError",
        "NotFoundError",
        "TooManyRedirects",
    }:
        return FailureKind.INVALID_REQUEST
    if names & {
        "APIConnectionError",
        "InternalServerError",
        "APIError",
        "OSError",
        "TransportError",
        "JSONDecodeError",
    }:
        return FailureKind.TRANSIENT
    return FailureKind.EXCEPTION


def _kind_told(text: str) -> FailureKind:
    """The kind of an error that was told in words after the status had gone out."""
    if _QUOTA.search(text):
        return FailureKind.QUOTA
    if _RATE.search(text):
        return FailureKind.RATE_LIMITED
    return FailureKind.REFUSED if _POLICY.search(text) else FailureKind.TRANSIENT


def _hint(kind: FailureKind, status: int | None, text: str) -> str:
    if status in {401, 403}:
        return "check the API key and what it may use"
    if status == 404:
        return "check the name of the model and the base URL"
    if kind is FailureKind.INVALID_REQUEST and (status == 413 or _CONTEXT.search(text)):
        return "the prompt is too long for this model: shorten it, or choose one with a larger context"
    return _HINTS.get(kind, "")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what led to it, outermost first."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _status(chain: list[BaseException]) -> int | None:
    """The status of the HTTP response: the innermost one that a server sent, none that was made up on the way."""
    for link in reversed(chain):
        status = getattr(getattr(link, "response", None), "status_code", None)
        if isinstance(status, int) and status >= 400 and type(link).__module__.partition(".")[0] in {"openai", "httpx"}:
            return status
    if any(type(link).__name__ == "OpenAIError" for link in chain):
        return None  # the SDK saw no error status: the body or the connection was broken, and litellm made up a 500
    if any(cls.__name__ == "TransportError" for link in chain for cls in type(link).__mro__):
        return None  # the same of litellm's own client
    status = getattr(chain[0], "status_code", None)
    made_up = type(chain[0]).__name__ in {"APIConnectionError", "Timeout"}
    return status if isinstance(status, int) and status >= 400 and not made_up else None


def _headers(chain: list[BaseException]) -> Mapping[str, str]:
    for link in chain:
        for headers in (
            getattr(link, "litellm_response_headers", None),
            getattr(link, "headers", None),
            getattr(getattr(link, "response", None), "headers", None),
        ):
            if headers and any(str(name).lower().startswith("retry-after") for name in headers):
                return dict(headers)
    return {}


def _text(error: BaseException, chain: list[BaseException]) -> str:
    for link in chain:
        body = getattr(link, "body", None)
        if isinstance(body, dict) and isinstance(body.get("message"), str) and body["message"].strip():
            return str(body["message"]).strip()
    text = str(getattr(error, "message", "") or error).strip()
    return _PREFIX.sub("", _PREFIX.sub("", text)).strip() or type(error).__name__


def _codes(chain: list[BaseException]) -> str:
    """Machine-readable codes of the error body, where quota and policy are told apart."""
    bodies: list[Any] = [getattr(link, "body", None) for link in chain]
    found = [body.get(key) for body in bodies if isinstance(body, dict) for key in ("code", "type", "status")]
    return " ".join(str(code) for code in [*found, *(getattr(link, "code", "") for link in chain)] if code)


def _moment(date: str) -> float | None:
    """Unix seconds of an HTTP date, which is of Greenwich whether it says so or not; None for what is none."""
    from email.utils import mktime_tz, parsedate_tz  # 8 ms, and few providers send dates

    try:
        found = parsedate_tz(date)
        return None if found is None else float(mktime_tz((*found[:9], found[9] or 0)))
    except (ValueError, TypeError, OverflowError):
        return None
