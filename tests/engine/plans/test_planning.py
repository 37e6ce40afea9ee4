"""Promises of plans of large graphs: every node is looked at once, however many ways lead to it."""

from __future__ import annotations

from tests.engine.lab import Lab, run
from wfkit.core.terms import Reason
from wfkit.define.cell import parse_cell
from wfkit.engine.plans.foreseeing import make_plan
from wfkit.engine.plans.planning import Walk


def test_many_ways_to_a_failure(lab: Lab) -> None:
    """What stops a node is found through 200 layers with two ways each; it is told for every node below, and named."""
    workflow = lab.cells({"bad": "1 / 0", "left0": "bad", "right0": "bad"})
    for layer in range(1, 200):
        for side in ("left", "right"):
            body = f"left{layer - 1} + right{layer - 1}"
            workflow.add(parse_cell(f"{side}{layer}", body, {}))
    run(workflow)
    prepared = workflow.prepare()
    plan = make_plan(workflow.session, prepared)
    assert {node.name: node.reasons for node in plan.nodes} == {
        ready.node.name: {Reason.FAILED_BEFORE if ready.node.name == "bad" else Reason.UPSTREAM_FAILED: 1}
        for ready in prepared.ready
    }
    walk = Walk(workflow.session, prepared)
    assert walk.failed_above(prepared.graph.position["left199"]) == ["bad"]


def test_a_chain_of_ten_thousand(lab: Lab) -> None:
    """It is planned, run and planned again; the last value is right and everything is known then."""
    workflow = lab.cells({"n0": "0"})
    for n in range(1, 10_000):
        workflow.add(parse_cell(f"n{n}", f"n{n - 1} + 1", {}))
    before = make_plan(workflow.session, workflow.prepare())
    assert [node.reasons for node in before.nodes] == [{Reason.NEVER_RUN: 1}, *[{Reason.AWAITS: 1}] * 9_999]
    assert workflow.run()["n9999"] == 9_999
    after = make_plan(workflow.session, workflow.prepare())
    assert all(node.cached == 1 for node in after.nodes)
