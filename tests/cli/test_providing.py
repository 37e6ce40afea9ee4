"""`wfkit provider` in a real shell: what it prints leads litellm to it, and it ends well."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.story.processes import PATIENCE_S
from wfkit.llm.provider import read_effects

COMMAND = [sys.executable, "-c", "from wfkit.cli.main import main; raise SystemExit(main())", "provider"]


def test_it_serves_a_plan(tmp_path: Path) -> None:
    """The variables come first, faults happen, each request is in the file, Ctrl-C ends it with a summary."""
    (tmp_path / "plan.yaml").write_text("script: [ok, 503]\nanswer: from the plan\n")
    command = [*COMMAND, "--faults", "plan.yaml", "--effects", "effects.jsonl", "--answer", "yes", "--seed", "3"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        lines = [serving.stdout.readline() for _ in range(6)]
        variables = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines[:5])
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode()
        with urllib.request.urlopen(f"{variables['OPENAI_BASE_URL']}/chat/completions", body) as response:
            assert json.load(response)["choices"][0]["message"]["content"] == "yes"
        serving.send_signal(signal.SIGINT)
        _, told = serving.communicate(timeout=PATIENCE_S)
    assert (serving.returncode, "1 request: 1 ok" in told) == (0, True)
    assert "OPENAI_API_KEY=local ANTHROPIC_API_KEY=local GEMINI_API_KEY=local" in lines[5]
    assert [effect.outcome for effect in read_effects(tmp_path / "effects.jsonl")] == ["ok"]


def test_it_refuses(tmp_path: Path) -> None:
    """A plan with a wrong key, or a file that cannot be written, is one line and exit code 2."""
    (tmp_path / "plan.yaml").write_text("fautls: {500: 1}")
    for words, told in (
        (["--faults", "plan.yaml"], "plan.yaml: fautls: unknown key; did you mean faults?"),
        (["--effects", "none/effects.jsonl"], "cannot write the effects to none/effects.jsonl"),
    ):
        ended = subprocess.run([*COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
        assert told in ended.stderr
