"""The lab, for the tests of the engine."""

from tests.engine.lab import any_lab, lab

__all__ = ["any_lab", "lab"]
