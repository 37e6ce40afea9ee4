"""Schemas of prompts as a user gives them: a mapping in `#|` lines, a variable, types, a file. Each counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from tests.engine.lab import Lab, did, run
from wfkit.errors import DefinitionError, OptionError, SchemaError
from wfkit.llm.fake import Script


class Grade(BaseModel):
    """What a prompt must answer."""

    mark: int


MAPPING = """\
#| schema:
#|   type: object
#|   properties: {mark: {type: integer, minimum: 1}}
#|   required: [mark]
Grade this"""
PLAIN = {"type": "object", "properties": {"mark": {"type": "integer"}}, "required": ["mark"]}


def test_a_mapping_in_the_options(lab: Lab) -> None:
    """A JSON Schema stands as YAML in the cell; the value is plain data, and an answer that breaks it is corrected."""
    with Script(['{"mark": 0}', '{"mark": 2}']) as script:
        outcome = run(lab.cells({"graded --model fake/script": MAPPING}))
        assert "$.mark: 0 is less than the minimum of 1" in script.requests[1].messages[-1].content
    assert outcome["graded"] == {"mark": 2}


@pytest.mark.parametrize(
    ("said", "answer", "value"),
    [
        ("Grade", '{"mark": 3}', Grade(mark=3)),
        ("PLAIN", '{"mark": 3}', {"mark": 3}),
        ("list[Grade]", '[{"mark": 3}]', [Grade(mark=3)]),
        ("dict[str, Grade | None]", '{"a": null, "b": {"mark": 1}}', {"a": None, "b": Grade(mark=1)}),
        ("Literal['good', 'bad']", '"good"', "good"),
    ],
)
def test_a_name_or_types(lab: Lab, said: str, answer: str, value: object) -> None:
    """Classes, dicts and types of them are named; the value is an instance of the class, or plain data."""
    cells = {"graded --model fake/script": f'#| schema: "{said}"\nGrade this'}
    with Script([answer]):
        outcome = run(lab.cells(cells, {"Grade": Grade, "PLAIN": PLAIN}))
    assert outcome["graded"] == value
    assert type(outcome["graded"]) is type(value)


def test_a_file(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is found from the notebook, and what it says is part of the key: only an edit of it asks again."""
    (lab.root / ".git").mkdir()
    monkeypatch.chdir(lab.root)
    file = Path("schemas/grade.json")
    file.parent.mkdir()
    file.write_text(json.dumps(PLAIN))
    cells = {"graded --model fake/script": "#| schema: schemas/grade.json\nGrade this"}
    with Script(['{"mark": 3}', '{"mark": 4}']) as script:
        assert run(lab.cells(cells))["graded"] == {"mark": 3}
        file.write_text(json.dumps(PLAIN, indent=4))
        assert did(run(lab.cells(cells))) == {"graded": "hit"}
        file.write_text(json.dumps({**PLAIN, "additionalProperties": False}))
        assert run(lab.cells(cells))["graded"] == {"mark": 4}
        assert len(script.requests) == 2
    file.write_text("{")
    with pytest.raises(SchemaError, match=r"node 'graded': schema 'schemas/grade\.json' is not JSON"):
        run(lab.cells(cells))
    with pytest.raises(SchemaError, match=r"'none\.json' cannot be read: there is no such file in"):
        run(lab.cells({"graded --model fake/script": "#| schema: none.json\nGrade this"}))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("#| schema: {type: strin}", r"`schema` \(line 2\) is not a JSON Schema: 'strin' .* at \$\.type"),
        ("#| schema:\n#|   properties:\n#|     a: {pattern: '(?!x)y'}", r"pattern at \$\.properties\.a\.pattern"),
        ('#| schema: "{nope"', "must be JSON"),
        ('#| schema: "Grade()"', "must be a pydantic class, types like"),
    ],
)
def test_what_is_no_schema(lab: Lab, lines: str, message: str) -> None:
    """It is refused when the cell is defined, with the line of the cell and the path in the schema."""
    with pytest.raises(OptionError, match=message):
        lab.cells({"graded --model fake/script": f"{lines}\nGrade this"})


def test_an_unknown_part_of_a_type(lab: Lab) -> None:
    """A name within types that is nowhere is told with near ones, before anything is asked."""
    with pytest.raises(DefinitionError, match=r"'Grad' is not defined .*'Grade'"):
        run(lab.cells({"graded --model fake/script --schema list[Grad]": "Grade this"}, {"Grade": Grade}))
