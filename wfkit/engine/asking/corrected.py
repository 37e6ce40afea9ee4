"""Replies of the call log that serve only together: an invalid one, and the correction that came to a valid end.

An invalid reply never serves a new attempt by itself. Nothing is asked here.
"""

from __future__ import annotations

from collections.abc import Callable

from wfkit.core.call import CallRecord, Request
from wfkit.core.frozen import dataclass
from wfkit.core.promises import Store
from wfkit.define.schema import Schema
from wfkit.errors import CallFailed
from wfkit.llm.messages import demand_whole, request_digest, unfenced
from wfkit.llm.structured import correction, is_correction

Chain = dict[str, CallRecord]  # by request digest: the replies before the valid one


@dataclass(frozen=True, slots=True)
class Corrections:
    """How answers are corrected: the `schema` that they must fit, and at most how many `repairs` there are."""

    schema: Schema
    repairs: int


def chain(store: Store, how: Corrections, request: Request, since: float = 0.0) -> Chain:
    """The invalid replies to a question and its corrections, if the call log leads from them to a valid reply; else
    nothing. Replies from before `since` (Unix seconds) do not count."""
    found: Chain = {}
    if is_correction(request):
        return found
    asked = request
    for _ in range(how.repairs):
        digest = request_digest(asked)
        before = store.find_call(digest, invalid=True)
        problem = None if before is None or before.started_at < since else _problem(before, how.schema.parse)
        if before is None or before.reply is None or problem is None:
            return {}
        found[digest] = before
        asked = correction(request, before.reply.text, problem)
        end = store.find_call(request_digest(asked))
        if end is not None and end.started_at >= since:
            return found
    return {}


class Corrected:
    """The chains that serve one attempt: each invalid reply once, and only if a valid one follows."""

    def __init__(self, store: Store, how: Corrections | None, since: float) -> None:
        self._store, self._how, self._since = store, how, since
        self._chain: Chain = {}

    def take(self, request: Request, digest: str) -> CallRecord | None:
        """The invalid reply to this request, if it serves."""
        if self._how is not None and digest not in self._chain:
            self._chain.update(chain(self._store, self._how, request, self._since))
        return self._chain.pop(digest, None)


def is_answered(store: Store, how: Corrections | None, request: Request) -> bool:
    """Whether the call log has the answer to a question. A reply that calls tools is none: what follows may cost."""
    digest = request_digest(request)
    found = store.find_call(digest)
    if found is None and how is not None:
        return bool(chain(store, how, request))
    return found is not None and found.reply is not None and not found.reply.tool_calls


def _problem(call: CallRecord, parse: Callable[[str], object]) -> str | None:
    """What was wrong with a reply, in the words that the model was told; None where no correction could follow."""
    assert call.reply is not None
    try:
        demand_whole(call.reply)
        parse(unfenced(call.reply.text))
    except ValueError as error:
        return str(error)
    except CallFailed:
        return None
    except Exception:  # a validator of the user's own broke: the same would end the attempt
        return None
    return None
