"""Records: a row that can be read in two ways and changed in none."""

from __future__ import annotations

import copy
import pickle

import pytest

from wfkit.core.record import Record, records

ROW = Record(("id", "unit price", "count"), (1, 2.5, "x"))


def test_reads_by_attribute_and_by_key() -> None:
    """A field is an attribute if its name allows, and always a key."""
    assert (ROW.id, ROW["unit price"], ROW.count, len(ROW), list(ROW)) == (
        1,
        2.5,
        "x",
        3,
        ["id", "unit price", "count"],
    )
    assert "id" in ROW
    assert "text" not in ROW


def test_copies_into_a_dict_and_into_arguments() -> None:
    """`dict(record)` and `**record` hold all fields in order."""
    assert dict(ROW) == {**ROW} == {"id": 1, "unit price": 2.5, "count": "x"}
    assert ROW._fields == ("id", "unit price", "count")


def test_names_like_methods_are_fields() -> None:
    """A table with columns called values, items, index or get is read like any other; `keys` only by key."""
    row = Record(("values", "items", "index", "get", "keys", "_values"), range(6))
    assert (row.values, row.items, row.index, row.get, row["keys"], row["_values"]) == (0, 1, 2, 3, 4, 5)
    assert dict(row)["keys"] == 4


def test_cannot_be_changed() -> None:
    """A record that goes to many tasks is the same for all."""
    with pytest.raises(AttributeError, match="cannot be changed"):
        ROW.id = 2
    with pytest.raises(TypeError):
        ROW["id"] = 2
    with pytest.raises(AttributeError):
        del ROW.id


@pytest.mark.parametrize("read", [lambda: ROW.text, lambda: ROW["text"]])
def test_a_missing_field_names_those_there_are(read) -> None:
    """A typing error is mended without looking the table up."""
    with pytest.raises((AttributeError, KeyError), match=r"no field 'text'.*id, unit price, count"):
        read()


def test_equal_means_fields_order_and_values() -> None:
    """Records are values."""
    assert Record(("a", "b"), (1, 2)) == Record(("a", "b"), (1, 2))
    assert hash(Record(("a",), (1,))) == hash(Record(("a",), (1,)))
    assert Record(("a", "b"), (1, 2)) != Record(("b", "a"), (2, 1))
    assert Record(("a",), (1,)) != Record(("a",), (2,))
    assert Record(("a",), (1,)) != {"a": 1}


def test_travels() -> None:
    """Pickle and copy give an equal record."""
    for copied in (pickle.loads(pickle.dumps(ROW)), copy.copy(ROW), copy.deepcopy(ROW)):
        assert copied == ROW
        assert copied._fields == ROW._fields


def test_shows_its_fields() -> None:
    """The repr names each field."""
    assert repr(Record(("a", "b"), (1, "x"))) == "Record(a=1, b='x')"


def test_refuses_what_does_not_fit() -> None:
    """Names twice, or too few values, are errors at once."""
    with pytest.raises(ValueError, match="distinct"):
        Record(("a", "a"), (1, 2))
    with pytest.raises(ValueError, match="2 fields"):
        Record(("a", "b"), (1,))


def test_many_share_their_fields() -> None:
    """`records` makes one for each row, in order; they share one table of fields."""
    rows = records(["a", "b"], zip([1, 2], ["x", "y"], strict=True))
    assert [dict(row) for row in rows] == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert rows[0]._positions is rows[1]._positions
