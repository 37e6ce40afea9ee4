"""Promises of `views/questions.py`: each question of a value, shortened, and how many are not shown."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.views import rows
from tests.views.allowed import outline
from wfkit.core.report import Question
from wfkit.views.lineage import Lineage

ASKED = Question("m/one", "one", "valid", 1200, 5, Decimal("0.0002"), False, "user:\nWhat? " + "x" * 900, "<b>yes</b>")


def test_every_question_has_its_figures_and_texts() -> None:
    """Five in text, all that are told in HTML: model, tokens, price, verdict, the beginning of prompt and reply."""
    failed = replace(ASKED, answered_by=None, reply=None, error="Timeout: late", verdict="timeout", cost_usd=None)
    step = replace(rows.step(), questions=(replace(ASKED, served=True), failed, *[ASKED] * 18), asked=57)
    text, html = Lineage(step).text(), Lineage(step).html()
    assert "asked m/one (one): 1.2k in, 5 out, $0.0002, valid, from the call log" in text
    assert "asked m/one: 1.2k in, 5 out, ?, timeout" in text
    assert "→ Timeout: late" in text
    assert text.count("→ <b>yes</b>") == 4
    assert "and 52 more questions: all are in the table calls_latest" in text
    assert "and 37 more questions: all are in the table calls_latest" in " ".join(outline(html).texts)
    assert "57 questions" in outline(html).texts
    assert html.count("&lt;b&gt;yes") == 19
    assert "x" * 500 not in html
    assert "xxx" not in str(Lineage(step).figure())
    assert Lineage(step).data()["asked"].tolist()[0] == 57


def test_one_question_stands_by_itself() -> None:
    """Of one question prompt and reply are there already."""
    step = replace(rows.step(), questions=(ASKED,), asked=1)
    assert "asked m/one" not in Lineage(step).text()
    assert "1 question" not in outline(Lineage(step).html()).texts
