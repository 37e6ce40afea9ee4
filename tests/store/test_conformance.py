"""Every store keeps every promise of the kit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from wfkit.core.promises import Store
from wfkit.store.conformance import CHECKS, Kit
from wfkit.store.disk import DiskStore, open_store
from wfkit.store.memory import MemoryStore


@pytest.fixture(params=["memory", "disk"])
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kit]:
    opened: list[Store] = []

    def keep(store: Store) -> Store:
        opened.append(store)
        return store

    def again(store: Store) -> Store:
        if not isinstance(store, DiskStore):
            return store
        store.close()
        return keep(open_store(store.root))

    number = count()
    if request.param == "memory":
        yield Kit(lambda: keep(MemoryStore()), again)
    else:
        yield Kit(lambda: keep(open_store(tmp_path / f"{next(number)}" / ".wfkit")), again)
    for store in opened:
        store.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_promise(check: object, kit: Kit) -> None:
    """The store keeps this promise of the kit."""
    assert callable(check)
    check(kit)
