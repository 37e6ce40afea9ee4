"""A real JupyterLab and a real Chromium, driven like a user: type cells, run them, look at what is on screen.

Not a test. The tests say what must be seen; how Lab's page is built is known here only.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import nbformat
import nbformat.v4
from playwright.sync_api import Locator, Page, expect, sync_playwright

PATIENCE_MS = 120_000
LOOK_MS = 50
READY = """() => {
    const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
    const kernel = context?.session?.kernel;
    return context?.isReady && kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
ENDED = """index => {
    const cell = window.jupyterapp.shell.currentWidget.content.widgets[index];
    return cell.model.executionState !== 'running';
}"""
SAVED = "() => !window.jupyterapp.shell.currentWidget.context.model.dirty"
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},  # no question before the cells
    "completer-extension/manager": {"providerTimeout": PATIENCE_MS},  # else a kernel that is slow to answer is left out
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is drawn, however small the window
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NO_ERROR = "ResizeObserver loop"  # how a browser tells that a layout took one more frame
T = TypeVar("T")


class Lab:
    """One notebook open in JupyterLab."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.path = path
        self.failures: list[str] = []
        page.on("pageerror", lambda error: NO_ERROR in str(error) or self.failures.append(str(error)))

    def cell(self, index: int) -> Locator:
        """A code cell, counted from 0."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(index)

    def output(self, index: int) -> Locator:
        """What a cell shows."""
        return self.cell(index).locator(".jp-OutputArea-output")

    def text(self, index: int) -> str:
        """The words that a cell shows at this moment, with one blank between them."""
        return " ".join(" ".join(self.output(index).all_inner_texts()).split())

    def finds(self, look: Callable[[], T], wanted: T) -> None:
        """Look at the page until this is found there, for Lab draws when it comes to it. Fails with what is seen."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while (found := look()) != wanted:
            assert time.monotonic() < deadline, f"{found!r} is seen, not {wanted!r}"
            self.page.wait_for_timeout(LOOK_MS)

    def run(self, index: int) -> None:
        """Run a cell like a user and wait until it has ended. What it shows may be drawn a moment later."""
        cell = self.cell(index)
        cell.scroll_into_view_if_needed()
        cell.locator(".cm-content").click()
        before = self.number(index)
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(
            """([index, before]) => {
                const cell = document.querySelectorAll('.jp-Notebook .jp-CodeCell')[index];
                const text = cell.querySelector('.jp-InputPrompt').innerText;
                return /\\d/.test(text) && text !== before;
            }""",
            arg=[index, before],
        )
        self.page.wait_for_function(READY)  # the number is there when the cell begins
        self.page.wait_for_function(ENDED, arg=index)

    def number(self, index: int) -> str:
        """The execution count beside a cell, as shown."""
        return self.cell(index).locator(".jp-InputPrompt").inner_text()

    def edit(self, index: int, text: str) -> None:
        """Replace the text of a cell by typing over it."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def save(self) -> None:
        """Save the notebook and wait until the file on disk is newer and whole."""
        before = self.path.stat().st_mtime_ns
        self.page.keyboard.press("Control+S")
        self.finds(lambda: self.path.stat().st_mtime_ns != before and _is_json(self.path), True)
        self.page.wait_for_function(SAVED)


@contextmanager
def opened(folder: Path, cells: list[str]) -> Iterator[Lab]:
    """A notebook with these code cells, open in Lab, its kernel ready."""
    path = folder / "test.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    with _server(folder) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"], timeout=PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        try:
            page = browser.new_page(viewport={"width": 1300, "height": 1000})
            page.set_default_timeout(PATIENCE_MS)
            page.goto(f"{url}/lab/tree/{path.name}?reset")
            page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
            page.wait_for_function(READY)
            yield Lab(page, path)
        finally:
            browser.close()


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    command = [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={_free_port()}",
        f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=",
        "--LabApp.expose_app_in_browser=True", "--ServerApp.shutdown_no_activity_timeout=600",
    ]  # fmt: skip
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR")
    own = {name: str(folder / ".jupyter" / name) for name in places}
    for name, settings in SETTINGS.items():
        path = Path(own["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab", f"{name}.jupyterlab-settings")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(settings))
    log = folder / "lab.log"
    with log.open("wb") as lines:
        server = subprocess.Popen(command, cwd=folder, env={**os.environ, **own}, stdout=lines, stderr=lines)
        try:
            yield _address(Path(own["JUPYTER_RUNTIME_DIR"]), server, log)
        finally:
            _stop(server)


def _address(runtime: Path, server: subprocess.Popen[bytes], log: Path) -> str:
    """Where the server answers. It takes another port where the one that it was given is in use by then."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline and server.poll() is None:
        for path in filter(_is_json, runtime.glob("jpserver-*.json")):
            url = f"http://127.0.0.1:{json.loads(path.read_text())['port']}"
            try:
                with urllib.request.urlopen(f"{url}/api", timeout=5):
                    return url
            except (urllib.error.URLError, OSError):
                break
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(PATIENCE_MS / 1000)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _is_json(path: Path) -> bool:
    """Whether a file is whole: who writes it may not be done."""
    try:
        json.loads(path.read_text("utf-8"))
    except ValueError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chromium() -> str | None:
    """The system's Chromium; None lets playwright take its own."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)
