"""What a secret looks like: names of variables that hold one, and the shapes of known tokens. The one list of both.

Pure: texts and names come as arguments. Bytes are searched, because most of what is searched is bytes already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

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
REDACTED = "[redacted]"


def is_named(name: str) -> bool:
    """Whether a variable of this name holds a secret."""
    return bool(_NAMED.search(name))


def redact(text: str, variables: Mapping[str, str]) -> str:
    """The text of an error without values of variables that are named like secrets and without known shapes."""
    for name, value in variables.items():
        if len(value) >= LEAST and value in text and is_named(name):
            text = text.replace(value, REDACTED)
    for hint, _, shape in SHAPES:
        if hint.decode() in text:
            data = shape.sub(REDACTED.encode(), text.encode("utf-8", "surrogatepass"))
            text = data.decode("utf-8", "surrogatepass")
    return _QUOTED.sub(REDACTED, text)
