"""Promises of `views/lineage.py` and its drawing.

Every step of how a value was made, of any depth, with its texts escaped.
"""

from __future__ import annotations

from dataclasses import replace

from tests.views import rows
from tests.views.allowed import outline
from wfkit.core.report import LineageStep
from wfkit.views.lineage import Lineage
from wfkit.views.lineage_svg import vertices


def test_a_sentence_says_how() -> None:
    """Model asked, model that answered, time, money, repairs and inputs."""
    text = " ".join(Lineage(rows.step()).text().split())
    assert (
        "label[17] was answered by one (asked: m/one) in 1.3 s for $0.0002 after 1 repair, from clean[17], rules."
        in text
    )


def test_data_has_a_row_a_step() -> None:
    """The value first, then its inputs, each with its depth, role and digest."""
    data = Lineage(rows.step()).data()
    assert data[["depth", "role", "node"]].values.tolist() == [
        [0, "label", "label"], [1, "review", "clean"], [2, "rules", "rules"], [1, "rules", "rules"],
    ]  # fmt: skip
    assert data["reads"][1].startswith("reviews.csv")


def test_equal_values_are_one_card() -> None:
    """A value that is used twice is drawn once, before all that use it."""
    steps, deps = vertices(rows.step())
    assert [step.role for step in steps] == ["rules", "review", "label"]
    assert deps == [[], [0], [0, 1]]


def test_texts_are_cut_and_said_to_be() -> None:
    """4,000 characters of a prompt are shown, and how many there are."""
    html = Lineage(replace(rows.step("value"), prompt="x" * 5000)).html()
    assert "4,000 of 5,000 characters shown." in html
    assert "x" * 4001 not in html


def test_prompt_and_reply_stand_in_the_html() -> None:
    """What was asked and answered can be read, folded away."""
    texts = outline(Lineage(rows.step("the text")).html()).texts
    assert {"prompt", "reply", "source", "read"} <= set(texts)


def test_any_depth_can_be_drawn() -> None:
    """Ten thousand steps deep, many more than Python has frames; what is not drawn is told."""
    step = LineageStep("v0", "n0", None, "python", "0" * 32, "")
    for at in range(1, 10_000):
        step = LineageStep(f"v{at}", f"n{at}", None, "python", f"{at:032x}", "", inputs=(step,))
    html, text = Lineage(step).html(), Lineage(step).text()
    Lineage(step).figure()
    assert "40 of 10,000 steps shown; the rest stands below." in html
    assert "200 of 10,000 steps shown." in text
