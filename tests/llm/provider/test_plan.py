"""A plan of faults: a file becomes what it says, and a wrong one is refused with file, key and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rooms.source import ROOT
from wfkit.errors import UsageFault
from wfkit.llm.provider import Faults, Limits, Lognormal, Phase, Question, Uniform
from wfkit.llm.provider.plan import behaviour_of, read_plan

WRONG = [
    ("faults: {5xx: 0.1}", "faults: unknown fault '5xx': give an HTTP status"),
    ("faults: {500: 0.7, 429: 0.6}", "faults: rates of faults are"),
    ("faults: {500: lots}", "faults.500: input should be a valid number"),
    ("faults: {500: 7}", "faults.500: input should be less than or equal to 1, not 7"),
    ("latancy: 3", "latancy: unknown key; did you mean latency?"),
    ("latency: soon", "latency: 'soon' is no span of time: write 30s"),
    ("latency: {p50: 3s, p99: 1s}", "latency: p50 is above 0 and at most p99"),
    ("latency: {least: 3s, most: 1s}", "latency: a latency is between"),
    ("latency: {p50: 3s}", "latency: give one time"),
    ("latency: {p05: 3s}", "latency.p05: unknown key; did you mean p50?"),
    ("phases: [{at: 3, fr: 4}]", "phases.0.fr: unknown key; did you mean for?"),
    ("phases: [{after_requests: -1}]", "phases.0.after_requests: input should be greater than or equal to 0"),
    ("phases: [{at: 1, outage: all}]", "phases.0: unknown fault 'all'"),
    ("limits: {requests_per_min: 0}", "limits.requests_per_min: input should be greater than 0"),
    ("limits: {burst: 0}", "limits: limits are above 0"),
    ("script: [500*x]", "script: '500*x': give a fault and how often"),
    ("wires: {mistral: {500: 0.1}}", "wires.mistral: no such wire; there are anthropic, embeddings"),
    ("wires: {openai: {5xx: 0.1}}", "wires.openai: unknown fault '5xx'"),
    ("models: {gpt-4o: {500: 2}}", "models.gpt-4o.500: input should be less than or equal to 1"),
    ("models: {gpt-4o: {5xx: 0.1}}", "models.gpt-4o: unknown fault '5xx'"),
    ("- faults", "the plan is a mapping of keys"),
    ("faults: [", "line 1: this is no YAML"),
    ("a: &x 1\nb: *x", "references (*name) are not read"),
    ("!!python/object/apply:os.getcwd []", "this is no YAML"),
]


@pytest.mark.parametrize(("text", "told"), WRONG, ids=[told for _, told in WRONG])
def test_wrong_plans(tmp_path: Path, text: str, told: str) -> None:
    """It says which file, which key, and what would be right."""
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(UsageFault) as caught:
        read_plan(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, bytes that are no text, and far too much of it are told."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "huge").write_bytes(b"#" * (2 << 20))
    for name, told in (("none", "cannot read"), ("bytes", "cannot read"), ("huge", "larger than 1 MB")):
        with pytest.raises(UsageFault, match=told):
            read_plan(tmp_path / name)


def test_all_keys() -> None:
    """Every key means what its name says; times have units, or are seconds."""
    plan = {
        "seed": 3,
        "latency": {"p50": "100ms", "p99": "2s"},
        "per_token": "5ms",
        "chunk": 0.02,
        "drip": "1m",
        "faults": {500: 0.1},
        "wires": {"anthropic": {529: 0.5}},
        "models": {"gpt-4o": {404: 1}},
        "script": [500, "ok*2"],
        "retry_after": 2,
        "phases": [
            {"at": "30s", "for": "20s", "outage": 503},
            {"at": 60, "after_requests": 9, "faults": {429: 1}, "latency": "1s"},
        ],
        "limits": {"requests_per_min": 60, "concurrency": 5, "burst": "2s", "quota_tokens": 100},
        "answer": "yes",
        "model": "gpt-4o",
        "cached_share": 0.5,
        "reasoning_tokens": 10,
    }
    found = behaviour_of(plan)
    script = ("500", "ok", "ok")
    assert found.faults == Faults({"500": 0.1}, script, 2.0, 3, {"anthropic": {"529": 0.5}}, {"gpt-4o": {"404": 1.0}})
    assert (found.latency, found.per_token) == (Lognormal(0.1, 2.0), Uniform(0.005, 0.005))
    second = Phase(60.0, None, None, {"429": 1.0}, Uniform(1.0, 1.0), 9)
    assert found.phases == (Phase(30.0, 20.0, "503"), second)
    assert found.limits == Limits(60, None, 2.0, 5, None, 100)
    assert (found.chunk_s, found.drip_s, found.model, found.cached_share) == (0.02, 60.0, "gpt-4o", 0.5)
    assert found.answer is not None
    assert (found.answer(Question("m", ())), found.reasoning_tokens) == ("yes", 10)


def test_an_empty_plan(tmp_path: Path) -> None:
    """Nothing said is nothing wrong."""
    (tmp_path / "plan.yaml").write_text("# nothing yet\n")
    assert read_plan(tmp_path / "plan.yaml").faults == Faults()


def test_the_example() -> None:
    """The plan that is shipped can be read."""
    found = read_plan(ROOT / "notebooks" / "drill.yaml")
    assert sum(found.faults.rates.values()) == pytest.approx(0.14)
    assert found.phases[0].outage == "503"
