"""The clock, for the tests of the command."""

from tests.engine.clock import clock

__all__ = ["clock"]
