"""What is new in a definition, as paths and diffs."""

from __future__ import annotations

from wfkit.keys.explain import Change, difference

OLD = (
    ("label", "1", "x = helper()\ny = 1"),
    ("label -> helper", "2", "def helper():\n    return 1"),
    ("gone", "3", "7"),
)
NEW = (
    ("label", "1", "x = helper()\ny = 1"),
    ("label -> helper", "9", "def helper():\n    return 2"),
    ("new", "4", "8"),
)


def test_difference() -> None:
    """Changed parts come first, each with its path and a unified diff; looks of unchanged parts do not matter."""
    assert difference(OLD, NEW) == (
        Change("label -> helper", "changed", " def helper():\n-    return 1\n+    return 2"),
        Change("new", "added", "+8"),
        Change("gone", "removed", "-7"),
    )
    assert difference(OLD, OLD) == ()


def test_equal_previews() -> None:
    """Two values that look alike when shortened are still told to differ."""
    (change,) = difference((("a", "1", "<ndarray 5>"),), (("a", "2", "<ndarray 5>"),))
    assert "<ndarray 5>" in change.diff
    assert "content differs" in change.diff
