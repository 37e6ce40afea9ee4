"""Several processes on one store at once: no lock error, each equal call is made once, exactly one adopts a run."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.story.processes import PATIENCE_S, finish, shell, start
from wfkit.llm.provider import Behaviour, Provider
from wfkit.store.disk import open_store

KERNEL = """
    import json, sys
    from wfkit import Workflow, prompt
    wf = Workflow("shared", store=".wfkit", namespace={})
    wf.add(prompt("told", "Summarise: {{ doc.text }}", model="openai/gpt-4o-mini", each="doc in docs"))

    @wf.node
    def joined(told):
        return "|".join(told)

    docs = [{"text": f"document {i}"} for i in range(40)]
    wf.prepare(("joined",), {"docs": docs})
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    outcome = wf.run("joined", inputs={"docs": docs})
    rows = wf.sql("select count(*) n from runs")
    print(json.dumps([outcome["joined"], str(outcome.status), outcome.report.run.spent.calls, int(rows.n[0]) >= 1]))
    wf.close()
"""

INTERRUPTED = """
    import os, signal
    from wfkit import Workflow
    wf = Workflow("shared", store=".wfkit", namespace={"os": os})

    @wf.node
    def first():
        return 1

    @wf.node(needs="first")
    def killer(first):
        if KILL:
            os.kill(os.getpid(), 9)
        return first + 1
"""


@pytest.mark.slow
def test_two_kernels_and_a_shell(tmp_path: Path) -> None:
    """Two processes run the same prompts on one store while a shell asks it questions: every question to the model is
    asked once, both get the same, nobody meets a lock."""
    with Provider(Behaviour(latency_s=0.02, jitter_s=0.02)) as provider:
        env = {"OPENAI_API_BASE": provider.url, "OPENAI_API_KEY": "any"}
        kernels = [start(tmp_path, KERNEL, **env) for _ in range(2)]
        for kernel in kernels:
            assert kernel.stdout is not None
            assert "ready" in kernel.stdout.readline()
        for kernel in kernels:
            assert kernel.stdin is not None
            kernel.stdin.write("go\n")
            kernel.stdin.flush()
        assert provider.wait(5, PATIENCE_S)
        answers = [shell(tmp_path, *words) for words in (["history"], ["sql", "select count(*) from calls"])]
        told = [finish(kernel)[-1] for kernel in kernels]
        asked = Counter(effect.prompt for effect in provider.effects())
    assert [answer.returncode for answer in answers] == [0, 0], answers
    assert "lock" not in "".join(answer.stdout + answer.stderr for answer in answers).lower()
    assert told[0][:2] == told[1][:2]
    assert told[0][1] == "success"
    assert set(asked.values()) == {1}
    assert len(asked) == 40
    assert told[0][2] + told[1][2] == 40
    assert told[0][3]
    after = shell(tmp_path, "history")
    assert after.returncode == 0
    assert after.stdout.startswith("2 runs, 2 of them a success")


RACER = (
    INTERRUPTED.replace("KILL", "False")
    + """
    import json, sys
    from wfkit.engine.running import resume
    wf.prepare()
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    outcome = wf.run()
    print(json.dumps([outcome.run_id, outcome["killer"], str(outcome.status)]))
    wf.close()
"""
)


@pytest.mark.slow
def test_one_of_two_adopts(tmp_path: Path) -> None:
    """A run of a killed process is taken up by exactly one of two that try at once, under the next epoch; the other
    one has a run of its own, and both have the value."""
    finish(start(tmp_path, INTERRUPTED.replace("if KILL", "if not os.path.exists('once')") + "\n    wf.run()\n"), -9)
    (tmp_path / "once").write_text("")
    script = INTERRUPTED.replace("if KILL", "if not os.path.exists('once')") + RACER[len(INTERRUPTED) + 1 :]
    racers = [start(tmp_path, script) for _ in range(2)]
    for racer in racers:
        assert racer.stdout is not None
        assert "ready" in racer.stdout.readline()
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    told = [finish(racer)[-1] for racer in racers]
    assert [line[1:] for line in told] == [[2, "success"]] * 2
    store = open_store(tmp_path / ".wfkit")
    try:
        runs = store.runs()
        adopted = [
            event for row in runs for event in store.entries(row.run_id) if type(event.event).__name__ == "Adopted"
        ]
        assert len(adopted) == 1
        assert adopted[0].epoch == 2
        assert adopted[0].run_id in {line[0] for line in told}
        assert {row.status for row in runs} == {"success"}
    finally:
        store.close()


@pytest.mark.slow
def test_killed_and_taken_up(tmp_path: Path) -> None:
    """After kill -9 the next process goes on with the same run: what was done is not done again. A changed definition
    starts a new run."""
    script = INTERRUPTED.replace("if KILL", "if not os.path.exists('once')")
    finish(start(tmp_path, script + "\n    wf.run()\n"), -9)
    store = open_store(tmp_path / ".wfkit")
    (killed, epoch), *rest = store.interrupted()
    store.close()
    assert (rest, epoch) == ([], 1)
    changed = script.replace("return 1", "return 100")
    tail = "\n    import json\n    o = wf.run()\n    print(json.dumps([o.run_id, o['killer'], o.report.run.tasks]))\n"
    (tmp_path / "once").write_text("")
    assert finish(start(tmp_path, changed + tail))[0][0] != killed.run_id
    run_id, value, tasks = finish(start(tmp_path, script + tail))[0]
    assert (run_id, value, tasks) == (killed.run_id, 2, {"success": 2})


SLEEPER = """
    import json, signal, sys, threading
    from wfkit import Workflow, prompt
    wf = Workflow("shared", store=".wfkit", namespace={})
    wf.add(prompt("told", "Summarise: {{ doc.text }}", model="openai/gpt-4o-mini", each="doc in docs"))
    docs = [{"text": f"document {i}"} for i in range(30)]
    wf.config("concurrency", 4)
    try:
        wf.run("told", inputs={"docs": docs})
        print(json.dumps("not interrupted"))
    except KeyboardInterrupt:
        print(json.dumps([wf.store.runs(1)[0].run_id, wf.store.runs(1)[0].status]), flush=True)
    if sys.argv[1:] == ["again"]:
        sys.stdin.readline()
        outcome = wf.run("told", inputs={"docs": docs})
        print(json.dumps([outcome.run_id, str(outcome.status), len(set(outcome["told"]))]))
    wf.close()
"""


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_calls(tmp_path: Path) -> None:
    """SIGINT while calls are in flight: the run is interrupted, and the same kernel goes on with it. No reply that the
    provider gave is bought twice, those in flight at the interrupt included."""
    with Provider(Behaviour(latency_s=0.3)) as provider:
        env = {"OPENAI_API_BASE": provider.url, "OPENAI_API_KEY": "any"}
        process = start(tmp_path, SLEEPER, "again", **env)
        assert provider.wait(6, PATIENCE_S)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        first = process.stdout.readline()
        answered = len(provider.effects())
        assert "interrupted" in first, first
        assert answered < 30
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        told = finish(process)[-1]
        asked = Counter(effect.prompt for effect in provider.effects())
    assert told[0] in first
    assert told[1:] == ["success", 30]
    assert set(asked.values()) == {1}
    assert len(asked) == 30
