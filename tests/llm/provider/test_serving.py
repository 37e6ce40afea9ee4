"""The fault-injecting provider keeps books that can be trusted, and its faults happen again under the same seed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest

from tests.ids import stable
from wfkit.errors import UsageFault
from wfkit.llm.provider import Behaviour, Faults, Provider
from wfkit.llm.provider.effects import read_effects
from wfkit.llm.provider.faults import parse_rates, parse_script


def post(provider: Provider, text: str, path: str = "/chat/completions", **more: Any) -> tuple[int, Any]:
    """Status and body of one request."""
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{provider.url}{path}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.loads(response.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


def outcomes(faults: Faults, texts: list[str]) -> list[str]:
    with Provider(Behaviour(faults=faults)) as provider:
        for text in texts:
            post(provider, text)
        return [effect.outcome for effect in provider.effects()]


def test_effects(tmp_path: Path) -> None:
    """Every request is in the log, equal ones are counted, and the file says what memory says."""
    path = tmp_path / "effects.jsonl"
    with Provider(Behaviour(faults=Faults(script=("ok", "500"))), effects=path) as provider:
        assert [post(provider, text)[0] for text in ("a b", "a b", "c")] == [200, 500, 200]
        effects = provider.effects()
    assert [(effect.occurrence, effect.outcome, effect.billed) for effect in effects] == [
        (0, "ok", True),
        (1, "500", False),
        (0, "ok", True),
    ]
    assert effects[0].request == effects[1].request != effects[2].request
    assert (effects[2].prompt, effects[2].output_tokens) == ("c", 1)
    assert read_effects(path) == effects


def test_torn_line(tmp_path: Path) -> None:
    """A line that a crash cut off is no effect; a file that is not there has none."""
    path = tmp_path / "effects.jsonl"
    with Provider(effects=path) as provider:
        post(provider, "a")
    path.write_bytes(path.read_bytes() + b'{"at": 1')
    assert len(read_effects(path)) == 1
    assert read_effects(tmp_path / "none") == []


def test_faults_are_seeded() -> None:
    """The same seed gives the same faults to the same requests, in whatever order they come; a retry rolls anew."""
    texts = [f"text {number}" for number in range(60)]
    faults = Faults({"500": 0.2, "429": 0.1, "no_usage": 0.2}, seed=3)
    first = dict(zip(texts, outcomes(faults, texts), strict=True))
    again = dict(zip(reversed(texts), outcomes(faults, texts[::-1]), strict=True))
    assert first == again
    assert Counter(first.values()).keys() == {"ok", "500", "429", "no_usage"}
    assert len(set(outcomes(faults, ["text 1"] * 30))) > 1
    assert outcomes(Faults(faults.rates, seed=4), texts) != list(first.values())


def test_answers() -> None:
    """Without a function the offline model answers, in the wanted schema; with one, it does."""
    schema = {"json_schema": {"schema": {"enum": ["good", "bad"]}}}
    with Provider() as provider:
        status, body = post(provider, "Label this: awful", response_format=schema)
        assert (status, json.loads(body["choices"][0]["message"]["content"])) == (200, "bad")
    with Provider(Behaviour(answer=lambda request: request.model.upper())) as provider:
        assert post(provider, "x")[1]["choices"][0]["message"]["content"] == "M"


@pytest.mark.parametrize("fault", ["wrong_schema", "not_json"])
def test_spoilt_answers(fault: str) -> None:
    """A spoilt answer is a good response whose text is of no use."""
    schema = {
        "json_schema": {"schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}}
    }
    with Provider(Behaviour(faults=Faults(script=(fault,)))) as provider:
        status, body = post(provider, "x", response_format=schema)
    text = body["choices"][0]["message"]["content"]
    assert status == 200
    assert text.startswith("Sure!") if fault == "not_json" else json.loads(text) == {"unexpected": True}


def test_bad_requests() -> None:
    """What is no chat request is refused with words, and costs nothing."""
    with Provider() as provider:
        assert post(provider, "x", tools=[{}])[0] == 400
        assert post(provider, "x", messages="no")[0] == 400
        assert [effect.outcome for effect in provider.effects()] == ["bad_request"] * 2
        status, body = post(provider, "x", response_format={"json_schema": {"schema": False}})
        assert (status, "offline model cannot" in body["error"]["message"]) == (400, True)
        assert not any(effect.billed for effect in provider.effects())
        with urllib.request.urlopen(f"{provider.url}/models") as response:
            assert json.loads(response.read())["data"][0]["id"] == "offline"


def test_stop_with_hanging_requests() -> None:
    """Stopping does not wait for what hangs, and may be done twice."""
    provider = Provider(Behaviour(faults=Faults(script=("hang",)))).start()
    body = b'{"model": "m", "messages": []}'
    with socket.create_connection(("127.0.0.1", port_of(provider.url))) as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        assert provider.wait(1)
        provider.stop()
        provider.stop()
    assert [(effect.status, effect.outcome) for effect in provider.effects()] == [(0, "hang")]


def test_port_taken() -> None:
    """A port that is taken is told, not hung upon."""
    with Provider() as provider, pytest.raises(UsageFault, match="cannot listen"):
        Provider(port=port_of(provider.url)).start()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Faults({"boom": 0.1}), "unknown fault 'boom'"),
        (lambda: Faults({"200": 0.1}), "unknown fault '200'"),
        (lambda: Faults({"500": 0.7, "429": 0.4}), "at most 1 together"),
        (lambda: Faults({"500": -0.1}), "from 0 to 1"),
        (lambda: parse_rates(["500"]), "500=0.1"),
        (lambda: parse_script(["500*x"]), "500*3"),
    ],
    ids=stable,
)
def test_bad_settings(make: Any, told: str) -> None:
    """A fault that is none, or a rate that cannot be, is refused with an example."""
    with pytest.raises(UsageFault) as caught:
        make()
    assert told in str(caught.value)


def test_command_line(tmp_path: Path) -> None:
    """`python -m wfkit.llm.provider` says its URL first, serves, and ends on a signal."""
    path = tmp_path / "effects.jsonl"
    command = [sys.executable, "-m", "wfkit.llm.provider", "--script", "ok*2", "503", "--retry-after", "1"]
    with subprocess.Popen(
        [*command, "--answer", "yes", "--effects", str(path)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        provider = Provider(port=port_of(url))
        assert [post(provider, "x")[0] for _ in range(4)] == [200, 200, 503, 200]
        server.terminate()
        assert server.wait(60) == 0
    assert [effect.outcome for effect in read_effects(path)] == ["ok", "ok", "503", "ok"]


def test_command_line_refuses() -> None:
    """A bad option is one line on stderr and exit code 2."""
    command = [sys.executable, "-m", "wfkit.llm.provider", "--error", "500=x"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
