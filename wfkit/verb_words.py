"""Words as a verb with its arguments: what a `%wf` line or a command asks for, in the verbs of the table.

A wrong word gets one sentence with the nearest right one; help is a value. Nothing is executed here.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NoReturn

from wfkit.errors import UsageFault
from wfkit.verbs import TABLE, Argument, Shape, Verb, Where, usable

WIDTH: Final = 80  # what JupyterLab shows beside its margins
_HELP: Final = frozenset({"-h", "--help"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A verb with its arguments, as positional and named values of the method."""

    verb: Verb
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


class HelpShown(Exception):
    """Help was asked for; `text` is it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def find(name: str, where: Where) -> Verb:
    """A verb by its name. Raises UsageFault with the nearest name."""
    known = {verb.name: verb for verb in usable(where)}
    if name in known:
        return known[name]
    here = _prompt(where)
    elsewhere = next((verb for verb in TABLE if verb.name == name), None)
    if elsewhere is not None:
        raise UsageFault(f"`{name}` is for a {elsewhere.where}; `{here}` alone lists what works here")
    raise UsageFault(f"{here} has no verb {name!r}{_nearest(name, known)}; `{here}` alone lists all")


def read_line(line: str) -> Asked:
    """What a `%wf` line asks for. Raises UsageFault, or HelpShown."""
    name, rest = [*line.split(maxsplit=1), "", ""][:2]
    if name in _HELP:
        raise HelpShown(f"{overview(Where.NOTEBOOK)}\n")
    verb = find(name, Where.NOTEBOOK)
    whole = any(argument.shape is Shape.REST for argument in verb.arguments)
    if whole and rest.strip() and rest.strip() not in _HELP:
        return Asked(verb, (rest.strip(),))  # quotes and dashes belong to the statement
    return read(verb, split(rest), Where.NOTEBOOK)


def read(verb: Verb, words: Sequence[str], where: Where) -> Asked:
    """The arguments of a verb as values. Raises UsageFault, or HelpShown."""
    found = vars(_parser(verb, where).parse_intermixed_args(list(words)))
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for argument in verb.arguments:
        value = found[argument.keyword]
        if argument.shape is Shape.MANY:
            args.extend(value)
        elif argument.shape is Shape.REST:
            args.append(" ".join(value))
        elif value is not None:
            if argument.least is not None and value < argument.least:
                raise UsageFault(f"{_prompt(where)} {verb.name}: {argument.name} is at least {argument.least}")
            kwargs[argument.keyword] = value
    return Asked(verb, tuple(args), kwargs)


def split(text: str) -> list[str]:
    """Words as a shell would see them. Raises UsageFault for a quote without its partner."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageFault(f"a quote has no partner in: {text.strip()}") from error


def overview(where: Where, columns: int = WIDTH) -> str:
    """All verbs: what each does, its arguments below, no line wider than so many columns."""
    verbs = usable(where)
    width = max(len(verb.name) for verb in verbs)
    lines = [line for verb in verbs for line in _told(verb, width, min(columns, WIDTH))]
    endings = [f"{_prompt(where)} VERB --help says more."]
    if where is Where.NOTEBOOK:
        endings += ["%%wf_node NAME defines a node, %%wf_sql takes a SELECT as its cell."]
    return "\n".join([*lines, *endings])


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are UsageFault and whose help is a value: it never ends the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageFault(f"{self.prog}: {_plain(message, self)}; {self.format_usage().strip()}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:  # noqa: ARG002 - argparse's signature
        raise HelpShown(message or self.format_help())

    def print_help(self, file: Any = None) -> None:  # noqa: ARG002 - argparse's signature
        raise HelpShown(self.format_help())


def _parser(verb: Verb, where: Where) -> _Parser:
    parser = _Parser(
        f"{_prompt(where)} {verb.name}",
        usage=f"{_prompt(where)} {_usage(verb)}".replace("%", "%%"),
        description=verb.summary,
        allow_abbrev=False,
    )
    for argument in verb.arguments:
        parser.add_argument(argument.name, help=argument.help, **_shape(argument))
    return parser


def _shape(argument: Argument) -> dict[str, Any]:
    choices: dict[str, Any] = {"choices": argument.choices or None, "metavar": argument.metavar}
    match argument.shape:
        case Shape.SWITCH:
            return {"action": "store_true"}
        case Shape.PAIRS:
            return {"nargs": 2, "action": "append", "metavar": tuple((argument.metavar or "").split())}
        case Shape.MANY:
            return {"nargs": "*", "type": argument.kind} | choices
        case Shape.SOME:
            return {"action": "append", "metavar": argument.metavar}
        case Shape.REST:
            return {"nargs": "+"} | choices
        case Shape.OPTIONAL:
            return {"nargs": "?", "type": argument.kind} | choices
        case _:
            return {"type": argument.kind} | choices


def _plain(message: str, parser: argparse.ArgumentParser) -> str:
    """argparse's sentence, with the nearest word for one that does not exist."""
    if wrong := re.match(r"argument (\S+): invalid choice: '(.*?)' ", message):
        choices = next(
            (action.choices for action in parser._actions if wrong[1] in {action.dest, action.metavar}), None
        )
        known = [str(choice) for choice in choices or ()]
        return f"{wrong[1]} is one of {', '.join(known)}, not {wrong[2]!r}{_nearest(wrong[2], known)}"
    if wrong := re.match(r"argument (\S+): invalid (int|float) value: (.*)", message):
        return f"{wrong[1]} is a {'whole number' if wrong[2] == 'int' else 'number'}, not {wrong[3]}"
    if wrong := re.match(r"argument (\S+): expected (?:\d+|one) arguments?", message):
        action = next((action for action in parser._actions if wrong[1] in action.option_strings), None)
        metavar = action.metavar if action is not None else None
        return f"{wrong[1]} takes {metavar if isinstance(metavar, str) else ' '.join(metavar or ('a value',))}"
    if missing := re.match(r"the following arguments are required: (.*)", message):
        return f"{missing[1]} is missing"
    start = "unrecognized arguments: "
    if not message.startswith(start):
        return message
    flags = [flag for action in parser._actions for flag in action.option_strings]
    unknown = message.removeprefix(start)
    return f"unknown argument {unknown}{_nearest(unknown.split()[0], flags)}"


def _nearest(word: str, known: Iterable[str]) -> str:
    by_letters = {each.lstrip("-"): each for each in known}  # two dashes in common are no likeness
    near = difflib.get_close_matches(word.lstrip("-"), by_letters, 1)
    return f", did you mean {by_letters[near[0]]}?" if near else ""


def _told(verb: Verb, width: int, columns: int) -> list[str]:
    """What a verb does and its arguments, wrapped; a sign such as `[--limit N]` stays whole."""
    signs = " ".join(_sign(argument).replace(" ", "\0") for argument in verb.arguments)
    indent = " " * (width + 4)
    wrap = partial(textwrap.wrap, width=columns, subsequent_indent=indent, break_on_hyphens=False)
    lines = wrap(verb.summary, initial_indent=f"  {verb.name.ljust(width)}  ") + wrap(signs, initial_indent=indent)
    return [line.replace("\0", " ") for line in lines]


def _usage(verb: Verb) -> str:
    return " ".join([verb.name, *(_sign(argument) for argument in verb.arguments)])


def _sign(argument: Argument) -> str:
    what = argument.metavar or argument.name
    match argument.shape:
        case Shape.SWITCH:
            return f"[{argument.name}]"
        case Shape.MANY:
            return f"[{what} ...]"
        case Shape.OPTIONAL:
            return f"[{what}]"
        case Shape.PAIRS:
            return f"[{argument.name} {what}]"
        case _:
            return f"[{argument.name} {what}]" if argument.name.startswith("-") else what


def _prompt(where: Where) -> str:
    return "%wf" if where is Where.NOTEBOOK else "wfkit"
