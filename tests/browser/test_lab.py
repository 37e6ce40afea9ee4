"""What a user sees in JupyterLab: define, run, edit one node, run again, look at the pictures, save, export.

Chromium drives a real Lab; nothing is asked of wfkit but through cells.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab import PATIENCE_MS, Lab, opened

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

LOAD, NUMBERS, DOUBLE, ASKED, TOTAL, RUN, DAG, COST, LINEAGE = range(9)
CELLS = [
    "%load_ext wfkit",
    "%%wf_node numbers\n[1, 2, 3]",
    "%%wf_node double\n#| each: n in numbers\nn * 2",
    "%%wf_node asked --model offline\n#| each: n in numbers\nSay what {{ n }} is.",
    "%%wf_node total\nsum(double)",
    "%wf run",
    "%wf show dag",
    "%wf show cost",
    "%wf show lineage asked --item 1",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    (folder / ".wfkit").mkdir(mode=0o700)
    with opened(folder, CELLS) as lab:
        yield lab


def rows(lab: Lab, cell: int) -> dict[str, str]:
    """The run's display as shown: the glyph of each node."""
    table = lab.output(cell).locator("table").first
    texts = [row.split() for row in table.locator("tr").all_inner_texts()]
    return {words[1]: words[0] for words in texts if len(words) > 1 and len(words[0]) == 1}


def test_define_and_run(lab: Lab) -> None:
    """Definitions say a line; the run shows one display with a row a node."""
    for cell in (LOAD, NUMBERS, DOUBLE, ASKED, TOTAL, RUN):
        lab.run(cell)
    expect(lab.output(LOAD)).to_have_count(0)
    expect(lab.output(NUMBERS)).to_have_text("numbers · python")
    expect(lab.output(RUN)).to_have_count(1)
    lab.finds(lambda: rows(lab, RUN), dict.fromkeys(("numbers", "double", "asked", "total"), "✓"))
    expect(lab.output(RUN)).to_contain_text("3 calls")


def test_edit_one_node_and_rerun(lab: Lab) -> None:
    """Only what depends on the edited node runs; no model is asked."""
    lab.edit(DOUBLE, "%%wf_node double\n#| each: n in numbers\nn * 20")
    lab.run(DOUBLE)
    lab.run(RUN)
    expect(lab.output(RUN)).to_have_count(1)
    lab.finds(lambda: rows(lab, RUN), {"numbers": "=", "double": "✓", "asked": "=", "total": "✓"})
    expect(lab.output(RUN)).to_contain_text("no calls")


@pytest.mark.parametrize(("cell", "words"), [(DAG, ["numbers", "double", "total"]), (COST, ["asked", "$0"])])
def test_pictures_are_drawn(lab: Lab, cell: int, words: list[str]) -> None:
    """The graph and the cost bar are Plotly figures on screen, with the nodes' names in them."""
    lab.run(cell)
    plot = lab.cell(cell).locator(".js-plotly-plot")
    expect(plot).to_be_visible()
    expect(plot.locator("svg.main-svg").first).to_be_visible()
    lab.finds(lambda: missing(words, plot), [])


def missing(words: list[str], shown: Locator) -> list[str]:
    """Words that are seen neither as text nor in a drawing."""
    told = " ".join([*shown.all_inner_texts(), *shown.locator("svg text").all_text_contents()])
    return [word for word in words if word not in told]


def test_money_and_tokens_are_switched(lab: Lab) -> None:
    """The buttons above the cost bar change its axis, and the chart stays as large as it was."""
    lab.run(COST)
    plot = lab.cell(COST).locator(".js-plotly-plot")
    expect(plot).to_be_visible()
    axes = plot.locator("g.xtick")
    before = size(plot)
    for name in ("money", "tokens", "money"):
        plot.locator("g.updatemenu-button", has_text=name).click()
        lab.finds(lambda: {text.startswith("$") for text in axes.all_text_contents()}, {name == "money"})
    assert size(plot) == before


def size(plot: Locator) -> tuple[float, float]:
    """Width and height of a chart, once they stay: after it is drawn it is fitted to its cell."""
    seen: list[tuple[float, float]] = []
    while len(seen) < 10 or len(set(seen[-10:])) > 1:
        box = plot.bounding_box() or {"width": 0.0, "height": 0.0}
        seen.append((box["width"], box["height"]))
        plot.page.wait_for_timeout(100)
    return seen[-1]


def test_lineage_is_on_screen(lab: Lab) -> None:
    """The item, what it was made of, the model that answered and the price."""
    lab.run(LINEAGE)
    output = lab.output(LINEAGE)
    expect(output.first).to_be_visible()
    lab.finds(lambda: missing(["numbers[1]", "asked[1]", "offline", "$0"], output), [])


def test_tab_offers_options_and_nodes(lab: Lab) -> None:
    """Ours come first, and nothing of Python; Lab adds words of the cell below them."""
    lab.edit(TOTAL, "%%wf_node total --on_error ")
    expect(lab.cell(TOTAL).locator(".jp-mod-completer-enabled")).to_have_count(1)
    lab.page.keyboard.press("Tab")
    items = lab.page.locator(".jp-Completer-item")
    lab.finds(
        lambda: [text.split()[1] for text in items.all_inner_texts() if "param" in text], ["fail", "skip", "keep"]
    )
    lab.page.keyboard.press("Escape")
    lab.edit(TOTAL, CELLS[TOTAL])


def test_an_error_is_one_message(lab: Lab) -> None:
    """A wrong option is said in one message, with the nearest word."""
    lab.edit(TOTAL, "%%wf_node total --retrys 2\nsum(double)")
    lab.run(TOTAL)
    lab.finds(lambda: lab.text(TOTAL).startswith("OptionError: node `total`: unknown option `retrys`"), True)
    assert "did you mean 'retries'" in lab.text(TOTAL)
    lab.edit(TOTAL, CELLS[TOTAL])
    lab.run(TOTAL)


def test_the_stop_button_stops(lab: Lab) -> None:
    """Interrupting from the toolbar ends the cell with a line, and the kernel goes on."""
    waits = "import os, time\nwhile not os.path.exists('let_go'):\n    time.sleep(0.05)\n"
    lab.edit(TOTAL, f"%%wf_node total\n{waits}sum(double)")
    lab.run(TOTAL)
    before = lab.number(RUN)
    lab.cell(RUN).locator(".cm-content").click()
    lab.page.keyboard.press("Control+Enter")
    expect(lab.output(RUN)).to_contain_text("running")
    lab.page.locator("[data-command='notebook:interrupt-kernel'], [data-jp-item-name=interrupt]").first.click()
    expect(lab.cell(RUN)).to_contain_text("interrupted")
    (lab.path.parent / "let_go").touch()
    lab.finds(lambda: lab.number(RUN) not in {before, "[*]:"}, True)
    lab.edit(TOTAL, CELLS[TOTAL])
    lab.run(TOTAL)
    lab.run(RUN)
    lab.finds(lambda: rows(lab, RUN).get("total"), "=")


def test_the_saved_notebook_shows_the_same_offline(lab: Lab) -> None:
    """Converted to HTML and opened without a network, display, graph, cost and lineage show the same numbers."""
    lab.save()
    html = lab.path.with_suffix(".html")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(lab.path), "--log-level=ERROR"]
    subprocess.run(command, check=True, cwd=lab.path.parent)
    text = offline_text(html, lab)
    for cell in (RUN, COST, LINEAGE):
        for number in numbers(lab, cell):
            assert number in text
    for word in ("numbers", "double", "asked", "total"):
        assert word in text
    assert lab.failures == []


def numbers(lab: Lab, cell: int) -> set[str]:
    """Amounts of money, times and counts that a cell shows as text in Lab."""
    return set(re.findall(r"\$\d[\d.]*|\d[\d.]* m?s\b|\d/\d nodes", " ".join(lab.output(cell).all_inner_texts())))


def offline_text(html: Path, lab: Lab) -> str:
    """All text of a page that cannot reach any network, SVG included."""
    browser = lab.page.context.browser
    assert browser is not None
    context = browser.new_context(offline=True)
    try:
        page = context.new_page()
        page.goto(html.as_uri(), timeout=PATIENCE_MS)
        return str(page.evaluate("document.body.textContent"))
    finally:
        context.close()
