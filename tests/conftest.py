"""What every test gets: an environment without the user's own wfkit settings and keys, and calm property tests.

Fakes do not live here: they are products and ship in the package.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, settings

TOO_MUCH = ("too_slow", "data_too_large", "large_base_example", "filter_too_much")  # as the machine and the version go
settings.register_profile(
    "wfkit", deadline=None, derandomize=True, suppress_health_check=[HealthCheck[name] for name in TOO_MUCH]
)
settings.load_profile("wfkit")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what it puts in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

SECRET_ENDINGS = ("_API_KEY", "_API_BASE", "_BASE_URL")
JUPYTER_FOLDERS = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")


@pytest.fixture(autouse=True, scope="session")
def _plain_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads the user's own settings of Jupyter and IPython, or needs a home that can be written."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in JUPYTER_FOLDERS:
            (folder / name).mkdir()
            patch.setenv(name, str(folder / name))
        _without_settings(patch)  # also for fixtures that many tests share: they are made before those of a test
        yield


def _without_settings(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("COLUMNS", "80")
    for name in list(os.environ):
        if name.startswith("WFKIT_") or name.endswith(SECRET_ENDINGS):
            patch.delenv(name)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees, or spends with, what the user's shell has set, or depends on how wide the terminal is."""
    _without_settings(monkeypatch)


@pytest.fixture
def noon() -> Iterator[None]:
    """The day does not end while the test goes on, nor in the processes that it starts: it is noon in its time zone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", f"Etc/GMT{datetime.now(UTC).hour - 12:+}")  # + is to the west
        time.tzset()
        yield
    time.tzset()
