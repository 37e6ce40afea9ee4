"""Vectors of many texts for Python code: each text is paid once, those that nobody has paid for are asked in batches.

The call log keeps a vector a text, so other neighbours find it; the books have one call a request. How one request is
sent is `llm.embeddings`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from wfkit.core.call import CallRecord, Cost, Reply, Request, Usage
from wfkit.core.events import CallEnded
from wfkit.core.terms import UsageSource, Verdict
from wfkit.engine.asking.answering import End, Tries, about, left_of, limited, purse_of
from wfkit.engine.asking.asker import Question
from wfkit.engine.asking.desk import Desk
from wfkit.engine.asking.questions import Texts
from wfkit.llm.messages import request_digest

if TYPE_CHECKING:
    import asyncio

_NOTHING = Usage(0, 0, source=UsageSource.PROVIDER)


async def embedded(desk: Desk, wanted: Texts) -> dict[str, bytes]:
    """The vector of each text as float32. Raises CallFailed; what was bought by then is kept."""
    async with limited(wanted.options) as end:
        work = _Embedding(desk, wanted, end)
        try:
            return await work.vectors()
        finally:
            desk.calls += work.asker.calls


class _Embedding:
    """One call of `embed` at work. Lines are vectors in base64, by digest of the request for one text."""

    def __init__(self, desk: Desk, wanted: Texts, end: End) -> None:
        self._desk, self._wanted, self.asker, self._end = desk, wanted, desk.asker(), end
        self._texts = {request_digest(wanted.request([text])): text for text in wanted.texts}
        self._lines: dict[str, str] = {}
        self._own = purse_of(wanted.options)

    async def vectors(self) -> dict[str, bytes]:
        import asyncio  # the loop that runs this has loaded it

        under_way = self._desk.house.asking.under_way.futures
        while missing := await self._missing():
            busy = {under_way[_text_of(digest)] for digest in missing if _text_of(digest) in under_way}
            if not busy:
                await self._buy_all(missing, under_way)
                break
            await asyncio.wait(busy)  # somebody is asking for some of them: then they are known
        return {text: base64.b64decode(self._lines[digest]) for digest, text in self._texts.items()}

    async def _missing(self) -> list[str]:
        """Texts of which neither the log nor the cassette has the vector."""
        tape, asking = self.asker.tape, self._desk.house.asking
        for digest, text in self._texts.items():
            found = None if digest in self._lines else asking.store.find_call(digest)
            if found is not None and found.reply is not None and found.started_at >= asking.since:
                self._lines[digest] = found.reply.text
                if not found.part:  # with it stands what all of its request have cost
                    await self.asker.record(self._served(found), False)
                if tape is not None:
                    tape.serve(0, digest, found.request, found.reply)
            elif tape is not None and digest not in self._lines:
                played = tape.play(0, digest, self._wanted.request([text]))
                if played is not None and played.reply is not None:
                    self._lines[digest] = played.reply.text
        return [digest for digest in self._texts if digest not in self._lines]

    def _served(self, found: CallRecord) -> CallEnded:
        return CallEnded(self.asker.task, self.asker.attempt, found, time.time(), served=True)

    async def _buy_all(self, missing: Sequence[str], under_way: dict[str, asyncio.Future[None]]) -> None:
        import asyncio  # the loop that runs this has loaded it

        mine = {_text_of(digest): asyncio.get_running_loop().create_future() for digest in missing}
        under_way.update(mine)
        size = self._wanted.batch
        batches = [missing[start : start + size] for start in range(0, len(missing), size)]
        try:
            ended = await asyncio.gather(*map(self._buy, batches), return_exceptions=True)
        finally:
            for name, future in mine.items():
                del under_way[name]
                future.set_result(None)
        for failure in ended:
            if isinstance(failure, BaseException):
                raise failure

    async def _buy(self, digests: Sequence[str]) -> None:
        """One request, tried until it is answered."""
        desk, wanted = self._desk, self._wanted
        request = wanted.request([self._texts[digest] for digest in digests])
        question = request_digest(request)
        tries: Tries[Reply] = Tries(desk, question, wanted.spec(desk.node), self._end)
        payer = self.asker.payer(
            Question(
                judge=_valid,
                about=about(desk, wanted.options, tries.turn, self._own),
                left=left_of(desk, question, 1 + wanted.options.retry.retries),
                id=question,
                parts=parts_of,
            )
        )
        reply = await tries.go(lambda _: payer.ask(request))
        self._lines.update(zip(digests, reply.text.split("\n"), strict=True))
        self._keep_on_tape(request, reply)

    def _keep_on_tape(self, request: Request, reply: Reply) -> None:
        if (tape := self.asker.tape) is not None:
            for one, said in _apart(request, reply):
                tape.keep(0, request_digest(one), one, said)


def _text_of(digest: str) -> str:
    """The name of a text under way. A request for one text has its digest too, and must not wait for itself."""
    return f"text {digest}"


def parts_of(call: CallRecord) -> list[CallRecord]:
    """The record of a request for many vectors, as one a text. What it used and cost stands in the first."""
    assert call.reply is not None
    return [
        replace(
            call,
            call_id=f"{call.call_id}.{part}" if part else call.call_id,
            request_digest=request_digest(request),
            request=request,
            reply=reply,
            part=part,
        )
        for part, (request, reply) in enumerate(_apart(call.request, call.reply))
    ]


def _apart(request: Request, reply: Reply) -> Iterable[tuple[Request, Reply]]:
    """The request and reply of each text. An unknown price is that of the first; the others came with it."""
    free = Cost(Decimal(0), Decimal(0), Decimal(0), reply.cost.source)
    for part, (message, line) in enumerate(zip(request.messages, reply.text.split("\n"), strict=True)):
        usage, cost = (_NOTHING, free) if part else (reply.usage, reply.cost)
        yield replace(request, messages=(message,)), replace(reply, text=line, usage=usage, cost=cost)


def _valid(_reply: Reply) -> Verdict:
    """Vectors are checked before they are a reply."""
    return Verdict.VALID


def array_of(vectors: Sequence[bytes], dimensions: int | None) -> Any:
    """The vectors as a float32 array, a row each."""
    import numpy as np  # 100 ms: loaded with the first vectors

    if not vectors:
        return np.zeros((0, dimensions or 0), np.float32)
    return np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), -1).astype(np.float32)
