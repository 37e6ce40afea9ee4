"""`python -m tests.benchmarks drill`: tickets of three questions each, a provider on a bad day, wfkit, and litellm as
people write it.

Every contestant has a provider of its own, with the same plan and seed; requests and tokens are counted there, not by
the contestants. All work at the same time, so that a busy moment of the machine hits all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.benchmarks.drilled import CONTESTANTS, MODEL, PRODUCTS, TROUBLES
from wfkit.llm import price_file
from wfkit.llm.provider import Effect, Provider, Question
from wfkit.llm.provider.plan import read_plan

ROOT = Path(__file__).parents[2]
PLAN = ROOT / "notebooks" / "drill.yaml"
FIGURES = ROOT / "notebooks" / "drill.json"
QUESTIONS = 3
_ORDER = re.compile(r"[Oo]rder (\d{6})")
_SHAPES = ("not_json", "wrong_schema")


def answer(question: Question) -> str:
    """What the model would say: right, and at once."""
    said = "\n".join(message.content for message in question.messages)
    found = _ORDER.search(said)
    order = int(found[1]) if found else 0
    topic = next((topic for topic, trouble in TROUBLES.items() if trouble in said), None)
    if question.schema is None:
        told = re.search(r"It is about (\w+)", said)
        return f"Order {order}: we are sorry for the trouble with {told[1] if told else '?'} and are on it."
    if "complaint" in question.schema:
        product = next((product for product in PRODUCTS if product in said), "")
        return json.dumps({"order": order, "product": product, "complaint": TROUBLES.get(topic or "", "")})
    return json.dumps({"order": order, "topic": topic, "urgent": order % 2 == 0})


def drilled(name: str, items: int, plan: Path) -> dict[str, Any]:
    """One contestant through the drill: a row of the table."""
    behaviour = replace(read_plan(plan), answer=answer)
    with tempfile.TemporaryDirectory(prefix="wfkit-drill-") as folder, Provider(behaviour) as provider:
        command = [sys.executable, "-m", "tests.benchmarks.drilled", name, folder, str(items)]
        env = {**os.environ, **provider.environment, "OPENAI_API_KEY": "none"}
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        effects = provider.effects()
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
    return row(name, items, json.loads(done.stdout.splitlines()[-1]), effects)


def row(name: str, items: int, told: dict[str, Any], effects: Sequence[Effect]) -> dict[str, Any]:
    """The figures of a contestant. Requests that repair an answer of the wrong shape are not counted against it."""
    outcomes = Counter(effect.outcome for effect in effects)
    misshapen = sum(outcomes[shape] for shape in _SHAPES)
    entry = price_file.entries()[MODEL.partition("/")[2]]
    usd = sum(
        effect.input_tokens * entry["input_cost_per_token"] + effect.output_tokens * entry["output_cost_per_token"]
        for effect in effects
        if effect.billed
    )
    answered, ideal = told["answered"], items * QUESTIONS
    cuts = quantiles(told["latency_s"], n=100) if len(told["latency_s"]) > 1 else [0.0] * 99
    return {
        "name": name,
        "tickets": items,
        "success_percent": round(100 * answered / items, 3),
        "requests": len(effects),
        "requests_per_ideal": round((len(effects) - misshapen) / ideal, 4),
        "usd_per_1000": round(1000 * usd / answered, 5) if answered else None,
        "p50_s": round(cuts[49], 3),
        "p99_s": round(cuts[98], 3),
        "wall_s": round(told["wall_s"], 1),
        "cpu_s": round(told["cpu_s"], 1),
        "outcomes": dict(outcomes.most_common()),
    }


def show(rows: Sequence[dict[str, Any]]) -> str:
    """The table as Markdown."""
    lines = [
        "| | answered | requests / ideal | $ per 1,000 answered | latency p50 | p99 | wall | CPU |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        usd = "?" if one["usd_per_1000"] is None else f"{one['usd_per_1000']:.4f}"
        lines.append(
            f"| {one['name']} | {one['success_percent']:.2f} % | {one['requests_per_ideal']:.3f} | {usd}"
            f" | {one['p50_s']:.2f} s | {one['p99_s']:.2f} s | {one['wall_s']:.0f} s | {one['cpu_s']:.0f} s |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Drill and print; 1 if wfkit missed its figures."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks drill", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--tickets", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--only", choices=list(CONTESTANTS), help="one contestant")
    parser.add_argument("--plan", type=Path, default=PLAN, help="another plan of faults")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {FIGURES.name}")
    options = parser.parse_args(arguments)
    names = [options.only] if options.only else list(CONTESTANTS)
    with ProcessPoolExecutor(len(names), get_context("spawn")) as pool:
        rows = list(pool.map(drilled, names, repeat(options.tickets), repeat(options.plan)))
    print(show(rows))
    if options.write:
        FIGURES.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    ours = [one for one in rows if one["name"] == "wfkit"]
    return int(any(one["success_percent"] < 99.9 or one["requests_per_ideal"] > 1.2 for one in ours))


if __name__ == "__main__":
    sys.exit(main())
