"""The one table of verbs: `%wf VERB` and `wfkit VERB` parse the same arguments and call the same method of `Workflow`.

What a verb does stands in `workflow`, how words become a verb with its arguments in `verb_words`. Nothing is executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


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
    SOME = "some"


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


VIEWS: Final = ("dag", "timeline", "cost", "latency", "guards", "lineage")

_TARGETS = Argument(
    "targets", "nodes to make; none: those that no other node needs", Shape.MANY, metavar="NODE", names="node"
)
_NODE = Argument("node", "name of a node", metavar="NODE", names="node")
_ITEM = Argument("--item", "one item of a mapped node, counted from 0", kind=int, metavar="N", least=0)
_VERIFY = (
    Argument("--rerun", "run its bodies again, too; may be said for several nodes", Shape.SOME, metavar="NODE"),
    Argument("--force", "run a sample of all Python bodies again, three tasks a node", Shape.SWITCH),
    Argument("--timeout", "seconds that one cell may take (default: 3600)", kind=float, metavar="S"),
)
_MAX_USD = Argument(
    "--max-usd", "refuse (exit 4) what may cost more, or nobody knows how much", kind=float, metavar="X", least=0
)
_CASSETTE = (
    Argument("--record", "keep requests to models and their replies in a cassette", metavar="FILE"),
    Argument("--replay", "answer requests from a cassette: no key, no network", metavar="FILE"),
    Argument("--replay-or-record", "answer from a cassette, ask and keep what is not on it", metavar="FILE"),
)
_OVERDUE = "; what is under way then has failed (exit 1), what is done and paid is kept"
_JSON = Argument("--json", "end with one JSON object on the last line", Shape.SWITCH)
_PARAMS = Argument("-p", "set a name of the cell tagged `parameters`", Shape.PAIRS, metavar="NAME VALUE")

_MODELS_ARE = "what each known model can do and costs, and whether its key is set"
_MODELS = (
    Argument("pattern", "part of a model's name, or a pattern with *", Shape.OPTIONAL, metavar="PATTERN"),
    Argument("--usable", "only those whose key is set", Shape.SWITCH),
    Argument("--schema", "only those that take a JSON Schema natively", Shape.SWITCH),
    Argument("--tools", "only those that call tools", Shape.SWITCH),
)

_QUERY = (
    "the statement, over runs_latest, tasks_latest, attempts_latest, calls_latest, costs, tool_calls, possibly_billed, "
    "guard_decisions and others; an unknown name is answered with all of them"
)
_AGAIN = (
    Argument("--force", "run the bodies again; replies of models still come from the call log", Shape.SWITCH),
    Argument(
        "--fresh-replies",
        "of what runs, ask the models again and pay again (with --force: of everything)",
        Shape.SWITCH,
    ),
)
_SCOPE = (
    Argument(
        "--limit", "of each map only the first so many items; the rest can be run later", kind=int, metavar="N", least=1
    ),
    Argument("--random", "with --limit: items that a seed picks, the same ones each time", Shape.SWITCH),
    Argument("--seed", "which items --random picks (default: 0)", kind=int, metavar="N"),
    Argument("--keep", "for this run, results of older code stand in where the new has none", Shape.SWITCH),
    Argument("--failed", "only what failed last time, and what needs it", Shape.SWITCH),
)

TABLE: Final[tuple[Verb, ...]] = (
    Verb(
        "run",
        "run what is not up to date, and bind the targets' values",
        (
            _TARGETS,
            *_AGAIN,
            _MAX_USD,
            Argument("--deadline", f"end the run after so long{_OVERDUE}", metavar="30s|2m"),
            *_CASSETTE,
            *_SCOPE,
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
            Argument("--deadline", f"end each run of it after so long{_OVERDUE}", metavar="30s|2m"),
            *_CASSETTE,
            *_SCOPE,
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
    Verb(
        "verify",
        "does a fresh kernel give the same? It runs all cells, buys nothing",
        (
            Argument("notebook", "its file (default: this notebook)", Shape.OPTIONAL, metavar="FILE.ipynb"),
            *_VERIFY,
        ),
        Where.NOTEBOOK,
        "verify",
    ),
    Verb(
        "verify",
        "does a fresh kernel give the same? It runs all cells, buys nothing",
        (
            Argument("notebook", "the notebook to verify; its file is only read", metavar="FILE.ipynb"),
            *_VERIFY,
            _PARAMS,
            _JSON,
        ),
        Where.SHELL,
    ),
    Verb(
        "plan", "what would run, why, and at what cost", (_TARGETS, *_AGAIN, *_SCOPE, _MAX_USD), Where.NOTEBOOK, "plan"
    ),
    Verb(
        "plan",
        "what a rerun would do, why, and at what cost",
        (
            Argument(
                "of", "a notebook, or the id of a run (default: newest)", Shape.OPTIONAL, metavar="NOTEBOOK_OR_RUN"
            ),
            _MAX_USD,
            Argument(
                "--json", "print one JSON object: what runs, and low, expected, high; null is unknown", Shape.SWITCH
            ),
        ),
        Where.SHELL,
        "plan",
    ),
    Verb("why", "why a node ran or did not, with what changed", (_NODE, _ITEM), method="why"),
    Verb(
        "show",
        "a picture of a run: dag, timeline, cost, latency, guards; a lineage",
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
        (Argument("query", _QUERY, Shape.REST, metavar="SELECT ..."),),
        method="sql",
    ),
    Verb(
        "models",
        _MODELS_ARE,
        _MODELS,
        Where.NOTEBOOK,
        "models",
        needs_store=False,
    ),
    Verb(
        "models",
        _MODELS_ARE,
        (*_MODELS, Argument("--json", "print one JSON object; null is unknown", Shape.SWITCH)),
        Where.SHELL,
        "models",
        needs_store=False,
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
        "remove old runs and results that nothing needs; paid replies stay",
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
        "provider",
        "a model provider on this machine that fails as a plan says",
        (
            Argument("--faults", "the plan, a YAML file (default: no faults)", metavar="PLAN.yaml"),
            Argument("--port", "where to listen (default: a free one)", kind=int, metavar="N", least=0),
            Argument("--effects", "append a JSON line for each request", metavar="FILE"),
            Argument("--answer", "always answer this (default: the offline model answers)", metavar="TEXT"),
            Argument("--seed", "other faults than those of the plan's own seed", kind=int, metavar="N"),
        ),
        Where.SHELL,
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
