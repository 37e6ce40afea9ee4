"""What every test gets: an environment without the user's own wfkit settings and keys, and calm property tests.

Fakes do not live here: they are products and ship in the package.
"""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("wfkit", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wfkit")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what it puts in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

SECRET_ENDINGS = ("_API_KEY", "_API_BASE", "_BASE_URL")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees, or spends with, what the user's shell has set."""
    for name in list(os.environ):
        if name.startswith("WFKIT_") or name.endswith(SECRET_ENDINGS):
            monkeypatch.delenv(name)
