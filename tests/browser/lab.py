"""A real JupyterLab and a real Chromium, driven like a user: type cells, run them, look at what is on screen.

Not a test. The tests say what must be seen; how Lab's page is built is known here only.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import nbformat.v4
from playwright.sync_api import Locator, Page, sync_playwright

PATIENCE_MS = 60_000
READY = """() => {
    const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
    const kernel = context?.session?.kernel;
    return context?.isReady && kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Lab:
    """One notebook open in JupyterLab."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.path = path
        self.failures: list[str] = []
        page.on("pageerror", lambda error: self.failures.append(str(error)))

    def cell(self, index: int) -> Locator:
        """A code cell, counted from 0."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(index)

    def output(self, index: int) -> Locator:
        """What a cell shows."""
        return self.cell(index).locator(".jp-OutputArea-output")

    def run(self, index: int) -> str:
        """Run a cell like a user and wait until its number is there; the text of its output."""
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
            timeout=PATIENCE_MS,
        )
        self.page.wait_for_function(READY)  # the number is there when the cell begins
        return "\n".join(self.output(index).all_inner_texts())

    def number(self, index: int) -> str:
        """The execution count beside a cell, as shown."""
        return self.cell(index).locator(".jp-InputPrompt").inner_text()

    def edit(self, index: int, text: str) -> None:
        """Replace the text of a cell by typing over it."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def save(self) -> None:
        """Save the notebook and wait until the file on disk is newer."""
        before = self.path.stat().st_mtime_ns
        self.page.keyboard.press("Control+S")
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while self.path.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline, "Lab did not save the notebook"
            self.page.wait_for_timeout(50)


@contextmanager
def opened(folder: Path, cells: list[str]) -> Iterator[Lab]:
    """A notebook with these code cells, open in Lab, its kernel ready."""
    path = folder / "test.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    with _server(folder) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
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
    port = _free_port()
    command = [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}",
        f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=", "--ServerApp.port_retries=0",
        "--LabApp.expose_app_in_browser=True", "--ServerApp.shutdown_no_activity_timeout=600",
    ]  # fmt: skip
    settings = folder / ".jupyter" / "settings"
    notes = settings / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    notes.parent.mkdir(parents=True)
    notes.write_text('{"fetchNews": "false", "checkForUpdates": false}')  # no question in front of the cells
    own = {"JUPYTERLAB_SETTINGS_DIR": str(settings)}
    own |= {name: str(folder / ".jupyter" / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    with (folder / "lab.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env={**os.environ, **own}, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/api", server, folder / "lab.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chromium() -> str | None:
    """The system's Chromium; None lets playwright take its own."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)
