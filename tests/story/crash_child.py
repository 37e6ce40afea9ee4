"""A run with 200 model calls, to be killed from outside at any moment. Prints the digest of its final value.

Arguments: store folder, concurrency.
"""

from __future__ import annotations

import sys

from wfkit import Workflow, prompt
from wfkit.keys.values import digest


def main(store: str, concurrency: str) -> None:
    """Run to the end in this process."""
    items = [{"text": f"document number {i} about topic {i % 7}"} for i in range(200)]
    wf = Workflow("crash", store=store, namespace={})
    wf.config("concurrency", concurrency)
    wf.add(prompt("told", "Summarise: {{ doc.text }}", model="openai/gpt-4o-mini", each="doc in docs"))

    @wf.node
    def joined(told: list[str]) -> str:
        return "\n".join(told)

    outcome = wf.run("joined", inputs={"docs": items})
    print("RESULT", outcome.status, digest(outcome["joined"]), outcome.run_id, flush=True)
    wf.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
