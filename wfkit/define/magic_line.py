"""The first line of a cell, cut into the node's name and its options.

What the options mean is not known here. Words after an option up to the next `--` are its value, so `--each review in
reviews` needs no quotes.
"""

from __future__ import annotations

import builtins
import keyword
import shlex
import unicodedata
from collections.abc import Iterator

from wfkit.define.option_values import is_name
from wfkit.errors import DefinitionError, OptionError

MAGIC = "%%wf_node"
# These were put among the builtins for the prompt of a shell; no node calls them.
HARMLESS = frozenset({"copyright", "credits", "license"})


def split_line(line: str) -> tuple[str, str]:
    """The node's name, checked, and the rest of the line. Raises DefinitionError."""
    parts = line.split(maxsplit=1)
    if not parts or parts[0].startswith("-"):
        raise DefinitionError(f"a node needs a name: {MAGIC} NAME [--option value ...]")
    return node_name(parts[0]), parts[1] if len(parts) > 1 else ""


def node_name(text: str) -> str:
    """The name of a node as Python sees it (NFKC). Raises DefinitionError unless a variable may be called so.

    A name of a builtin is refused: other nodes that call `sum(...)` would silently depend on a node called sum.
    """
    name = unicodedata.normalize("NFKC", text)
    if keyword.iskeyword(name):
        raise DefinitionError(f"{name!r} cannot be the name of a node: it is a word of Python; take {name}_, say")
    if not is_name(name):
        raise DefinitionError(
            f"{name!r} cannot be the name of a node: use letters, digits and underscores, as for a variable"
            f"{_fixed(name)}"
        )
    if name.startswith("__") or not name.strip("_"):
        raise DefinitionError(f"{name!r} cannot be the name of a node: Python and IPython use such names themselves")
    if hasattr(builtins, name) and name not in HARMLESS:
        raise DefinitionError(
            f"{name!r} cannot be the name of a node: Python's own `{name}` would be hidden from all other cells; "
            f"take {name}_ or a more telling name"
        )
    return name


def line_options(line: str) -> Iterator[tuple[str, str | None]]:
    """(name, value) of each option, in order; None for an option without a value. Raises OptionError."""
    name: str | None = None
    words: list[str] = []
    for word in _words(line):
        if word.startswith("--") and word != "--":
            if name is not None:
                yield name, " ".join(words) or None
            name, equals, value = word[2:].partition("=")
            words = [value] if equals and value else []
        elif name is None:
            raise OptionError(f"unexpected {word!r} (line 1): after the name come options like --retries 2")
        else:
            words.append(word)
    if name is not None:
        yield name, " ".join(words) or None


def _words(line: str) -> list[str]:
    if not any(letter in line for letter in "'\"\\"):
        return line.split()
    try:
        return shlex.split(line)
    except ValueError as error:
        problem = "a quote is not closed" if "quot" in str(error).lower() else "a backslash stands at the end"
        raise OptionError(
            f"{problem} (line 1): {line.strip()}\n"
            "put values with quotes on a line of their own, below: #| option: value"
        ) from None


def _fixed(name: str) -> str:
    better = "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in name).strip("_")
    return f", for example {better}" if better != name and is_name(better) else ""
