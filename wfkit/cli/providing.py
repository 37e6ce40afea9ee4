"""`wfkit provider`: a model provider on this machine that fails as a plan says, until Ctrl-C.

What it does is the matter of `llm.provider`; here are only the words before and after.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from wfkit.errors import UsageFault
from wfkit.interrupts import Milestone
from wfkit.llm.provider import Behaviour, Effect, Provider
from wfkit.llm.provider.exchange import fixed
from wfkit.llm.provider.plan import read_plan
from wfkit.verb_words import Asked
from wfkit.views import numbers

_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")


def provider(asked: Asked) -> int:
    """Serve until Ctrl-C or SIGTERM. stdout is what a shell must set; what happened is told on stderr at the end."""
    said = asked.kwargs
    behaviour = read_plan(Path(said["faults"])) if "faults" in said else Behaviour()
    if "answer" in said:
        behaviour = replace(behaviour, answer=fixed(said["answer"]))
    if "seed" in said:
        behaviour = replace(behaviour, faults=replace(behaviour.faults, seed=said["seed"]))
    told = Milestone()  # a handler may come while an Event takes its lock, and would wait for it

    def end(*_signal: object) -> None:
        told.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    effects = Path(said["effects"]) if "effects" in said else None
    try:
        serving = Provider(behaviour, said.get("port", 0), effects)
    except OSError as error:
        raise UsageFault(f"cannot write the effects to {effects}: {error.strerror}") from error
    with serving:
        variables = [f"export {name}={value}" for name, value in serving.environment.items()]
        print("\n".join([*variables, "export " + " ".join(f"{name}=local" for name in _KEYS)]), flush=True)
        print("serving until Ctrl-C; set the variables above where your program runs", file=sys.stderr, flush=True)
        told.wait()
        print(_summary(serving.effects(), effects), file=sys.stderr)
    return 0


def _summary(found: list[Effect], file: Path | None) -> str:
    outcomes = Counter(effect.outcome for effect in found)
    parts = [f"{count} {outcome}" for outcome, count in outcomes.most_common()]
    where = f"; a line for each in {file}" if file else ""
    return ": ".join([numbers.plural(len(found), "request"), *([", ".join(parts)] if parts else [])]) + where
