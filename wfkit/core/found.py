"""Known results by task key: single ones as they are, those of maps in columns until somebody asks for one.

`plan.look_up` asks here for one task; `answered` tells for all items of a map at once. Nothing is read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property

from wfkit.core.columns import DIGEST, KnownItems, cut
from wfkit.core.frozen import dataclass
from wfkit.core.result import Known, Read


@dataclass(slots=True)
class Answers:
    """For task keys that are answered: the digest of the value, the seconds that it took, and the run of the newest."""

    digests: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    from_run: str | None = None


class Found(Mapping[str, Sequence[Known]]):
    """The results under each task key, newest first.

    `singles` are newest first, `columns` oldest first. A result made until `forgotten[key]` is left out.
    """

    def __init__(
        self,
        singles: Mapping[str, Sequence[Known]],
        columns: Sequence[KnownItems] = (),
        forgotten: Mapping[str, float] | None = None,
    ) -> None:
        self.singles = singles
        self.columns = columns
        self.forgotten = forgotten or {}
        self._asked = 0
        self._doubled: dict[str, set[str]] = {}  # by definition: which of its single results' keys are in columns too

    def __getitem__(self, key: str) -> Sequence[Known]:
        found = self.get(key)
        if not found:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return key in self.singles or bool(self.columns and self.get(str(key)))

    def get(self, key: str, default: Sequence[Known] = ()) -> Sequence[Known]:  # type: ignore[override]
        """The results under a key, or the default."""
        singles = self.singles.get(key)
        places = self._find(key) if self.columns and not self._is_single(singles) else ()
        if not places:
            return singles or default
        until = self.forgotten.get(key, _NEVER)
        columns = (self.columns[number].known(i) for number, i in places)
        served = [known for known in columns if known.created_at > until]
        return newest_first([*reversed(singles or ()), *served]) or default

    def __iter__(self) -> Iterator[str]:
        if not self.columns:
            return iter(self.singles)
        return (key for key in dict.fromkeys((*self.singles, *self._places)) if self.get(key))

    def __len__(self) -> int:
        return len(self.singles) if not self.columns else sum(1 for _ in self)

    def newest(self) -> Iterator[Known]:
        """The newest result of each node, and older ones."""
        for results in self.singles.values():
            yield results[0]
        last = {items.node: items for items in self.columns if len(items)}
        yield from (items.known(0) for items in last.values())

    def reads(self) -> Iterator[Read]:
        """What all results have read or made; the same thing may come again."""
        yield from (read for results in self.singles.values() for known in results for read in known.reads)
        yield from (read for items in self.columns for reads in items.reads for read in reads)

    def answered(self, definition: str, unchanged: Callable[[Read], bool], since: float) -> Answers:
        """What columns answer for one definition: results made after `since` whose reads all match.

        Keys with a single result or something forgotten are left out: `plan.look_up` decides those.
        """
        answers, whole = Answers(), True
        for items in self.columns:
            if items.definition != definition:
                continue
            if items.created_at < since:
                whole = False
                continue
            good = [all(map(unchanged, reads)) for reads in items.reads]
            whole = whole and all(good)
            _add(answers, items, good)
        doubled = self.singles.keys() & answers.digests.keys()
        if whole:
            self._doubled[definition] = doubled
        for key in doubled | (self.forgotten.keys() & answers.digests.keys()):
            del answers.digests[key]
        return answers

    def _is_single(self, singles: Sequence[Known] | None) -> bool:
        """Whether a key with single results is known to be in no column: a key belongs to one definition."""
        doubled = self._doubled.get(singles[0].definition) if singles else None
        return doubled is not None and singles is not None and singles[0].key not in doubled

    def _find(self, key: str) -> Sequence[tuple[int, int]]:
        """Where a key is in the columns. The first few are searched for: most plans ask for no more."""
        if self._asked > _FEW:
            return self._places.get(key, ())
        self._asked += 1
        found = ((number, items.keys.find(key)) for number, items in enumerate(self.columns))
        return [(number, at // DIGEST) for number, at in found if at >= 0 and at % DIGEST == 0]

    @cached_property
    def _places(self) -> dict[str, list[tuple[int, int]]]:
        """Where each key is in the columns."""
        places: dict[str, list[tuple[int, int]]] = {}
        for number, items in enumerate(self.columns):
            for i, key in enumerate(cut(items.keys)):
                places.setdefault(key, []).append((number, i))
        return places


def newest_first(found: Sequence[Known]) -> list[Known]:
    """Sorted, and each once: an entry can be in the database and not yet gone from the journals' tails."""
    once = {
        (item.digest, item.run_id, round(item.created_at * 1e6)): item for item in reversed(found)
    }  # the journal's last
    return sorted(once.values(), key=lambda item: item.created_at, reverse=True)


def _add(answers: Answers, items: KnownItems, good: list[bool]) -> None:
    keys, digests, seconds = cut(items.keys), cut(items.digests), items.run_s
    if all(good):
        answers.digests.update(zip(keys, digests, strict=True))
        answers.seconds.update(zip(keys, seconds, strict=True))
    else:
        which = items.read_of or (0,) * len(items)
        for key, digest, run_s, reads in zip(keys, digests, seconds, which, strict=True):
            if good[reads]:
                answers.digests[key] = digest
                answers.seconds[key] = run_s
    answers.from_run = items.run_id


_NEVER = float("-inf")
_FEW = 16
