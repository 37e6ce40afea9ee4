"""Tests of the store play many processes in one: what one of them leaves open is closed when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from wfkit.errors import StoreFault
from wfkit.store import disk


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """A store that folded later would do so in the middle of another test."""
    before = set(disk._alive)
    yield
    for store in set(disk._alive) - before:
        with suppress(StoreFault):  # some disks are broken for good
            store.users = 0
            store.close()
