"""What Tab offers on a `%%wf_node` line, in its `#|` lines and after `%wf`: options, their values, verbs, node names.

Reads the option table and the verb table; knows no option and no verb by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from types import FunctionType
from typing import Any, Final

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult

from wfkit.define.options import BY_NAME, TABLE
from wfkit.settings import Settings
from wfkit.verbs import Argument, Verb, Where, usable

NODE_MAGIC: Final = "%%wf_node"
VERB_MAGIC: Final = "%wf"
_MARK: Final = "#|"
_PLACES: Final = {"needs", "ignore"}


@dataclass(frozen=True, slots=True)
class Names:
    """Where names come from, asked anew each time: the nodes, and the notebook's variables."""

    nodes: Callable[[], Iterable[str]]
    variables: Mapping[str, Any]


def match(context: CompletionContext, names: Names) -> SimpleMatcherResult:
    """A matcher of IPython's second interface. Outside of our own lines it has no opinion and lets others speak."""
    found, fragment = complete(context.full_text, context.cursor_line, context.text_until_cursor, names)
    if found is None:
        return {"completions": [], "suppress": False}
    matching = [SimpleCompletion(text, type="param") for text in found if text.startswith(fragment)]
    return {"completions": matching, "suppress": True, "matched_fragment": fragment, "ordered": True}


def complete(text: str, line: int, before: str, names: Names) -> tuple[list[str] | None, str]:
    """What fits at the cursor (None: this is no line of ours), and the word that is being typed.

    `text` is the whole cell, `line` the cursor's line from 0, `before` that line up to the cursor.
    """
    fragment = "" if before[-1:].isspace() else (before.split() or [""])[-1]
    words = before[: len(before) - len(fragment)].split()
    if words[:1] == [VERB_MAGIC]:
        return _verb_words(words[1:], fragment, names), fragment
    if not text.startswith(NODE_MAGIC):
        return None, fragment
    if line == 0 and words[:1] == [NODE_MAGIC]:
        return _option_words(words[1:], fragment, names), fragment
    if before.startswith(_MARK):
        return _directive_words(before[len(_MARK) :], fragment, names), fragment
    return None, fragment


def _option_words(words: list[str], fragment: str, names: Names) -> list[str]:
    """The magic line: first a name, then `--option value`."""
    if not words:
        return sorted(names.nodes())
    if not fragment.startswith("-") and words[-1].startswith("--"):
        return _values(words[-1][2:], names)
    if len(words) > 1 and words[-1] == "in":
        return sorted(names.nodes())
    given = {word for word in words if word.startswith("--")}
    return [option for option in (f"--{option.name}" for option in TABLE) if option not in given]


def _directive_words(text: str, fragment: str, names: Names) -> list[str]:
    """A `#|` line: an option's name, or after the colon its value."""
    name, colon, value = text.partition(":")
    if not colon:
        return [f"{option.name}: " for option in TABLE]
    if name.strip() == "each" and " in " not in f"{value} ":
        return []
    if name.strip() == "each" and not value.rstrip().endswith("in") and not fragment:
        return []
    return sorted(names.nodes()) if name.strip() == "each" else _values(name.strip(), names)


def _values(option: str, names: Names) -> list[str]:
    if option in _PLACES:
        return sorted(names.nodes())
    if option == "schema":
        return sorted(name for name, value in names.variables.items() if _is_schema(value))
    if option == "tools":
        return sorted(name for name, value in names.variables.items() if isinstance(value, FunctionType))
    known = BY_NAME.get(option.replace("-", "_"))
    return list(known.choices) if known else []


def _is_schema(value: Any) -> bool:
    return isinstance(value, type) and hasattr(value, "model_json_schema")


def _verb_words(words: list[str], fragment: str, names: Names) -> list[str]:
    """After `%wf`: a verb, then its arguments and flags."""
    verbs = {verb.name: verb for verb in usable(Where.NOTEBOOK)}
    if not words:
        return list(verbs)
    verb = verbs.get(words[0])
    if verb is None:
        return []
    if fragment.startswith("-"):
        return [one.name for one in verb.arguments if one.name.startswith("-") and one.name not in words]
    return _argument_words(verb, words[1:], names)


def _argument_words(verb: Verb, words: list[str], names: Names) -> list[str]:
    places = [one for one in verb.arguments if not one.name.startswith("-")]
    if not places:
        return []
    done = len([word for word in words if not word.startswith("-")])
    return [word for word in _known(places[min(done, len(places) - 1)], names) if word not in words]


def _known(argument: Argument, names: Names) -> list[str]:
    match argument.names:
        case "node":
            return sorted(names.nodes())
        case "view":
            return list(argument.choices)
        case "setting":
            return [field.name for field in fields(Settings)]
        case _:
            return []
