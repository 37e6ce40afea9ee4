"""Results of the items of a map in columns: what a slice of items left behind, as a few long strings and tuples.

An object for each of 100,000 items would cost more than the items; one is made when somebody asks for it. Digests are
32 characters each, joined. Pure data; how columns are filled and where they are kept is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from wfkit.core.frozen import dataclass
from wfkit.core.result import Known, Output, Read, Result, Stored

DIGEST = 32
_PREVIEW = 500


def cut(joined: str) -> list[str]:
    """The digests in a joined column."""
    return [joined[at : at + DIGEST] for at in range(0, len(joined), DIGEST)]


@dataclass(frozen=True, slots=True)
class KnownItems:
    """What a plan needs to know of stored results of items of one node that may serve.

    `reads` are the distinct sets of reads; `read_of[i]` tells which one item i has. Empty, all have the only one, or
    none.
    """

    node: str
    definition: str
    run_id: str
    created_at: float
    keys: str
    digests: str
    run_s: tuple[float, ...]
    reads: tuple[tuple[Read, ...], ...] = ()
    read_of: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.keys) // DIGEST

    def known(self, i: int) -> Known:
        """What is known of item i."""
        at = slice(i * DIGEST, (i + 1) * DIGEST)
        key, digest = self.keys[at], self.digests[at]
        reads = _reads(self.reads, self.read_of, i)
        return Known(
            key, self.node, self.definition, digest, reads, self.created_at, self.run_id, self.run_s[i], Decimal(0)
        )

    def __iter__(self) -> Iterator[Known]:
        return map(self.known, range(len(self)))


@dataclass(frozen=True, slots=True)
class Items:
    """Results of items of one node, of a body that asked no model. Entry i of each column is of item i.

    `inputs` are the digests of the items, `item` the name that a body has them by, `shared` the (name, digest) pairs of
    its other inputs. `keys` is empty if they have none. `codecs` has one entry if all have the same. An item without an
    entry in `previews` (position, text) is told by the beginning of its inline payload. `reads` as in `KnownItems`.
    """

    node: str
    definition: str
    run_id: str
    created_at: float
    keys: str
    digests: str
    run_s: tuple[float, ...]
    item: str
    inputs: str
    payloads: str
    codecs: tuple[str, ...]
    sizes: tuple[int, ...]
    inlines: tuple[str | None, ...]
    shared: tuple[tuple[str, str], ...] = ()
    reads: tuple[tuple[Read, ...], ...] = ()
    read_of: tuple[int, ...] = ()
    outputs: tuple[tuple[int, tuple[Output, ...]], ...] = ()
    previews: tuple[tuple[int, str], ...] = ()
    cacheable: bool = True

    def __len__(self) -> int:
        return len(self.digests) // DIGEST

    def __iter__(self) -> Iterator[Result]:
        return map(self.result, range(len(self)))

    def digest(self, i: int) -> str:
        """The value digest of item i."""
        return self.digests[i * DIGEST : (i + 1) * DIGEST]

    def key(self, i: int) -> str:
        """The task key of item i; empty if it has none."""
        return self.keys[i * DIGEST : (i + 1) * DIGEST]

    def codec(self, i: int) -> str:
        """How the value of item i is encoded."""
        return self.codecs[0 if len(self.codecs) == 1 else i]

    def stored(self, i: int) -> Stored:
        """Where the value of item i is."""
        payload = self.payloads[i * DIGEST : (i + 1) * DIGEST]
        return Stored(self.digest(i), self.codec(i), payload, self.sizes[i], self.inlines[i])

    def result(self, i: int) -> Result:
        """The whole result of item i."""
        return Result(
            key=self.key(i),
            node=self.node,
            definition=self.definition,
            value=self.stored(i),
            reads=_reads(self.reads, self.read_of, i),
            inputs=(*self.shared, (self.item, self.inputs[i * DIGEST : (i + 1) * DIGEST])),
            preview=self.preview(i),
            outputs=dict(self.outputs).get(i, ()),
            run_s=self.run_s[i],
            cacheable=self.cacheable,
            run_id=self.run_id,
            created_at=self.created_at,
        )

    def preview(self, i: int) -> str:
        """A short text that tells what the value of item i is."""
        told = dict(self.previews).get(i) if self.previews else None
        return (self.inlines[i] or "")[:_PREVIEW] if told is None else told

    def known(self) -> KnownItems:
        """What a plan needs to know of these."""
        return KnownItems(
            self.node,
            self.definition,
            self.run_id,
            self.created_at,
            self.keys,
            self.digests,
            self.run_s,
            self.reads,
            self.read_of,
        )


def pick(items: Items, positions: Sequence[int]) -> Items:
    """These items alone, in this order."""
    new = {old: at for at, old in enumerate(positions)}

    def joined(column: str) -> str:
        return "".join(column[i * DIGEST : (i + 1) * DIGEST] for i in positions)

    return Items(
        node=items.node,
        definition=items.definition,
        run_id=items.run_id,
        created_at=items.created_at,
        keys=joined(items.keys),
        digests=joined(items.digests),
        run_s=tuple(items.run_s[i] for i in positions),
        item=items.item,
        inputs=joined(items.inputs),
        payloads=joined(items.payloads),
        codecs=items.codecs if len(items.codecs) == 1 else tuple(items.codecs[i] for i in positions),
        sizes=tuple(items.sizes[i] for i in positions),
        inlines=tuple(items.inlines[i] for i in positions),
        shared=items.shared,
        reads=items.reads,
        read_of=tuple(items.read_of[i] for i in positions) if items.read_of else (),
        outputs=tuple((new[i], output) for i, output in items.outputs if i in new),
        previews=tuple((new[i], text) for i, text in items.previews if i in new),
        cacheable=items.cacheable,
    )


def _reads(reads: tuple[tuple[Read, ...], ...], read_of: tuple[int, ...], i: int) -> tuple[Read, ...]:
    if not reads:
        return ()
    return reads[read_of[i] if read_of else 0]
