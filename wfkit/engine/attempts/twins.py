"""Equal items of a map share one result: what acts while it is made acts once.

For bodies on the loop that may act, which are prompts with tools. Equal items on threads meet in their slice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from wfkit.core.events import Failed, Succeeded
from wfkit.core.frozen import dataclass
from wfkit.core.result import Result

if TYPE_CHECKING:
    import asyncio

Work = Callable[[], Awaitable[Succeeded | Failed]]


@dataclass(slots=True)
class Twins:
    """Whose item is at work, by task key. Used on the loop's thread alone."""

    _at_work: dict[str, asyncio.Future[None]] = field(default_factory=dict)

    async def once(self, key: str, made: Mapping[str, Result], work: Work) -> Succeeded | Failed | Result:
        """The result under this key among those `made`, once another item has made it; if none did, what comes of the
        work.
        """
        import asyncio  # the loop that runs this has loaded it

        while (other := self._at_work.get(key)) is not None:
            await asyncio.wait([other])
        if key in made:
            return made[key]
        mine = self._at_work[key] = asyncio.get_running_loop().create_future()
        try:
            return await work()
        finally:
            del self._at_work[key]
            mine.set_result(None)
