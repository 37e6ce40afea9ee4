"""Lineage: how a value was made, told from the tables alone."""

from __future__ import annotations

import duckdb

from tests.store.database.stories import START, TIMEOUT, Story, call, digest, labels, placed, value
from wfkit.core import events as e
from wfkit.core.events import NodeSpec
from wfkit.core.result import Spent
from wfkit.core.terms import NodeKind
from wfkit.store.database import fold
from wfkit.store.database.lineage import FAN_IN, lineage
from wfkit.store.database.origins import QUESTIONS


def test_an_item_of_a_prompt(cursor: duckdb.DuckDBPyConnection) -> None:
    """The prompt, the reply, who answered after how many rounds, and the item of the list that went in."""
    fold.fold(cursor, placed(labels().entries))
    step = lineage(cursor, "label", 0, "r1", 3)
    assert step is not None
    assert (step.node, step.item, step.kind, step.preview) == ("label", 0, "prompt", "good")
    assert (step.model, step.answered_by, step.rounds, step.call_id) == ("openai/m", "m-2026", 1, "call-a1")
    assert step.prompt == "system:\nBe brief.\n\nuser:\nAsk a1"
    assert (step.reply, step.source) == ("Reply a1", "Label {{ review }}")
    (item,) = step.inputs
    assert (item.role, item.node, item.item, item.kind) == ("review", "reviews", 0, "item")
    (reviews,) = item.inputs
    assert (reviews.node, reviews.kind, reviews.preview) == ("reviews", "python", "reviews")
    assert [read.name for read in reviews.reads] == ["r.csv"]


def test_a_reply_from_the_call_log(cursor: duckdb.DuckDBPyConnection) -> None:
    """A value made from a stored reply shows the prompt and the reply that were paid for in an earlier run."""
    fold.fold(cursor, placed(labels().entries))
    again = Story((NodeSpec("label", NodeKind.PROMPT),), "r2", START + 100)
    again.resolve(0)
    again.tell(e.Dispatched((0,), 1, again.now))
    paid = next(x.event.call for x in labels().entries if isinstance(x.event, e.CallEnded) and x.event.call.round == 1)
    again.tell(e.CallEnded(0, 1, paid, again.now, served=True))
    again.tell(e.Succeeded(0, 1, again.result(0, "good"), again.now))
    fold.fold(cursor, placed(again.entries, "j2"))
    step = lineage(cursor, "label", None, "r2", 1)
    assert step is not None
    assert (step.reply, step.call_id, step.rounds) == ("Reply a1", "call-a1", 0)


def test_fan_in_and_depth(cursor: duckdb.DuckDBPyConnection) -> None:
    """A mapped node that goes in as a whole shows its first items and how many there are; the depth cuts."""
    story = wide(8)
    fold.fold(cursor, placed(story.entries))
    step = lineage(cursor, "total", None, None, 3)
    assert step is not None
    squares = step.inputs[0]
    assert (squares.node, squares.kind, squares.preview, squares.cut) == ("squares", "map", "8 items", True)
    assert [each.item for each in squares.inputs] == list(range(FAN_IN))
    assert [each.inputs[0].node for each in squares.inputs] == ["numbers"] * FAN_IN
    assert not lineage(cursor, "total", None, None, 0).inputs
    assert lineage(cursor, "total", None, None, 0).cut


def test_items_with_equal_values(cursor: duckdb.DuckDBPyConnection) -> None:
    """Items whose values are equal keep their own stories: they are told apart by the key of their task."""
    fold.fold(cursor, placed(wide(8, same=True).entries))
    for item in range(8):
        step = lineage(cursor, "squares", item, None, 1)
        assert step is not None
        assert [each.digest for each in step.inputs] == [digest("item", item)]


def test_a_cached_value_names_the_run_that_made_it(cursor: duckdb.DuckDBPyConnection) -> None:
    """A value found in the cache was made by another run; its story is that run's."""
    first = wide(2)
    later = Story(first.specs, "r2", START + 100)
    later.tell(e.Resolved(0, (first.run.key[0],), ("cached",), (first.run.value[0],), later.now))
    fold.fold(cursor, placed(first.entries, "j1"))
    fold.fold(cursor, placed(later.entries, "j2"))
    step = lineage(cursor, "numbers", None, None, 1)
    assert step is not None
    assert (step.run_id, step.preview) == ("r1", "numbers")


def test_what_is_not_there(cursor: duckdb.DuckDBPyConnection) -> None:
    """No value, no lineage; an input whose maker is not known is still named."""
    fold.fold(cursor, placed(labels().entries))
    assert lineage(cursor, "nobody", None, None, 3) is None
    assert lineage(cursor, "broken", None, None, 3) is None
    assert lineage(cursor, "label", 7, None, 3) is None
    cached = lineage(cursor, "label", 2, None, 3)
    assert cached is not None
    assert (cached.digest, cached.inputs, cached.source) == (digest("value", "label", 2), (), None)


def test_a_long_chain(cursor: duckdb.DuckDBPyConnection) -> None:
    """A chain of 1,500 nodes is told to its end: no recursion."""
    size = 1_500
    specs = tuple(NodeSpec(f"n{i}", NodeKind.PYTHON, (i - 1,) if i else ()) for i in range(size))
    story = Story(specs)
    for i in range(size):
        story.resolve(i)
        story.tell(e.Dispatched((i,), 1, story.now))
        inputs = ((f"n{i - 1}", value(str(i - 1)).digest),) if i else ()
        story.tell(e.Succeeded(i, 1, story.result(i, str(i), inputs=inputs), story.now))
    fold.fold(cursor, placed(story.entries))
    step = lineage(cursor, f"n{size - 1}", None, None, 40)
    depth = 0
    while step is not None and step.inputs:
        step, depth = step.inputs[0], depth + 1
    assert (depth, step.node, step.cut) == (40, f"n{size - 41}", True)


def wide(count: int, same: bool = False) -> Story:
    """numbers (a list) > squares (mapped) > total."""
    specs = (
        NodeSpec("numbers", NodeKind.PYTHON),
        NodeSpec("squares", NodeKind.PYTHON, (0,), 0),
        NodeSpec("total", NodeKind.PYTHON, (1,)),
    )
    story = Story(specs)
    story.resolve(0)
    story.tell(e.Dispatched((0,), 1, story.now))
    story.tell(e.Succeeded(0, 1, story.result(0, "numbers"), story.now))
    story.resolve(1, count)
    tasks = tuple(range(1, count + 1))
    story.tell(e.Dispatched(tasks, 1, story.now))
    made = [story.result(t, "same" if same else f"s{t}", inputs=(("x", digest("item", t - 1)),)) for t in tasks]
    story.tell(e.ItemsSucceeded(tasks, 1, tuple(made), story.now))
    story.resolve(2)
    story.tell(e.Dispatched((count + 1,), 1, story.now))
    done = story.result(count + 1, "total", inputs=(("squares", digest("map")),))
    story.tell(e.Succeeded(count + 1, 1, done, story.now))
    return story


def test_each_question_of_a_value(cursor: duckdb.DuckDBPyConnection) -> None:
    """Every request of the attempt is told, with tokens, price and verdict, also one that failed or was served; of very
    many the first, and how many there were."""
    fold.fold(cursor, placed(labels().entries))
    first, second = lineage(cursor, "label", 0, "r1", 0), lineage(cursor, "label", 1, "r1", 0)
    assert first is not None
    assert second is not None
    assert [(one.reply, one.verdict, str(one.cost_usd)) for one in first.questions] == [
        ("Reply a0", "invalid", "0.002"), ("Reply a1", "valid", "0.003"),
    ]  # fmt: skip
    assert [(one.prompt, one.served, one.cost_usd is None) for one in second.questions] == [
        ("system:\nBe brief.\n\nuser:\nAsk b0", True, False), ("system:\nBe brief.\n\nuser:\nAsk b2", False, True),
    ]  # fmt: skip
    story = Story((NodeSpec("many", NodeKind.PYTHON),), "r3", START + 100)
    story.resolve(0)
    story.tell(e.Dispatched((0,), 1, story.now))
    for n in range(QUESTIONS + 17):
        late = {"reply": None, "failure": TIMEOUT} if n == 1 else {}
        story.tell(e.CallEnded(0, 1, call(f"q{n}", **late), story.now))
    story.tell(e.Succeeded(0, 1, story.result(0, "many", spent=Spent(QUESTIONS + 17)), story.now))
    fold.fold(cursor, placed(story.entries, "j3"))
    many = lineage(cursor, "many", None, None, 0)
    assert many is not None
    assert (many.asked, len(many.questions), many.reply) == (QUESTIONS + 17, QUESTIONS, f"Reply q{QUESTIONS + 16}")
    lost = many.questions[1]
    assert (lost.reply, lost.error, lost.cost_usd) == (None, "TimeoutError: no answer within 2 s", None)
