"""Lineage with the values of items: the tables know the list that an item came from, the list knows the item.

How the steps are found is the store's; what stands here reads values.
"""

from __future__ import annotations

from dataclasses import replace

from wfkit.core.promises import Store
from wfkit.core.report import LineageStep
from wfkit.define.each import items_of
from wfkit.engine.preview import preview
from wfkit.errors import ValueFault


def with_items(store: Store, step: LineageStep) -> LineageStep:
    """The step and those below it (at most the depth asked for), each item of a list shown as what it is.

    An item whose list is gone keeps the place where it stood.
    """
    below = tuple(with_items(store, each) for each in step.inputs)
    if step.kind != "item" or step.item is None or not below:
        return replace(step, inputs=below)
    try:
        items = items_of(store.get(below[0].digest))
    except ValueFault:
        return replace(step, inputs=below)
    return replace(step, inputs=below, preview=preview(items[step.item]) if step.item < len(items) else step.preview)
