"""What is wrong with the questions of a plan, found before any is asked: a run that cannot end well does not begin.

Looks at what must be bought only; what is cached, or on the call log or a cassette, needs no key and no fitting model.
What is known of models is `llm.checks`; what only a call can tell is told there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from decimal import Decimal

from wfkit.core.call import Request
from wfkit.core.frozen import dataclass
from wfkit.core.policy import ModelPolicy
from wfkit.core.terms import OnError
from wfkit.engine.asking.line import params_of
from wfkit.engine.preparing.prepare import ReadyNode
from wfkit.errors import BudgetRefused, KeyMissing, ModelUnavailable, OptionError, TemplateError, WfkitError
from wfkit.llm import client, prices
from wfkit.llm.availability import check_model
from wfkit.llm.cassette import parse_mode
from wfkit.llm.checks import too_long, unfit
from wfkit.settings import Settings

_Limit = tuple[str, Decimal | None, int | None]  # whose budget, US dollars, tokens


@dataclass(slots=True)
class _Node:
    """What was found of one node: why it cannot be asked, prompts that are too long, and what one call costs at most
    (of the cheapest one)."""

    ready: ReadyNode
    error: WfkitError | None
    asked: int = 0
    long: list[str] = field(default_factory=list)
    usd: Decimal | None = None
    tokens: int | None = None
    priced: bool = True


class Refusing:
    """Takes in the requests of a plan, node by node, and tells what is wrong with them. `max_usd` is the run's own."""

    def __init__(self, settings: Settings, max_usd: float | None, cassette: str) -> None:
        self._settings, self._max_usd = settings, max_usd
        named = cassette or settings.cassette
        self._asks = settings.buy and (not named or parse_mode(named)[0] == "record")
        self._nodes: dict[str, _Node] = {}
        self.warnings: list[str] = []

    def node(self, ready: ReadyNode, answered_before: bool = False) -> None:
        """A node some of whose questions must be bought, or may have to be: then, `answered_before`, replies that are
        there may answer them all, and a missing key is no error."""
        policy = ready.model
        if policy is None or not self._asks or ready.node.name in self._nodes:
            return
        self._nodes[ready.node.name] = _Node(ready, self._error(ready.node.name, policy, answered_before))

    def request(self, ready: ReadyNode, request: Request) -> None:
        """A request that must be bought."""
        self.node(ready)
        found = self._nodes.get(ready.node.name)
        if found is None or found.error is not None or client.is_local(request.model):
            return
        found.asked += 1
        problem = too_long(request)
        if problem:
            found.long.append(problem)
        if found.priced and any(usd is not None or most is not None for _, usd, most in self._limits(found.ready)):
            usd, most = prices.worst_case(request)
            found.priced = usd is not None and most is not None
            found.usd = _less(found.usd, usd)
            found.tokens = most if found.tokens is None else min(found.tokens, most or 0)

    def problem(self, name: str) -> str | None:
        """What the plan says of a node, None if nothing is wrong."""
        found = self._nodes.get(name)
        if found is None:
            return None
        refusal = self._refusal(found)
        return str(refusal) if refusal is not None else _some_long(found) or None

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong, so that this need not be asked again."""
        return not self.warnings and all(self.problem(name) is None for name in self._nodes)

    def refuse(self) -> None:
        """Raises what is wrong with the first node that cannot end well; exit codes as of the error tree."""
        for found in self._nodes.values():
            refusal = self._refusal(found)
            if refusal is not None:
                raise refusal

    def _error(self, name: str, policy: ModelPolicy, answered_before: bool) -> WfkitError | None:
        """Why no model, or no request with these parameters, can be asked. A missing key of a fallback is a warning."""
        for model in (policy.model, *policy.fallback):
            if client.is_local(model):
                continue
            try:
                check_model(model)
            except KeyMissing as error:
                if model == policy.model and not answered_before:
                    return KeyMissing(f"node {name!r}: {error}")
                self.warnings.append(f"node {name!r}: {error}")
            except ModelUnavailable as error:
                return ModelUnavailable(f"node {name!r}: {error}")
            problem = unfit(model, dict(params_of(policy)), bool(policy.tools))
            if problem:
                return OptionError(f"node {name!r}: {problem}")
        return None

    def _refusal(self, found: _Node) -> WfkitError | None:
        if found.error is not None:
            return found.error
        name = found.ready.node.name
        stops = found.ready.over is None or found.ready.node.options.on_error is OnError.FAIL
        can_fall_back = bool(found.ready.model and found.ready.model.fallback)
        if found.long and stops and not can_fall_back:
            return TemplateError(f"node {name!r}: {_some_long(found)}")
        lacking = next(self._lacking(found), None)
        return None if lacking is None else BudgetRefused(f"node {name!r}: {lacking}")

    def _lacking(self, found: _Node) -> Iterator[str]:
        """Budgets that do not allow the cheapest of the calls."""
        if not found.asked or not found.priced:
            return
        for whose, usd, most in self._limits(found.ready):
            said = ""
            if usd is not None and found.usd is not None and found.usd > usd:
                said = f"it allows {_plain(usd)} US dollars, and one call may cost up to {_plain(found.usd)}"
            elif most is not None and found.tokens is not None and found.tokens > most:
                said = f"it allows {most:,} tokens, and one call may take up to {found.tokens:,}"
            if said:
                hint = "raise the budget, set a lower max_tokens, or choose a cheaper model"
                yield f"the budget of {whose} does not allow this call: {said}; {hint}"

    def _limits(self, ready: ReadyNode) -> tuple[_Limit, ...]:
        chosen = self._settings
        return (
            ("one call", _usd(chosen.max_usd_per_call), chosen.max_tokens_per_call),
            (f"node {ready.node.name!r}", _usd(ready.node.options.max_usd), None),
            ("the run", _usd(chosen.max_usd), chosen.max_tokens_per_run),
            ("the run", _usd(self._max_usd), None),
            ("today", _usd(chosen.max_usd_per_day), chosen.max_tokens_per_day),
        )


def _some_long(found: _Node) -> str:
    if not found.long:
        return ""
    return found.long[0] if found.asked == 1 else f"{len(found.long):,} of {found.asked:,} prompts: {found.long[0]}"


def _plain(usd: Decimal) -> str:
    """Without zeros at its end, and never as a power of ten."""
    return f"{usd.normalize():f}"


def _usd(amount: float | None) -> Decimal | None:
    return None if amount is None else Decimal(str(amount))


def _less(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if one is None else one if other is None else min(one, other)
