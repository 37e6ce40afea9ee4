"""Models that are known: what each can do, how much it reads and says, what it costs, whether its key is there.

Rows come sorted; of a key only the name of its variable is ever here. No chart: this is looked up, not compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wfkit.views import columns, numbers, pieces
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.markup import Markup

if TYPE_CHECKING:
    import pandas as pd

_LISTED: Final = 40
_LISTED_HTML: Final = 200


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model. `usable`: its key is there (None: it needs none that could be seen); `key` names the variables.

    Prices in US dollars for a million tokens. `source` is who says so."""

    model: str
    kind: str
    usable: bool | None
    key: str
    can: tuple[tuple[str, bool | None], ...]
    context_tokens: int | None
    max_output_tokens: int | None
    usd: tuple[tuple[str, float | None], ...]
    source: str


@dataclass(frozen=True, slots=True)
class Models(View):
    """Which model shall I ask? `keys` are the variables of providers that are set."""

    rows: tuple[ModelRow, ...]
    keys: tuple[str, ...] = ()

    def data(self) -> pd.DataFrame:
        """A row a model: model, kind, usable, key, schema, tools, vision, streaming, sampling, context_tokens,
        max_output_tokens, prices in US dollars for a million tokens (input_usd, output_usd, cached_usd,
        cache_written_usd, reasoning_usd, batch_input_usd, batch_output_usd), source. What is not known is empty."""
        return frame([tuple(each.values()) for each in map(_record, self.rows)], _COLUMNS)

    def object(self) -> dict[str, Any]:
        """The same as one JSON object; null is unknown."""
        return {"models": [_record(row) for row in self.rows], "keys": list(self.keys)}

    def fragment(self) -> Markup:
        """A sentence and the table: price and size beside the name; prices that no model tells are left out."""
        shown = self.rows[:_LISTED_HTML]
        further = [name for name in _PRICED[2:] if any(dict(row.usd)[name] is not None for row in shown)]
        heads = ("", "model", *_PRICED[:2], "reads", "says", *_ABLE, *further, "kind", "key")
        kinds = "--nnnn" + "-" * len(_ABLE) + "n" * len(further) + "--"
        cells = [
            (
                _mark(row.usable), pieces.code(row.model), *(_price(dict(row.usd)[name]) for name in _PRICED[:2]),
                numbers.tokens(row.context_tokens), numbers.tokens(row.max_output_tokens),
                *(_mark(able) for able in dict(row.can).values()),
                *(_price(dict(row.usd)[name]) for name in further), row.kind, row.key,
            )
            for row in shown
        ]  # fmt: skip
        table = pieces.table(heads, kinds, cells) if cells else None
        told = f"Prices are US dollars for a million tokens. {self._cut(_LISTED_HTML)}".strip() if cells else ""
        return pieces.stack(pieces.say(self._sentence()), table, pieces.note(told))

    def text(self) -> str:
        """A line a model, two for one whose name is long: a name can always be copied."""
        heads = ("", "model", "reads", "$/M in", "$/M out", "can")
        lines = [
            (
                _mark(row.usable), row.model, numbers.tokens(row.context_tokens),
                _price(dict(row.usd)["input"]), _price(dict(row.usd)["output"]), _abilities(row),
            )
            for row in self.rows[:_LISTED]
        ]  # fmt: skip
        grid = columns.grid(heads, lines, "<<>>><", whole=1) if lines else []
        cut = self._cut(_LISTED)
        return "\n".join([*columns.wrap(self._sentence()), *grid, *(columns.wrap(cut) if cut else [])])

    def _sentence(self) -> str:
        usable = sum(row.usable is True for row in self.rows)
        keys = f"keys that are set: {', '.join(self.keys)}" if self.keys else "no key of a provider is set"
        found = numbers.plural(len(self.rows), "model")
        unseen = "; not known: ?" if any(row.usable is None for row in self.rows) else ""
        return f"{found}, {numbers.count(usable)} can be asked now (✓{unseen}); {keys}."

    def _cut(self, most: int) -> str:
        return pieces.shown_of(min(most, len(self.rows)), len(self.rows), "models", "name a part of the model's name")


_ABLE: Final = ("schema", "tools", "vision", "streaming", "sampling")
_PRICED: Final = ("input", "output", "cached", "cache written", "reasoning", "batch input", "batch output")
_COLUMNS: Final = (
    "model", "kind", "usable", "key", *_ABLE, "context_tokens", "max_output_tokens",
    *(f"{name.replace(' ', '_')}_usd" for name in _PRICED), "source",
)  # fmt: skip


def _record(row: ModelRow) -> dict[str, Any]:
    able, usd = dict(row.can), dict(row.usd)
    values = (
        row.model, row.kind, row.usable, row.key, *(able[name] for name in _ABLE), row.context_tokens,
        row.max_output_tokens, *(usd[name] for name in _PRICED), row.source,
    )  # fmt: skip
    return dict(zip(_COLUMNS, values, strict=True))


def _mark(yes: bool | None) -> str:
    return numbers.UNKNOWN if yes is None else "✓" if yes else ""


def _price(usd: float | None) -> str:
    return numbers.money(usd)


def _abilities(row: ModelRow) -> str:
    able = dict(row.can)
    said = [name for name in ("schema", "tools", "vision") if able[name]]
    return " ".join([*(["embedding"] if row.kind == "embedding" else []), *said])
