"""Canary secrets, planted wherever one may come from, are found in nothing that is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import nbformat
import pytest

from wfkit import Workflow, prompt
from wfkit.cli.main import main
from wfkit.errors import UsageFault
from wfkit.store.journals.journal import list_journals, read_data

NAMES = ("OPENAI_API_KEY", "DB_PASSWORD", "AUTH_TOKEN", "CLIENT_SECRET", "PRINTED_SECRET", "HEADER_TOKEN")
CANARIES = {name: f"canary <{number}> & 'of' {name.lower()}" for number, name in enumerate(NAMES)}
CANARIES["OPENAI_API_KEY"] = "canary-0-of-the-api-key"  # it goes into a header
CANARIES["HEADER_TOKEN"] = "canary-5-of-the-header"
SHAPE = "sk-proj-abcdefghij0123456789klmnop"  # of no variable: known by its shape
CONTROL = "Say FLAKY"
CELLS = (
    'import os\n%load_ext wfkit\nsecret = "the password is " + os.environ["DB_PASSWORD"]',
    "%%wf_node asked --model openai/gpt-4o-mini --retries 1\nSay FLAKY {{ secret }}",
    "%%wf_node broken --model openai/gpt-4o-mini\nFAIL please",
    '%%wf_node raises\nimport os\nraise ValueError("no " + os.environ["CLIENT_SECRET"])',
    '%%wf_node prints\nimport os, sys\nprint(x := os.environ["PRINTED_SECRET"], file=sys.stderr)\nprint(x)\n1',
    '%%wf_node handed\nimport os\nhanded = {"password": os.environ["DB_PASSWORD"]}',
    "%wf run",
    "secret += ' again'",
    *(f"%wf {verb}" for verb in ("log raises", "log prints", "log broken", "why asked", "show cost", "show guards")),
    *(f"%wf {verb}" for verb in ("show lineage asked", "plan", "history", "sql select * from calls")),
    'print(os.environ["DB_PASSWORD"])',
)


class Rude(BaseHTTPRequestHandler):
    """A provider that quotes keys in errors, in headers, in ids, and tells one if asked to."""

    flaky = True

    def log_message(self, *_: Any) -> None:
        """Nothing: the test's own output stays readable."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["messages"][-1]["content"]
        if "FAIL" in asked:
            quoted = f"bad key {self.headers['authorization']} {CANARIES['AUTH_TOKEN']} {SHAPE}"
            return self.answer(400, {"error": {"message": quoted, "type": "x", "code": "bad"}})
        if "FLAKY" in asked and Rude.flaky:
            Rude.flaky = False
            return self.answer(500, {"error": {"message": f"oops {CANARIES['AUTH_TOKEN']} {SHAPE}"}})
        said = f"the token is {CANARIES['AUTH_TOKEN']}" if "TELL" in asked else "fine"
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
        usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
        name = {"id": f"id {CANARIES['HEADER_TOKEN']}", "model": "gpt-4o-mini"}
        return self.answer(200, {**name, "choices": [choice], "usage": usage})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(data))}.items():
            self.send_header(name, value)
        for name in ("x-request-id", "x-ratelimit-remaining-requests"):
            self.send_header(name, CANARIES["HEADER_TOKEN"])
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def url() -> Iterator[str]:
    """Where the rude provider is."""
    Rude.flaky = True
    server = ThreadingHTTPServer(("127.0.0.1", 0), Rude)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def written(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every byte that was written; journals and segments as what they say, and the database row by row."""
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        yield str(path.relative_to(root)), path.read_bytes()
    for log in list_journals(root / ".wfkit"):
        yield log.path.name, read_data(log.path)
    workflow = Workflow("canaries", store=root / ".wfkit", namespace={})
    for name in workflow.sql("select name from (show all tables)")["name"]:
        rows = workflow.sql(f'select * from "{name}"').to_dict("records")
        yield f"table {name}", repr(rows).encode("utf-8", "surrogatepass")
    workflow.close()


def leaks(root: Path) -> list[str]:
    """Where canaries are, as they are or as a page, a JSON text or a repr spells them."""
    spelled = {SHAPE, *CANARIES.values()}
    spelled |= {json.dumps(text)[1:-1] for text in spelled} | {repr(text)[1:-1] for text in spelled}
    spelled |= {text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for text in spelled}
    return [f"{place}: {text}" for place, data in written(root) for text in sorted(spelled) if text.encode() in data]


@pytest.mark.slow
def test_no_canary_is_written(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Environment, prompt, reply, error body, exception, output, header, id: after a recorded run of a notebook, its
    report, questions in a shell and an export, none is in cassette, journals, objects, database, notebook, page or
    log."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    for cell in notebook.cells[6:]:
        cell.metadata["tags"] = ["raises-exception"]
    nbformat.write(notebook, tmp_path / "a.ipynb")
    stops = nbformat.v4.new_code_cell('import os\nraise ValueError("no " + os.environ["CLIENT_SECRET"])')
    nbformat.write(nbformat.v4.new_notebook(cells=[stops]), tmp_path / "b.ipynb")
    env = {**CANARIES, "OPENAI_API_BASE": url, "WFKIT_STORE": str(tmp_path / ".wfkit")}
    monkeypatch.chdir(tmp_path)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    asked = (
        "show cost",
        "log raises",
        "log prints",
        "why raises",
        "plan",
        "history",
        "doctor",
        "report r.html",
        "run b.ipynb --out out",
    )
    first, last = "run a.ipynb --record tape.jsonl --out out", ("store export moved.wfkit", "sql select * from calls")
    for number, words in enumerate((first, *asked, *last)):
        verb, _, rest = words.partition(" ")
        code = main([verb, rest] if verb == "sql" else [verb, *rest.split()])
        out, err = capsys.readouterr()
        (tmp_path / f"log-{number}.txt").write_text(out + err, "utf-8")
        assert number or code == 0, out + err
    _told_by_a_reply(tmp_path)
    places = dict(written(tmp_path))
    for name in ("tape.jsonl", "out/a.ipynb", "table calls"):
        assert CONTROL.encode() in places[name], name  # the search finds what is there
    assert b"[redacted]" in places["tape.jsonl"]
    assert b"the value of $CLIENT_SECRET" in places["out/a.ipynb"]
    assert leaks(tmp_path) == []


def _told_by_a_reply(root: Path) -> None:
    """A reply with a secret is told, used and not stored; it cannot be recorded."""
    workflow = Workflow("canaries", store=root / ".wfkit", namespace={})
    workflow.add(prompt("told", "TELL me", model="openai/gpt-4o-mini"))
    with pytest.warns(RuntimeWarning, match="holds a secret"):
        assert CANARIES["AUTH_TOKEN"] in workflow.run("told")["told"]
    with pytest.raises(UsageFault, match="holds a secret"), pytest.warns(RuntimeWarning, match="holds a secret"):
        workflow.run("told", record=str(root / "told.jsonl"), fresh_replies=True)
    workflow.close()
    assert not (root / "told.jsonl").exists()
