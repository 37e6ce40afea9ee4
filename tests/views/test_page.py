"""Promises of `views/page.py`.

One file, nothing else needed, nothing hostile in it, small enough to mail.
"""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from tests.views import rows
from tests.views.allowed import outline
from tests.views.test_markup import HOSTILE
from wfkit.core.report import RunReport
from wfkit.core.result import Spent
from wfkit.views.page import page


@pytest.mark.parametrize("make", [rows.busy, rows.empty, rows.unknown, rows.huge])
def test_the_page_stands_alone(make: object) -> None:
    """No script, no link, no address is loaded; a policy forbids it besides."""
    html = page(make(), (rows.step(),))
    outline(html, page=True)
    assert "default-src 'none'" in html.replace("&#x27;", "'")
    assert not re.search(r"<(script|link|iframe|object|a)\b|@import|url\(", html)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_gets_out_of_its_place(text: str) -> None:
    """Hostile names, errors, prompts and titles stay text, in the head too."""
    html = page(rows.renamed(rows.busy(), text), (rows.step(text),), title=text or None)
    outline(html, page=True)
    html.encode()


def test_it_tells_the_run() -> None:
    """Title, outcome, money, failures and lineage are on it."""
    texts = outline(page(rows.busy(), (rows.step(),)), page=True).texts
    assert texts.count("reviews · run 0192f0c4") == 1
    assert {"≥$0.0412", "RateLimitError: 429", "How label[17] was made", "Timeline", "Latency"} <= set(texts)


def test_size() -> None:
    """A run of 20 nodes with 2,000 attempts and calls stays below 300 kB."""
    spent = Spent(100, 1000, 100, Decimal("0.01"))
    nodes = tuple(
        rows.node(f"node_{at}", *(f"node_{dep}" for dep in range(max(0, at - 3), at)), kind="prompt", mapped=True,
                  tasks={"success": 90, "failed": 10}, spent=spent, error="an error " * 20)
        for at in range(20)
    )  # fmt: skip
    attempts = tuple(rows.attempt(f"node_{at % 20}", at / 50, at / 50 + 2, at) for at in range(2000))
    calls = tuple(rows.call(f"node_{at % 20}", at / 50, at / 50 + 2) for at in range(2000))
    html = page(RunReport(rows.run(), nodes, attempts, calls), (rows.step("text " * 100),))
    assert len(html.encode()) < 300_000
