"""What the tables say of how values were made, for many values at once: results, definitions, nodes of runs, calls.

Each kind is one query for a whole level of a lineage. How the parts become a tree is `lineage`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from wfkit.core.call import CallRecord
from wfkit.core.frozen import dataclass
from wfkit.core.result import Result
from wfkit.store.database.lookups import RESULT_COLUMNS, calls_by_digest, make_call, make_result

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A value may be that of many results. The one that is meant has the key that its task had in that run, or is of the
# older code that stood in for it; failing that it was made in that run, or is the newest.
_MAKERS = f"""
SELECT w.i, {RESULT_COLUMNS}, task, attempt
FROM results r JOIN (
    SELECT unnest($1::INTEGER[]) AS i, unnest($2::VARCHAR[]) AS in_run, unnest($3::VARCHAR[]) AS of_node,
        unnest($4::VARCHAR[]) AS of_digest, unnest($5::INTEGER[]) AS of_item
) w ON w.of_node = r.node AND w.of_digest = r.digest
LEFT JOIN (
    SELECT t.run_id AS in_run, n.name AS of_node, t.item AS of_item, t.key AS of_key, m.made_by, m.digest AS item_digest
    FROM tasks t JOIN nodes n ON n.run_id = t.run_id AND n.node = t.node
    LEFT JOIN map_items m ON m.run_id = t.run_id AND m.node = t.node AND m.item = t.item
    WHERE t.run_id IN (SELECT unnest($2::VARCHAR[])) AND n.name IN (SELECT unnest($3::VARCHAR[]))
) k ON k.in_run = w.in_run AND k.of_node = w.of_node AND k.of_item = w.of_item
QUALIFY row_number() OVER (
    PARTITION BY w.i ORDER BY coalesce(k.of_key = r.key OR k.made_by = r.definition, false) DESC,
    k.made_by IS NOT NULL AND coalesce(contains(r.inputs::VARCHAR, k.item_digest), false) DESC,
    r.run_id = w.in_run DESC, r.created_at DESC, r.epoch DESC, r.seq DESC
) = 1
"""  # noqa: S608 (our own column names)
_DEFINITIONS = """
SELECT node, definition, source FROM definitions_latest WHERE definition IN (SELECT unnest($1::VARCHAR[]))
"""
_NODES = """
SELECT n.run_id, n.name, n.kind, o.name, n.model, r.first, r.tasks
FROM nodes n LEFT JOIN nodes o ON o.run_id = n.run_id AND o.node = n.over
LEFT JOIN task_ranges r ON r.run_id = n.run_id AND r.node = n.node
WHERE n.run_id IN (SELECT unnest($1::VARCHAR[]))
"""
# Of the calls of an attempt the text of the first is read, and of the last valid one.
_CALLS = """
SELECT run_id, task, attempt, call_id, request_digest, verdict, response_model,
    CASE WHEN place <= $4 OR call_id = answer THEN record::VARCHAR END, escaped, served, place <= $4
FROM (
    SELECT c.*, row_number() OVER (PARTITION BY c.run_id, c.task, c.attempt ORDER BY c.epoch, c.seq) AS place,
        arg_max(c.call_id, c.epoch::BIGINT << 40 | c.seq) FILTER (c.verdict = 'valid' AND c.response_model IS NOT NULL)
            OVER (PARTITION BY c.run_id, c.task, c.attempt) AS answer
    FROM calls c JOIN (
        SELECT unnest($1::VARCHAR[]) AS run_id, unnest($2::INTEGER[]) AS task, unnest($3::INTEGER[]) AS attempt
    ) made ON made.run_id = c.run_id AND made.task = c.task AND made.attempt = c.attempt
    WHERE c.state = 'ended' AND coalesce(c.part, 0) = 0
) ORDER BY epoch, seq
"""
QUESTIONS = 20  # of an attempt that are told
_ITEMS = """
SELECT item, digest FROM tasks_latest WHERE run_id = $1 AND node = $2 AND digest IS NOT NULL ORDER BY task
"""
_TARGET = """
SELECT run_id, item, digest FROM tasks_latest
WHERE node = $1 AND digest IS NOT NULL AND ($2 IS NULL OR run_id = $2) AND ($3 IS NULL OR item = $3)
ORDER BY queued_at DESC, task LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A result, and the attempt of the task of the run that made it."""

    result: Result
    run_id: str
    task: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Spec:
    """A node within a run: `over` is the name of the node that it maps, `first` its first task."""

    kind: str
    over: str | None
    model: str | None
    first: int | None
    tasks: int


@dataclass(slots=True)
class Talk:
    """The calls of one attempt: the one that answered, how many only led there, how many there are, and the first of
    them, each with whether the call log served it."""

    call: CallRecord | None = None
    call_id: str | None = None
    answered_by: str | None = None
    rounds: int = 0
    asked: int = 0
    first: list[tuple[CallRecord | None, bool]] = field(default_factory=list)

    def hear(self, row: Sequence[Any], served: dict[str, list[Callable[[CallRecord], None]]]) -> None:
        """The next call. What the call log served stands where it was bought: who waits for it is put into `served`."""
        call_id, request, verdict, model, record, escaped, is_served, is_told = row
        call = make_call(record, escaped) if record is not None else None
        self.asked += 1
        if is_told:
            self.first.append((call, is_served))
            if is_served:
                served.setdefault(request, []).append(partial(self._take, len(self.first) - 1))
        if verdict != "valid" or model is None:
            self.rounds += 1
            return
        self.call, self.call_id, self.answered_by = call, call_id, model
        if is_served:
            served.setdefault(request, []).append(partial(self._answer, call_id))

    def _take(self, place: int, call: CallRecord) -> None:
        self.first[place] = (call, True)

    def _answer(self, call_id: str, call: CallRecord) -> None:
        if self.call_id == call_id:
            self.call = call


class Want(NamedTuple):
    """A value whose maker is looked for: of this node, as item `item` (0 for a node that is not mapped) of a run."""

    run_id: str
    node: str
    digest: str
    item: int


@dataclass(slots=True)
class Origins:
    """What was looked up so far: sources by node and definition, specs by run and node, talks by run and attempt."""

    cursor: DuckDBPyConnection
    sources: dict[tuple[str, str], str] = field(default_factory=dict)
    specs: dict[str, dict[str, Spec]] = field(default_factory=dict)
    talks: dict[tuple[str, int, int], Talk] = field(default_factory=dict)

    def target(self, node: str, item: int | None, run_id: str | None) -> tuple[str, int | None, str] | None:
        """(run, item, digest) of the newest value of a node, or of the one asked for."""
        found = self.cursor.execute(_TARGET, [node, run_id, item]).fetchall()
        return found[0] if found else None

    def items(self, run_id: str, node: str) -> list[tuple[int | None, str]]:
        """(item, digest) of the values that a node had in a run, in order."""
        return self.cursor.execute(_ITEMS, [run_id, node]).fetchall()

    def makers(self, wants: list[Want]) -> list[Made | None]:
        """How each of these values was made, with everything about it looked up; None where it is not known."""
        found: list[Made | None] = [None] * len(wants)
        if wants:
            columns = [
                list(range(len(wants))),
                *map(list, zip(*((w[0], w[1], w[2], w[3]) for w in wants), strict=True)),
            ]
            for i, *values, task, attempt in self.cursor.execute(_MAKERS, columns).fetchall():
                result = make_result(values)
                found[i] = Made(result, result.run_id, task, attempt)
        made = [each for each in found if each is not None]
        self.load_specs({each.run_id for each in made} | {want.run_id for want in wants})
        for node, definition, source in self._ask(_DEFINITIONS, {each.result.definition for each in made}):
            self.sources[node, definition] = source
        self._load_talks(made)
        return found

    def load_specs(self, run_ids: Iterable[str]) -> None:
        """Look up the nodes of these runs."""
        missing = [run_id for run_id in run_ids if run_id not in self.specs]
        self.specs.update((run_id, {}) for run_id in missing)
        for run_id, name, kind, over, model, first, tasks in self._ask(_NODES, missing):
            self.specs[run_id][name] = Spec(kind, over, model, first, tasks or 0)

    def _ask(self, query: str, names: Iterable[str]) -> list[Any]:
        wanted = list(names)
        return self.cursor.execute(query, [wanted]).fetchall() if wanted else []

    def _load_talks(self, made: list[Made]) -> None:
        made = [each for each in made if each.result.spent.calls or self._is_prompt(each)]
        if not made:
            return
        places = [[one.run_id for one in made], [one.task for one in made], [one.attempt for one in made]]
        served: dict[str, list[Callable[[CallRecord], None]]] = {}
        for run_id, task, attempt, *call in self.cursor.execute(_CALLS, [*places, QUESTIONS]).fetchall():
            self.talks.setdefault((run_id, task, attempt), Talk()).hear(call, served)
        for request, found in calls_by_digest(self.cursor, served).items() if served else ():
            for take in served[request]:
                take(found)

    def _is_prompt(self, made: Made) -> bool:
        spec = self.specs.get(made.run_id, {}).get(made.result.node)
        return spec is not None and spec.kind == "prompt"
