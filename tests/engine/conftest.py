"""The lab and its clock, for the tests of the engine."""

from tests.engine.clock import clock
from tests.engine.lab import any_lab, lab

__all__ = ["any_lab", "clock", "lab"]
