"""A plan of faults in a YAML file as a Behaviour: what users write for a drill of failure.

Strangers' data: read by safe_load, checked by pydantic, refused with file, key and what to do. Nothing is served here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from wfkit.errors import UsageFault
from wfkit.llm.provider.behaviour import Behaviour, Limits, Phase
from wfkit.llm.provider.exchange import fixed
from wfkit.llm.provider.faults import Faults, parse_script
from wfkit.llm.provider.latency import Latency, Lognormal, Uniform
from wfkit.llm.provider.wires import WIRES

_LARGEST = 1 << 20  # bytes of a plan
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
T = TypeVar("T")


def _seconds(value: Any) -> float:
    found = _SPAN.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(f"{value!r} is no span of time: write 30s, 250ms or 2m")
    return float(found[1]) * _UNITS[found[2]]


def _named(value: Any) -> Any:
    """YAML reads a fault such as 503 as a number."""
    return {str(key): rate for key, rate in value.items()} if isinstance(value, dict) else value


def _texts(value: Any) -> Any:
    return [str(each) for each in value] if isinstance(value, list) else value


Seconds = Annotated[float, BeforeValidator(_seconds)]
Rates = Annotated[dict[str, Annotated[float, Field(ge=0, le=1)]], BeforeValidator(_named)]
Count = Annotated[int, Field(gt=0, strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _LatencyPart(_Part):
    least: Seconds | None = None
    most: Seconds | None = None
    p50: Seconds | None = None
    p99: Seconds | None = None


Late = Annotated[_LatencyPart, BeforeValidator(lambda value: value if isinstance(value, dict) else _constant(value))]


class _PhasePart(_Part):
    at: Seconds = 0.0
    after_requests: Annotated[int, Field(ge=0, strict=True)] = 0
    for_: Seconds | None = Field(None, alias="for")
    outage: Annotated[str, BeforeValidator(str)] | None = None
    faults: Rates | None = None
    latency: Late | None = None


class _LimitsPart(_Part):
    requests_per_min: Count | None = None
    tokens_per_min: Count | None = None
    burst: Seconds = 10.0
    concurrency: Count | None = None
    quota_requests: Count | None = None
    quota_tokens: Count | None = None


class _Plan(_Part):
    seed: int = 0
    latency: Late | None = None
    per_token: Late | None = None
    chunk: Seconds = 0.0
    drip: Seconds = 0.5
    faults: Rates = {}
    wires: dict[str, Rates] = {}
    models: dict[str, Rates] = {}
    script: Annotated[list[str], BeforeValidator(_texts)] = []
    retry_after: Seconds | None = None
    phases: list[_PhasePart] = []
    limits: _LimitsPart = _LimitsPart()
    answer: str | None = None
    model: str | None = None
    cached_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    reasoning_tokens: Annotated[int, Field(ge=0)] = 0


def read_plan(path: Path) -> Behaviour:
    """The behaviour that a file describes. Raises UsageFault with the file, the key and what to do."""
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageFault(f"{path} is larger than {_LARGEST >> 20} MB: a plan of faults is a page at most")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageFault(f"cannot read the plan {path}: {error}") from error
    try:
        return behaviour_of(_loaded(text))
    except UsageFault as fault:
        raise UsageFault(f"{path}: {fault}") from fault


def behaviour_of(said: Any) -> Behaviour:
    """The behaviour that a mapping, as a plan has it, describes. Raises UsageFault with the key and what to do."""
    try:
        plan = _Plan.model_validate({} if said is None else said)
    except ValidationError as error:
        raise UsageFault("; ".join(_told(each) for each in error.errors()[:3])) from error
    if strange := set(plan.wires) - (known := {wire.NAME for wire in WIRES}):
        raise UsageFault(f"wires.{min(strange)}: no such wire; there are {', '.join(sorted(known))}")
    for key, parts in (("wires", plan.wires), ("models", plan.models)):
        for name, rates in parts.items():
            _at(f"{key}.{name}", partial(Faults, rates))
    script = _at("script", partial(parse_script, plan.script))
    faults = _at("faults", lambda: Faults(plan.faults, script, plan.retry_after, plan.seed, plan.wires, plan.models))
    return Behaviour(
        faults=faults,
        latency=_at("latency", lambda: _latency(plan.latency)),
        per_token=_at("per_token", lambda: _latency(plan.per_token)),
        chunk_s=plan.chunk,
        drip_s=plan.drip,
        phases=tuple(_at(f"phases.{place}", partial(_phase, each)) for place, each in enumerate(plan.phases)),
        limits=_at("limits", lambda: _limits(plan.limits)),
        answer=None if plan.answer is None else fixed(plan.answer),
        model=plan.model,
        cached_share=plan.cached_share,
        reasoning_tokens=plan.reasoning_tokens,
    )


def _loaded(text: str) -> Any:
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise UsageFault("references (*name) are not read: write the value where it belongs")
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise UsageFault(f"{where}this is no YAML: {getattr(error, 'problem', None) or error}") from error


def _constant(value: Any) -> dict[str, float]:
    return {"least": _seconds(value), "most": _seconds(value)}


def _latency(part: _LatencyPart | None) -> Latency | None:
    if part is None:
        return None
    match part.least, part.most, part.p50, part.p99:
        case float(least), float(most), None, None:
            return Uniform(least, most)
        case None, None, float(p50), float(p99):
            return Lognormal(p50, p99)
    raise UsageFault("give one time (100ms), or least and most, or p50 and p99")


def _phase(part: _PhasePart) -> Phase:
    return Phase(part.at, part.for_, part.outage, part.faults, _latency(part.latency), part.after_requests)


def _limits(part: _LimitsPart) -> Limits:
    return Limits(
        part.requests_per_min,
        part.tokens_per_min,
        part.burst,
        part.concurrency,
        part.quota_requests,
        part.quota_tokens,
    )


def _at(key: str, make: Callable[[], T]) -> T:
    """What is made, or a fault that names the key."""
    try:
        return make()
    except UsageFault as fault:
        raise UsageFault(f"{key}: {fault}") from fault


def _told(error: Any) -> str:
    """One complaint of pydantic in our words."""
    place = [str(each) for each in error["loc"]]
    key = ".".join(place) or "the plan"
    if error["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in _part(place).model_fields.items()]
        near = difflib.get_close_matches(place[-1], known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        return f"{key}: unknown key; {hint}"
    if error["type"] in {"model_type", "missing"} and not place:
        return "the plan is a mapping of keys, such as `faults: {500: 0.1}`"
    if error["type"] == "value_error":
        return f"{key}: {error['msg'].removeprefix('Value error, ')}"
    return f"{key}: {error['msg'][0].lower()}{error['msg'][1:]}, not {error['input']!r:.60}"


def _part(place: list[str]) -> type[BaseModel]:
    """The part of a plan that a place is in."""
    if len(place) > 1 and place[-2] in {"latency", "per_token"}:
        return _LatencyPart
    parts: dict[str, type[BaseModel]] = {"phases": _PhasePart, "limits": _LimitsPart}
    return parts.get(place[0], _Plan) if len(place) > 1 else _Plan
