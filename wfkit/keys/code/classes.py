"""What a class is made of, as it is now: bases, methods, attributes, and what dataclass, enum, named tuple and
pydantic made of its hints.

The live class counts, not its text: what a decorator or a later assignment did to it is seen. What a package generated
is left out.
"""

from __future__ import annotations

import abc
import dataclasses
import enum
import types
import typing
from typing import Any

from wfkit.core.slots import slots_of
from wfkit.keys.code.callables import HINT, Described, is_own, where_is
from wfkit.keys.content.plain import digest_of
from wfkit.keys.origin import importable, origin, token
from wfkit.traces import PROJECT

_NO_PART = frozenset(
    {
        "__module__", "__dict__", "__weakref__", "__doc__", "__qualname__", "__firstlineno__", "__static_attributes__",
        "__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__abstractmethods__",
        "_abc_impl", "__dataclass_fields__", "__dataclass_params__", "__parameters__", "__orig_bases__",
        "__signature__", "__classcell__", "__protocol_attrs__", "__non_callable_proto_members__", "__replace__",
        "__subclasshook__", "__type_params__", "model_fields", "model_computed_fields", "__private_attributes__",
        "__class_vars__", "__slotnames__",
    }
)  # fmt: skip
_OF_NAMED_TUPLE = frozenset(
    {"_make", "_replace", "_asdict", "__new__", "__repr__", "__getnewargs__", "__getnewargs_ex__"}
)
_OF_DATACLASS = frozenset(
    {
        "__init__", "__repr__", "__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__setattr__",
        "__delattr__", "__match_args__", "__getstate__", "__setstate__",
    }
)  # fmt: skip
_FIELD_FACTS = ("name", "init", "repr", "compare", "kw_only", "default", "default_factory", "type")
_PARAMETERS = ("init", "repr", "eq", "order", "unsafe_hash", "frozen")
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement; classes written in C take no attributes
_EMPTY = (object, abc.ABC, typing.Generic, typing.Protocol)  # bases without any state
_UNDEFINED = ("PydanticUndefinedType", "_MISSING_TYPE")


def outside_class(cls: type) -> str | None:
    """The text for a class that is not the project's, by name and version; None for one that must be walked."""
    where = origin(cls.__module__)
    if where.kind != PROJECT and (cls.__module__ == "builtins" or importable(cls)):
        return f"{token(where)}: {cls.__module__}.{cls.__qualname__}"
    return None


def is_plain(cls: type) -> bool:
    """Whether an instance of a class is its attributes and nothing else: it is written in the project, in Python."""
    own = [base for base in cls.__mro__ if base not in _EMPTY]
    return own != [] and all(is_own(base) and base.__flags__ & HEAP_TYPE and not _has_state_in_c(base) for base in own)


def _has_state_in_c(cls: type) -> bool:
    """Whether a class has attributes or methods that were not written in Python, beside slots."""
    slots = {name for base in cls.__mro__ for name in slots_of(base)} | {"__dict__", "__weakref__"}
    of_c = types.MethodDescriptorType | types.GetSetDescriptorType | types.MemberDescriptorType
    return any(isinstance(thing, of_c) and name not in slots for name, thing in vars(cls).items())


def describe_class(cls: type) -> Described:
    """One step into a class of the project or notebook."""
    links: list[tuple[str, Any]] = [
        (f"(base {base.__qualname__})", base) for base in cls.__bases__ if base is not object
    ]
    if type(cls) is not type:
        links.append(("(metaclass)", type(cls)))
    links += _facts(cls)
    links += [(f"{HINT}{name})", hint) for name, hint in sorted(vars(cls).get("__annotations__", {}).items())]
    links += [(f".{name}", thing) for name, thing in sorted(vars(cls).items()) if _counts(cls, name, thing)]
    text = "\n".join([f"class {cls.__qualname__}", *(label for label, _ in links)])
    return Described(digest_of(text.encode()).hex(), text, [(label, _known(thing)) for label, thing in links])


def _facts(cls: type) -> list[tuple[str, Any]]:
    """What the machinery of the kind of class made of hints and values."""
    if issubclass(cls, enum.Enum):
        return [(f".{name}", member.value) for name, member in cls.__members__.items()]
    if _is_model(cls):
        return _model_parts(cls)
    if dataclasses.is_dataclass(cls):
        return _dataclass_fields(cls)
    return []


def _is_model(cls: type) -> bool:
    return hasattr(cls, "__pydantic_decorators__") and hasattr(cls, "model_fields")


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


def _counts(cls: type, name: str, thing: Any) -> bool:
    """Whether an attribute is of the user, not made by the machinery of its kind of class from facts that count by
    themselves.
    """
    if name in _NO_PART or name.startswith("__pydantic_"):
        return False
    if (
        isinstance(thing, types.MemberDescriptorType | types.GetSetDescriptorType)
        or type(thing).__name__ == "_tuplegetter"
    ):
        return False
    if issubclass(cls, enum.Enum):
        return name not in cls.__members__ and (not name.startswith("_") or _is_of_project(thing))
    if _is_named_tuple(cls) and name in _OF_NAMED_TUPLE:
        return False
    return not (name in _OF_DATACLASS and dataclasses.is_dataclass(cls) and _from_text(thing))


def _is_of_project(thing: Any) -> bool:
    function = getattr(thing, "__func__", thing)
    return isinstance(function, types.FunctionType) and where_is(function) == PROJECT


def _from_text(thing: Any) -> bool:
    """Whether a function was made from a text by `exec`, as dataclass makes `__init__`."""
    function = getattr(thing, "__wrapped__", thing)
    return isinstance(function, types.FunctionType) and function.__code__.co_filename == "<string>"


def _known(thing: Any) -> Any:
    """Marks of an absent default have no content but their name."""
    return f"<{type(thing).__name__}>" if type(thing).__name__ in _UNDEFINED else thing


def _dataclass_fields(cls: type) -> list[tuple[str, Any]]:
    params = vars(cls).get("__dataclass_params__")
    links: list[tuple[str, Any]] = [("(dataclass)", [getattr(params, name, None) for name in _PARAMETERS])]
    for item in vars(cls).get("__dataclass_fields__", {}).values():
        facts = {fact: _known(getattr(item, fact)) for fact in _FIELD_FACTS}
        links.append((f"(field {item.name})", facts | {"metadata": dict(item.metadata)}))
    return links


def _model_parts(cls: type) -> list[tuple[str, Any]]:
    """Fields with types, defaults and constraints, and the validators and serializers by kind."""
    links: list[tuple[str, Any]] = [("(description)", cls.__doc__)]  # pydantic puts it into the JSON Schema
    for name, info in cls.model_fields.items():  # type: ignore[attr-defined]
        links.append((f"(field {name})", _field_facts(info)))
    decorators = vars(cls).get("__pydantic_decorators__")
    for kind in getattr(type(decorators), "__dataclass_fields__", ()):
        entries = getattr(decorators, kind)
        for name, decorator in entries.items() if isinstance(entries, dict) else ():
            links.append((f"({kind} {name})", getattr(decorator.func, "__func__", decorator.func)))
            links.append((f"({kind} {name} options)", _options(decorator.info)))
    return links


def _options(info: Any) -> dict[str, Any]:
    """How a validator or serializer is applied: its mode, the fields it is for."""
    facts = {name: getattr(info, name) for name in getattr(type(info), "__dataclass_fields__", ())}
    return {name: _known(fact) for name, fact in facts.items()}


def _field_facts(info: Any) -> dict[str, Any]:
    names = [name for name in getattr(type(info), "__slots__", ()) if not name.startswith("_")]
    return {name: _known(getattr(info, name)) for name in names if getattr(info, name, None) is not None}
