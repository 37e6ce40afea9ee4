"""The one table of verbs: `%wf VERB` and `wfkit VERB` parse the same arguments and call the same method of `Workflow`.

What a verb does stands in `workflow`; how its answer is shown stands in `notebook` and `cli`. Nothing is executed here.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NoReturn

from wfkit.errors import UsageFault


class Where(StrEnum):
    """Where a verb can be used."""

    NOTEBOOK = "notebook"
    SHELL = "shell"
    BOTH = "both"


class Shape(StrEnum):
    """How many words an argument takes."""

    ONE = "one"
    OPTIONAL = "optional"
    MANY = "many"
    REST = "rest"
    SWITCH = "switch"
    PAIRS = "pairs"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a verb; a name that begins with `-` is a flag.

    `names` says what its words are, for completion: node, view or setting. `least` is the smallest number allowed.
    """

    name: str
    help: str
    shape: Shape = Shape.ONE
    kind: type = str
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    names: str = ""
    least: int | None = None

    @property
    def keyword(self) -> str:
        """The name of the parameter that it fills."""
        return self.name.lstrip("-").replace("-", "_")


@dataclass(frozen=True, slots=True)
class Verb:
    """A thing that users ask wfkit to do. `method` of Workflow does it; None: the command line does it by itself.

    `needs_store` False: it can be done where nothing ever ran.
    """

    name: str
    summary: str
    arguments: tuple[Argument, ...] = ()
    where: Where = Where.BOTH
    method: str | None = None
    needs_store: bool = True

    def usable(self, where: Where) -> bool:
        """Whether it can be used in a notebook or a shell."""
        return self.where in {where, Where.BOTH}


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


VIEWS: Final = ("dag", "timeline", "cost", "latency", "lineage")

_TARGETS = Argument(
    "targets", "nodes to make; none: those that no other node needs", Shape.MANY, metavar="NODE", names="node"
)
_NODE = Argument("node", "name of a node", metavar="NODE", names="node")
_ITEM = Argument("--item", "one item of a mapped node, counted from 0", kind=int, metavar="N", least=0)
_JSON = Argument("--json", "end with one JSON object on the last line", Shape.SWITCH)
_PARAMS = Argument("-p", "set a name of the cell tagged `parameters`", Shape.PAIRS, metavar="NAME VALUE")

TABLE: Final[tuple[Verb, ...]] = (
    Verb(
        "run",
        "run what is not up to date, and bind the targets' values",
        (
            _TARGETS,
            Argument("--force", "run the bodies again; replies of models still come from the call log", Shape.SWITCH),
            Argument("--fresh-replies", "ask the models again and pay again", Shape.SWITCH),
            Argument("--quiet", "no display", Shape.SWITCH),
        ),
        Where.NOTEBOOK,
        "run",
    ),
    Verb(
        "run",
        "execute a notebook, save it and a report",
        (
            Argument("notebook", "the notebook to execute", metavar="FILE.ipynb"),
            _PARAMS,
            Argument("--out", "folder for the executed notebook and the report (default: wfkit-out)", metavar="DIR"),
            Argument("--timeout", "seconds that one cell may take (default: 3600)", kind=float, metavar="S"),
            _JSON,
        ),
        Where.SHELL,
    ),
    Verb(
        "demo",
        "execute the quickstart notebook in ./wfkit-demo; again costs nothing",
        (Argument("--fresh", "start over with an empty store", Shape.SWITCH), _PARAMS, _JSON),
        Where.SHELL,
    ),
    Verb("plan", "what would run, and why", (_TARGETS,), method="plan"),
    Verb("why", "why a node ran or did not, with what changed", (_NODE, _ITEM), method="why"),
    Verb(
        "show",
        "a picture of a run: dag, timeline, cost, latency, or the lineage of a value",
        (
            Argument(
                "view", "which picture (default: dag)", Shape.OPTIONAL, choices=VIEWS, metavar="VIEW", names="view"
            ),
            Argument("node", "for lineage: the node", Shape.OPTIONAL, metavar="NODE", names="node"),
            _ITEM,
            Argument("--run", "a run by its id (default: the newest)", metavar="RUN"),
        ),
        method="show",
    ),
    Verb("log", "what the body of a node printed and displayed", (_NODE, _ITEM), method="log"),
    Verb(
        "history",
        "the newest runs with time and cost",
        (Argument("--limit", "how many (default: 20)", kind=int, metavar="N", least=1),),
        method="history",
    ),
    Verb(
        "sql",
        "one read-only SELECT over the store",
        (Argument("query", "the statement", Shape.REST, metavar="SELECT ..."),),
        method="sql",
    ),
    Verb("forget", "serve no more what is kept of a node", (_NODE,), method="forget"),
    Verb(
        "config",
        "show the settings, or set one",
        (
            Argument("name", "a setting", Shape.OPTIONAL, metavar="NAME", names="setting"),
            Argument("value", "its new value", Shape.OPTIONAL, metavar="VALUE"),
        ),
        method="config",
        needs_store=False,
    ),
    Verb(
        "doctor",
        "check the store",
        (Argument("--rebuild", "make the database again from the journals", Shape.SWITCH),),
        method="doctor",
    ),
    Verb(
        "gc",
        "remove old runs and results that nothing needs; replies of models stay",
        (
            Argument("--older", "what was last used longer ago than this: 30d, 12h", metavar="AGE"),
            Argument("--keep-size", "the least recently used beyond this: 2GB, 500MB", metavar="SIZE"),
            Argument("--keep-runs", "so many of the newest runs stay (default: 10)", kind=int, metavar="N", least=0),
            Argument("--replies", "replies of collected runs go too and are paid again when needed", Shape.SWITCH),
            Argument("--dry-run", "only tell what would go", Shape.SWITCH),
        ),
        method="gc",
    ),
    Verb(
        "pin",
        "keep the results of a node in a run, whatever is collected",
        (
            Argument("node", "name of a node", Shape.OPTIONAL, metavar="NODE", names="node"),
            Argument("--run", "a run by its id (default: the newest that has some)", metavar="RUN"),
            Argument("--list", "show what is pinned", Shape.SWITCH),
            Argument("--drop", "take the pin away", Shape.SWITCH),
        ),
        method="pin",
    ),
    Verb(
        "store",
        "export the store to a file, or import such a file",
        (
            Argument("action", "export or import", choices=("export", "import"), metavar="export|import"),
            Argument("path", "the file", metavar="FILE"),
        ),
        method="archive",
        needs_store=False,
    ),
    Verb(
        "report",
        "write a one-file HTML report of the newest run",
        (Argument("path", "where (default: beside the store)", Shape.OPTIONAL, metavar="FILE.html"),),
        method="report",
    ),
)


def usable(where: Where) -> tuple[Verb, ...]:
    """The verbs of a notebook, or of a shell, in the order of the table."""
    return tuple(verb for verb in TABLE if verb.usable(where))


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
    verb = find(name, Where.NOTEBOOK)
    whole = any(argument.shape is Shape.REST for argument in verb.arguments)
    if whole and rest.strip() and rest.strip() not in {"-h", "--help"}:
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


def overview(where: Where) -> str:
    """All verbs with a line each."""
    verbs = usable(where)
    calls = [_usage(verb) for verb in verbs]
    width = max(map(len, calls))
    lines = [f"  {call.ljust(width)}  {verb.summary}" for call, verb in zip(calls, verbs, strict=True)]
    ending = f"{_prompt(where)} VERB --help says more."
    if where is Where.NOTEBOOK:
        ending += " %%wf_node NAME defines a node, %%wf_sql takes a SELECT as its cell."
    return "\n".join([*lines, ending])


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
    near = difflib.get_close_matches(word, list(known), 1)
    return f", did you mean {near[0]}?" if near else ""


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
