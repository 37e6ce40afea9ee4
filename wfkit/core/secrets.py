"""What a secret looks like: names of variables that hold one, and the shapes of known tokens. The one list of both.

Pure: texts and names come as arguments. Bytes are searched, because most of what is searched is bytes already.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

LEAST = 8  # bytes: a shorter value of a variable is no secret
_NAMED = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)S?(?:_|$)", re.IGNORECASE)
# What a token of a shape holds at least, which is looked for fast, its name, and its whole shape, which decides.
SHAPES = tuple(
    (hint, f"a token like {name}", re.compile(rb"(?<![A-Za-z0-9])" + shape))
    for hint, name, shape in (
        (b"sk-", "sk-…", rb"sk-[A-Za-z0-9_-]{20,}"),
        (b"ghp_", "ghp_…", rb"ghp_[A-Za-z0-9]{30,}"),
        (b"gho_", "gho_…", rb"gho_[A-Za-z0-9]{30,}"),
        (b"github_pat_", "github_pat_…", rb"github_pat_[A-Za-z0-9_]{30,}"),
        (b"AKIA", "AKIA…", rb"AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
        (b"AIza", "AIza…", rb"AIza[A-Za-z0-9_-]{30,}"),
        (b"gsk_", "gsk_…", rb"gsk_[A-Za-z0-9]{30,}"),
        (b"hf_", "hf_…", rb"hf_[A-Za-z0-9]{30,}"),
        (b"xai-", "xai-…", rb"xai-[A-Za-z0-9]{30,}"),
        (b"glpat-", "glpat-…", rb"glpat-[A-Za-z0-9_-]{20,}"),
        (b"xox", "xox…", rb"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
        (b"earer ", "Bearer …", rb"[Bb]earer +[A-Za-z0-9._~+/=-]{20,}"),
    )
)
# An error of a provider quotes what was sent to it, and often only a part: there, shorter pieces count as well.
_QUOTED = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|gho|github_pat|glpat|xox[abp])[-_][\w-]{8,}|\bAIza[\w-]{20,}"
    r"|(?<=[Bb]earer )\S{8,}|(?<=[?&]key=)[^&\s\"']{8,}"
)
# One of these is in what it matches: to look for all of them costs a hundredth of the search.
_QUOTES = ("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "xai", "hf-", "hf_", "ghp", "gho", "github_pat", "glpat", "xox",
           "AIza", "earer ", "key=")  # fmt: skip
REDACTED = "[redacted]"


def is_named(name: str) -> bool:
    """Whether a variable of this name holds a secret."""
    return bool(_NAMED.search(name))


# The beginning of a token whose end may still come.
_GROWS = re.compile(
    r"(?<![A-Za-z0-9])(?:sk-|gh[po]_|github_pat_|AKIA|AIza|gsk_|hf_|xai-|glpat-|xox|[Bb]earer +)[A-Za-z0-9._~+/=-]*$"
)


_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@lru_cache(maxsize=1024)
def spellings(secret: str) -> frozenset[bytes]:
    """A secret as it stands in texts: as it is, in a repr, and either within JSON, or JSON within JSON; in a page, or
    in an address."""
    texts = {secret, repr(secret)[1:-1]}
    for _ in range(2):
        texts |= {json.dumps(text, ensure_ascii=False)[1:-1] for text in texts}
    texts |= {html.escape(secret), html.escape(secret, quote=False)}
    said = secret.encode("utf-8", "surrogatepass")
    quoted = "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in said)  # RFC 3986, 2.1
    texts |= {quoted, quoted.replace("%20", "+")}
    return frozenset(text.encode("utf-8", "surrogatepass") for text in texts)


def named(variables: Mapping[str, str]) -> dict[bytes, str]:
    """Every spelling of the values of variables that are named like secrets, with the name."""
    found: dict[bytes, str] = {}
    for name, value in variables.items():
        if is_named(name) and len(value.encode("utf-8", "surrogatepass")) >= LEAST:
            found |= dict.fromkeys(spellings(value), name)
    return found


def replaced(data: bytes, known: Mapping[bytes, str], gone: Callable[[str, int], bytes]) -> bytes:
    """The bytes without secrets: those of `known` (and their names) and those of known shapes. What overlaps goes as
    one, so that nothing of either stays; `gone` gives what stands for one, by its name and length."""
    spans = [(at, at + len(secret), name) for secret, name in known.items() for at in _places(data, secret)]
    for hint, name, shape in SHAPES:
        if hint in data:
            spans += [(*match.span(), name) for match in shape.finditer(data)]
    parts, end = [], 0
    for start, stop, name in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= end:
            parts += [data[end:start], gone(name, stop - start)]
        end = max(end, stop)
    return b"".join([*parts, data[end:]]) if spans else data


def _places(data: bytes, secret: bytes) -> Iterator[int]:
    at = data.find(secret)
    while at >= 0:
        yield at
        at = data.find(secret, at + 1)


def redact(text: str, variables: Mapping[str, str]) -> str:
    """The text of an error without values of variables that are named like secrets and without known shapes."""
    data = text.encode("utf-8", "surrogatepass")
    cleaned = replaced(data, named(variables), lambda _name, _length: REDACTED.encode())
    told = text if cleaned is data else cleaned.decode("utf-8", "surrogatepass")
    return _QUOTED.sub(REDACTED, told) if any(quote in told for quote in _QUOTES) else told


def masked(text: str, variables: Mapping[str, str]) -> str:
    """The text with as many asterisks as a secret has bytes in its place, so that what stands behind it stays there."""
    data = text.encode("utf-8", "surrogatepass")
    return replaced(data, named(variables), lambda _name, length: b"*" * length).decode("utf-8", "surrogatepass")


def beginning(text: str, most: int, variables: Mapping[str, str]) -> str:
    """The first `most` characters of a text. One that is cut is redacted before: at the cut a piece of a secret would
    stay that nobody could find afterwards."""
    return text if len(text) <= most else redact(text, variables)[:most]


def settled(text: str, variables: Mapping[str, str]) -> str:
    """`redact` of a text that still grows, or was cut off: without an end that may be the beginning of a secret."""
    told = _GROWS.sub("", redact(text, variables))
    return told[: len(told) - max((_begun(told, secret) for secret in named(variables)), default=0)]


def _begun(text: str, secret: bytes) -> int:
    """How many characters at the end of the text are the beginning of a secret."""
    whole = secret.decode("utf-8", "surrogatepass")
    most = min(len(whole) - 1, len(text))
    return next((size for size in range(most, 0, -1) if text.endswith(whole[:size])), 0)
