"""One body that asks 100 questions and embeds 100 texts, to be killed from outside: `python -m tests.story.asks_child
STORE RESULT_FILE`.

The result file gets the status and the value's digest.
"""

from __future__ import annotations

import sys
from pathlib import Path

import wfkit
from wfkit import Workflow
from wfkit.define.cell import parse_cell
from wfkit.keys.values import digest

COUNT = 100
# A request that a kill has cut off counts as sent: one that is cut off each time must still have a try left.
BODY = f"""
import asyncio
vectors = wfkit.embed([f"text {{n}}" for n in range({COUNT})], batch=5, retries=5)
questions = [wfkit.ask(f"question {{n}}", model="openai/gpt-4o-mini", retries=5) for n in range({COUNT})]
found, *answers = await asyncio.gather(vectors, *questions)
(found.round(3).tolist(), answers)
"""


def main(store: str, result: str) -> None:
    """Run to the end."""
    workflow = Workflow("crash", store=store, namespace={})
    workflow.config("concurrency", 8)
    workflow.add(parse_cell("told", BODY, {"wfkit": wfkit}))
    outcome = workflow.run("told")
    assert not outcome.failures, outcome.failures
    line = f"{outcome.status} {digest(outcome['told'])}"
    workflow.close()
    Path(result).write_text(line, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
