"""Columns of results say the same as the results one by one."""

from __future__ import annotations

from dataclasses import replace

from wfkit.core.columns import Items, pick
from wfkit.core.found import Found
from wfkit.core.result import Known, Output, Read
from wfkit.core.slices import Slices

READ = Read("file", "data.csv", "f" * 32)


def digest(letter: str, number: int) -> str:
    return f"{letter}{number:031d}"


def items(*numbers: int, at: float = 1.0, value: str = "d", reads: tuple[Read, ...] = (), run: str = "run") -> Items:
    """Results of these items; those of odd numbers have read something and printed their number."""
    odd = [i for i, number in enumerate(numbers) if number % 2]
    return Items(
        node="n",
        definition="def",
        run_id=run,
        created_at=at,
        keys="".join(digest("k", n) for n in numbers),
        digests="".join(digest(value, n) for n in numbers),
        run_s=tuple(n / 8 for n in numbers),
        item="row",
        inputs="".join(digest("i", n) for n in numbers),
        payloads="".join(digest("p", n) for n in numbers),
        codecs=("json",),
        sizes=tuple(numbers),
        inlines=tuple(str(n) for n in numbers),
        shared=(("up", digest("u", 0)),),
        reads=((), reads) if reads else (),
        read_of=tuple(n % 2 for n in numbers) if reads else (),
        outputs=tuple((i, (Output("stdout", "text/plain", str(numbers[i])),)) for i in odd),
        previews=tuple((i, f"number {numbers[i]}") for i in odd),
    )


def test_a_result_is_made_of_its_entries() -> None:
    """The result of an item has its own key, value, input, reads, output, preview and seconds."""
    made = items(4, 5, reads=(READ,)).result(1)
    assert (made.key, made.value.digest, made.value.inline, made.run_s) == (digest("k", 5), digest("d", 5), "5", 0.625)
    assert made.inputs == (("up", digest("u", 0)), ("row", digest("i", 5)))
    assert (made.reads, made.outputs[0].data, made.preview) == ((READ,), "5", "number 5")
    plain = items(4, 5, reads=(READ,)).result(0)
    assert (plain.reads, plain.outputs, plain.preview) == ((), (), "4")


def test_picked_items_are_what_they_were() -> None:
    """Whatever is picked, each item's result stays the same."""
    whole = items(*range(9), reads=(READ,))
    for chosen in ([], [0], [3, 4, 8], [1, 7], list(range(9))):
        assert list(pick(whole, chosen)) == [whole.result(i) for i in chosen]


def test_the_last_slice_wins() -> None:
    """By key the newest result is found, by digest a value wherever it is; slices that come later are found too."""
    slices = Slices([items(1, 2)])
    assert slices.stored(digest("d", 2)) is not None
    slices.add(items(2, 3, at=2.0, value="e"))
    newest = slices.result(digest("k", 2))
    assert newest is not None
    assert (newest.value.digest, newest.created_at) == (digest("e", 2), 2.0)
    assert [digest("d", 2) in slices, digest("e", 3) in slices, digest("e", 9) in slices] == [True, True, False]
    assert slices.stored(digest("d", 9)) is None


def test_found_merges_columns_and_single_results() -> None:
    """Under a key stand all its results, newest first, each once; a key with a single result is left to a look."""
    old, new = items(1, 2, 3), items(2, at=3.0, value="e")
    single = Known(digest("k", 3), "n", "def", digest("s", 3), (), 2.0, "other", 0.5, None)
    found = Found({single.key: [single]}, [old.known(), new.known(), new.known()])
    assert [known.digest for known in found[digest("k", 2)]] == [digest("e", 2), digest("d", 2)]
    assert [known.digest for known in found[digest("k", 3)]] == [digest("s", 3), digest("d", 3)]
    assert set(found) == {digest("k", n) for n in (1, 2, 3)}
    answers = found.answered("def", lambda _: True, 0.0)
    assert answers.digests == {digest("k", 1): digest("d", 1), digest("k", 2): digest("e", 2)}


def test_an_answer_for_all_items_hides_no_column() -> None:
    """After it a key with a single result still has what columns say, and a key that is in none has its own."""
    column = items(1, 2).known()
    both, alone = column.known(0), replace(column.known(0), key=digest("k", 9))
    found = Found({both.key: [both], alone.key: [alone]}, [column, items(1, at=3.0, value="e").known()])
    before = {key: found.get(key) for key in (both.key, alone.key)}
    assert both.key not in found.answered(both.definition, lambda _: True, 0.0).digests
    assert {key: found.get(key) for key in before} == before
    assert len(found.get(both.key)) == 2


def test_what_was_forgotten_is_not_found() -> None:
    """A result made until then is left out, a newer one is not."""
    found = Found({}, [items(1, 2).known(), items(2, at=3.0, value="e").known()], {digest("k", n): 2.0 for n in (1, 2)})
    assert set(found) == {digest("k", 2)}
    assert digest("k", 1) not in found
    assert [known.digest for known in found.get(digest("k", 2))] == [digest("e", 2)]
    assert not found.answered("def", lambda _: True, 0.0).digests


def test_only_items_whose_reads_match_are_answered() -> None:
    """A changed file makes the items run that have read it, and an older result whose reads match serves again."""
    old, new = items(1, 2), items(1, 2, at=2.0, value="e", reads=(READ,))
    found = Found({}, [old.known(), new.known()])
    assert found.answered("def", lambda _: False, 0.0).digests == {
        digest("k", 1): digest("d", 1),
        digest("k", 2): digest("e", 2),
    }
    assert found.answered("def", lambda _: True, 2.0).digests == {digest("k", n): digest("e", n) for n in (1, 2)}
    assert not found.answered("another", lambda _: True, 0.0).digests
