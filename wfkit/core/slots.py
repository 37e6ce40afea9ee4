"""The attributes that instances of a class keep outside of their `__dict__`.

Digests and codecs must see the same ones. Nothing of an instance is read here.
"""

from __future__ import annotations


def slots_of(kind: type) -> list[str]:
    """The names of all slots of a class and its bases, as attributes of its instances."""
    found: list[str] = []
    for cls in kind.__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            private = name.startswith("__") and not name.endswith("__")
            found.append(f"_{cls.__name__.lstrip('_')}{name}" if private else name)
    return [name for name in found if name not in ("__dict__", "__weakref__")]
