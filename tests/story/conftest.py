"""The lab, for the stories."""

from tests.engine.lab import any_lab, lab

__all__ = ["any_lab", "lab"]
