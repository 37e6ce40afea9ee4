"""`python -m wfkit.llm.provider --error 500=0.1`: a provider in a shell, until Ctrl-C.

Only words become a Behaviour here; serving is elsewhere.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import wfkit.llm.provider as room
from wfkit.errors import WfkitError
from wfkit.interrupts import Milestone
from wfkit.llm.provider.behaviour import Behaviour
from wfkit.llm.provider.exchange import fixed
from wfkit.llm.provider.faults import Faults, parse_rates, parse_script
from wfkit.llm.provider.serving import Provider


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C; the first line of stdout is the base URL. Returns an exit code."""
    options = _parser().parse_args(arguments)
    told = Milestone()  # a handler may come while an Event takes its lock, and would wait for it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    try:
        provider = Provider(_behaviour(options), options.port, options.effects).start()
    except (WfkitError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{provider.url}\n")
    sys.stdout.flush()
    told.wait()
    provider.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m wfkit.llm.provider", description=(room.__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds before each answer")
    parser.add_argument("--jitter", type=float, default=0.0, metavar="S", help="up to this many seconds more")
    parser.add_argument("--error", action="append", default=[], metavar="STATUS=RATE", help="such as 500=0.1")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=RATE", help="such as hang=0.01")
    parser.add_argument("--bad-json", type=float, default=0.0, metavar="RATE", help="answers that are prose, no JSON")
    parser.add_argument("--wrong-schema", type=float, default=0.0, metavar="RATE", help="JSON of another shape")
    parser.add_argument("--script", nargs="*", default=[], metavar="FAULT", help="the first requests: 500 ok*2 429")
    parser.add_argument("--retry-after", type=float, metavar="S", help="sent with 429, 503 and 529")
    parser.add_argument("--answer", metavar="TEXT", help="answer this; without it the offline model answers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--effects", type=Path, metavar="FILE", help="append a JSON line for each request")
    return parser


def _behaviour(options: argparse.Namespace) -> Behaviour:
    rates = parse_rates([*options.error, *options.fault])
    rates |= {"not_json": options.bad_json} if options.bad_json else {}
    rates |= {"wrong_schema": options.wrong_schema} if options.wrong_schema else {}
    faults = Faults(rates, parse_script(options.script), options.retry_after, options.seed)
    return Behaviour(options.latency, options.jitter, None if options.answer is None else fixed(options.answer), faults)


if __name__ == "__main__":
    sys.exit(main())
