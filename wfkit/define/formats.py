"""The formats of JSON Schema that are checked: dates and times, addresses, identifiers.

Those that are not here (`regex`, `iri`, a word of one's own) are notes for the reader, as JSON Schema has it. All are
linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME: Final = re.compile(r"\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


def _date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))


def _time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None and time.fromisoformat(_six(text)) is not None


def _date_time(text: str) -> bool:
    day, at, rest = text[:10], text[10:11], text[11:]
    known = _DATE.fullmatch(day) and at in ("T", "t", " ") and _TIME.fullmatch(rest)
    return bool(known) and datetime.fromisoformat(f"{day}T{_six(rest)}") is not None


def _six(text: str) -> str:
    """A time with at most six digits of a second, as Python reads it."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text.upper())


def _uri(text: str) -> bool:
    return bool(urlsplit(text).scheme) and not re.search(r"[\s<>\"{}|\\^`]", text)


def _checked(test: Callable[[str], object]) -> Callable[[Any], bool]:
    """The test for texts; what is no text has no format."""

    def check(value: Any) -> bool:
        if not isinstance(value, str):
            return True
        try:
            return bool(test(value))
        except ValueError:
            return False

    return check


FORMATS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "date": _checked(_date),
    "time": _checked(_time),
    "date-time": _checked(_date_time),
    "email": _checked(_EMAIL.fullmatch),
    "ipv4": _checked(lambda text: IPv4Address(text) is not None),
    "ipv6": _checked(lambda text: IPv6Address(text) is not None),
    "uuid": _checked(lambda text: len(text) == 36 and UUID(text) is not None),
    "uri": _checked(_uri),
}
