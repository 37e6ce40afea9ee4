"""A run with 200 model calls, to be killed from outside at any moment.

Started once, it imports everything and then forks a child for each line `STORE RESULT_FILE` it reads, so that twenty
kills do not cost twenty imports. A child writes status, value digest and run id of its run to the result file.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import litellm  # noqa: F401 - loaded here, so that the children have it

from wfkit import Workflow, prompt
from wfkit.keys.values import digest


def run(store: str, result: str) -> None:
    """Run to the end in this process."""
    items = [{"text": f"document number {i} about topic {i % 7}"} for i in range(200)]
    wf = Workflow("crash", store=store, namespace={})
    wf.config("concurrency", 8)
    wf.add(prompt("told", "Summarise: {{ doc.text }}", model="openai/gpt-4o-mini", each="doc in docs"))

    @wf.node
    def joined(told: list[str]) -> str:
        return "\n".join(told)

    outcome = wf.run("joined", inputs={"docs": items})
    line = f"{outcome.status} {digest(outcome['joined'])} {outcome.run_id}"
    wf.close()
    whole = Path(f"{result}.part")
    whole.write_text(line, encoding="utf-8")
    whole.rename(result)  # who waits for the file finds the line in it


def serve() -> None:
    """Fork a child a line and print its process id."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                run(*line.split())
            finally:
                os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    serve()
