"""One step into callables: what is told by name and version, and what is refused."""

from __future__ import annotations

import functools
import json
import operator
import re
import types
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special

from wfkit.errors import ValueFault
from wfkit.keys.code.callables import outside, where_is
from wfkit.keys.values import digest


@pytest.mark.parametrize(
    "thing", [len, json.dumps, np.sin, np.mean, np.random.default_rng, pd.read_csv, str.lower, re.compile, operator.add]
)
def test_outside_is_told_by_name(thing: Any) -> None:
    """What an installed package or the standard library has under a name is told by it, with the package's version."""
    text = outside(thing)
    assert text is not None
    version = {"numpy": np.__version__, "pandas": pd.__version__}.get(
        str(getattr(thing, "__module__", None) or "").partition(".")[0]
    )
    assert version is None or version in text


def test_wrappers_made_at_run_time_are_walked() -> None:
    """A package's wrapper around a function of ours is not told by the package's name."""

    def helper() -> int:
        return 1

    @functools.wraps(helper)
    def wrapper() -> int:
        return helper()

    assert outside(wrapper) is None
    assert outside(functools.lru_cache(helper)) is None


def test_unknown_callables_are_refused() -> None:
    """An object that is called, but whose code cannot be known, has no digest."""
    with pytest.raises(ValueFault, match=r"numpy\.ufunc"):
        digest(np.frompyfunc(lambda x: x, 1, 1))


def test_vectorized_functions_count_by_their_code() -> None:
    """What `np.vectorize` wraps is seen."""
    assert digest(np.vectorize(lambda x: x + 1)) == digest(np.vectorize(lambda x: x + 1))
    assert digest(np.vectorize(lambda x: x + 1)) != digest(np.vectorize(lambda x: x + 2))


def test_ufuncs_count_by_library() -> None:
    """A ufunc of scipy is told by scipy's version, not by numpy's."""
    assert "scipy" in str(outside(special.expit))
    assert digest(special.expit) != digest(special.logit)


def test_singledispatch_and_partial_methods() -> None:
    """Less common callables have digests that change with what is inside."""

    class A:
        def m(self, x: int) -> int:
            return x

        one = functools.partialmethod(m, 1)
        two = functools.partialmethod(m, 2)

    assert digest(A.__dict__["one"]) != digest(A.__dict__["two"])
    assert digest(operator.methodcaller("a", 1)) != digest(operator.methodcaller("a", 2))
    assert digest([1, 2].count) != digest([1, 3].count)


def test_methods_made_from_text_belong_to_their_class() -> None:
    """What a package writes with exec (methods of dataclasses) is the package's, not a patch of the project."""
    scope: dict[str, object] = {"__name__": "json"}
    exec(compile("def __init__(self): pass", "<string>", "exec"), scope)
    function = scope["__init__"]
    assert isinstance(function, types.FunctionType)
    assert where_is(function) == "standard"
