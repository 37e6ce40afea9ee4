"""Code and variables of the notebook that change while a run goes on."""

from __future__ import annotations

from tests.engine.lab import Lab, run


def test_a_variable_that_a_body_changed(lab: Lab) -> None:
    """What was made from a changed variable is not served for the old one, and the user is told which it was."""
    conf = {"k": 1}
    workflow = lab.cells({"a": "conf['k'] += 1\na = conf['k']", "b": "a + conf['k']"}, {"conf": conf})
    first = run(workflow)
    assert any("'b'" in text and "conf" in text for text in first.warnings)
    conf["k"] = 1
    second = run(workflow)
    assert second["b"] == first["b"] == 4
    assert not second.report.run.tasks.get("cached")


def test_what_stays_is_served(lab: Lab) -> None:
    """A variable that nobody changes costs no hit."""
    workflow = lab.cells({"a": "conf['k']"}, {"conf": {"k": 1}})
    assert run(workflow).warnings == ()
    assert run(workflow).report.run.tasks == {"cached": 1}
