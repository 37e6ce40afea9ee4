"""What takes part in the drill, each in a process of its own: `python -m tests.benchmarks.drilled NAME FOLDER ITEMS`.

The same three questions for each ticket, each with the answer of the one before. Prints its figures as JSON on the last
line. `latency_s` is what the three questions of a ticket took that was answered: each from when it had a seat until its
answer was there, with every retry and wait between. Waiting for a seat counts for nobody: a ticket of litellm's keeps
one through all three, wfkit asks the first question of all tickets before the second of any.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

MODEL, SEATS = "openai/gpt-4o-mini", 50
PRODUCTS = ("kettle", "lamp", "router", "scale", "toaster")
TROUBLES = {"delivery": "never arrived", "quality": "broke after a day", "money": "was charged twice"}

SYSTEM = "You work in the support of a shop."
EXTRACT = "Extract what the ticket is about.\n\n{ticket}"
CLASSIFY = "Classify the complaint of order {order}: the {product} {complaint}."
ANSWER = "Answer the customer of order {order} in one sentence. It is about {topic}, urgent: {urgent}."


class Facts(BaseModel):
    """What a ticket says."""

    order: int
    product: str
    complaint: str


class Kind(BaseModel):
    """What a ticket is."""

    order: int
    topic: Literal["delivery", "quality", "money"]
    urgent: bool


def order_of(number: int) -> int:
    return 100_000 + number * 7919 % 900_000


def ticket(number: int) -> str:
    """The text of a ticket."""
    product = PRODUCTS[number % len(PRODUCTS)]
    trouble = list(TROUBLES.values())[number % len(TROUBLES)]
    return f"Order {order_of(number)}. Good day, my {product} {trouble}. This is ticket {number}. Please help me soon."


def is_right(number: int, answer: object) -> bool:
    """Whether this is the answer to this ticket."""
    topic = list(TROUBLES)[number % len(TROUBLES)]
    return isinstance(answer, str) and answer.startswith(f"Order {order_of(number)}: ") and topic in answer


def wfkit(folder: Path, items: int) -> tuple[int, list[float]]:
    """Three mapped prompts: retries, repairs and guards are wfkit's own."""
    from wfkit import Workflow, prompt

    workflow = Workflow("drill", store=folder / ".wfkit", namespace={})
    workflow.config("concurrency", SEATS)
    shared: dict[str, Any] = {"model": MODEL, "retries": 6, "on_error": "keep"}
    asks = f"system:\n{SYSTEM}\nuser:\n{{}}"

    def told(text: str, name: str) -> str:
        for field in ("order", "product", "complaint", "topic", "urgent"):
            text = text.replace(f"{{{field}}}", f"{{{{ {name}.{field} }}}}")
        return asks.format(text.replace("{ticket}", "{{ ticket }}"))

    shaped = {**shared, "repairs": 2}
    workflow.add(prompt("facts", told(EXTRACT, ""), each="ticket in tickets", schema=Facts, **shaped))
    workflow.add(prompt("kinds", told(CLASSIFY, "fact"), each="fact in facts", schema=Kind, **shaped))
    workflow.add(prompt("answers", told(ANSWER, "kind"), each="kind in kinds", **shared))
    run = workflow.run("answers", inputs={"tickets": [ticket(number) for number in range(items)]})
    answered = [is_right(number, answer) for number, answer in enumerate(run["answers"])]
    spans = workflow.sql(
        "SELECT item, sum(epoch(ended_at - started_at)) AS took_s FROM"
        " (SELECT node, item, min(started_at) AS started_at, max(ended_at) AS ended_at FROM tasks_latest"
        "  WHERE item IS NOT NULL GROUP BY node, item) GROUP BY item ORDER BY item"
    )
    took = [float(took_s) for number, took_s in zip(spans["item"], spans["took_s"], strict=True) if answered[number]]
    workflow.close()
    return sum(answered), took


def chain(folder: Path, items: int) -> tuple[int, list[float]]:
    """Question after question, without a retry; as many tickets at once as there are seats."""
    return _bare(items, {"max_retries": 0})


def gather(folder: Path, items: int) -> tuple[int, list[float]]:
    """The same as litellm does it if nothing is said: its SDK sends a failed request twice more."""
    return _bare(items, {})


def _bare(items: int, options: dict[str, Any]) -> tuple[int, list[float]]:
    import litellm

    litellm.suppress_debug_info = True

    async def ask(text: str, **more: Any) -> str:
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
        reply = await litellm.acompletion(MODEL, messages, **options, **more)
        return str(reply.choices[0].message.content)

    async def answer(number: int) -> str:
        facts = Facts.model_validate_json(await ask(EXTRACT.format(ticket=ticket(number)), response_format=Facts))
        kind = Kind.model_validate_json(await ask(CLASSIFY.format(**facts.model_dump()), response_format=Kind))
        return await ask(ANSWER.format(**kind.model_dump()))

    return asyncio.run(_at_once(answer, items))


async def _at_once(answer: Callable[[int], Awaitable[str]], items: int) -> tuple[int, list[float]]:
    from openai import OpenAIError  # what litellm raises is one; wfkit's own contestant does without both

    seats = asyncio.Semaphore(SEATS)

    async def seated(number: int) -> float | None:
        async with seats:
            start = time.perf_counter()
            try:
                right = is_right(number, await answer(number))
            except (OpenAIError, ValueError):  # of litellm, or of pydantic: this ticket has no answer
                return None
            return time.perf_counter() - start if right else None

    took = [each for each in await asyncio.gather(*map(seated, range(items))) if each is not None]
    return len(took), took


CONTESTANTS = {"wfkit": wfkit, "chain": chain, "gather": gather}


def main() -> None:
    """One contestant, and its figures. What it imports is there before the clock runs."""
    name, folder, items = sys.argv[1:]
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    for module in ("wfkit.llm.direct", "aiohttp") if name == "wfkit" else ("litellm", "openai.resources.chat"):
        import_module(module)
    start, cpu = time.perf_counter(), time.process_time()
    answered, latency_s = CONTESTANTS[name](Path(folder), int(items))
    figures = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu, "answered": answered}
    print(json.dumps({**figures, "latency_s": [round(each, 4) for each in latency_s]}))


if __name__ == "__main__":
    main()
