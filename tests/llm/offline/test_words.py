"""Labels are chosen by the words of the data, with the words to show for it and an honest confidence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wfkit.core.call import Message, Request
from wfkit.llm import offline

FAMILIES = ["permissive", "weak_copyleft", "copyleft", "proprietary", "unknown"]
LICENCE = {
    "type": "object",
    "properties": {
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "family": {"enum": FAMILIES},
        "words": {"type": "array", "items": {"type": "string"}},
        "reason": {"type": "string"},
    },
    "required": ["family", "confidence", "words"],
}


def answer(schema: dict[str, Any], text: str, rules: str = "You classify.") -> Any:
    messages = (Message("system", rules), Message("user", text))
    return json.loads(offline.reply(Request("offline", messages, schema=json.dumps(schema))).text)


def licence(text: str) -> Any:
    asked = "Classify the licence of this package: permissive, weak_copyleft, copyleft, proprietary or unknown.\n"
    return answer(LICENCE, f"{asked}Package: sample\nLicence: {text}\nSummary: Fundamental tools for arrays")


@pytest.mark.parametrize(
    ("text", "family", "words"),
    [
        ("MIT", "permissive", ["MIT"]),
        ("BSD-3-Clause", "permissive", ["BSD"]),
        ("Apache Software License 2.0", "permissive", ["Apache"]),
        ("PSF-2.0", "permissive", ["PSF"]),
        ("GNU Lesser General Public License v3 (LGPLv3)", "weak_copyleft", ["Lesser General Public", "LGPL"]),
        ("MPL-2.0", "weak_copyleft", ["MPL"]),
        ("GPL-3.0-or-later", "copyleft", ["GPL"]),
        ("GNU General Public License v2 (GPLv2)", "copyleft", ["General Public License", "GPL"]),
        ("Other/Proprietary License", "proprietary", ["Proprietary"]),
        ("", "unknown", []),
        ("see LICENSE.txt", "unknown", []),
    ],
)
def test_licences(text: str, family: str, words: list[str]) -> None:
    """A licence is put into its family by words that stand in the text, and those words are quoted."""
    found = licence(text)
    assert (found["family"], found["words"]) == (family, words)
    assert list(found) == list(LICENCE["properties"])


def test_confidence() -> None:
    """More evidence is more certain, contradicting evidence less, none the least."""
    clear, single = licence("MIT, MIT License, BSD")["confidence"], licence("MIT")["confidence"]
    torn, nothing = licence("MIT or GPL")["confidence"], licence("")["confidence"]
    assert 1 >= clear > single > torn > nothing >= 0


def test_choices_in_the_question_are_no_evidence() -> None:
    """Naming all labels in the question speaks for none of them."""
    schema = {"enum": ["positive", "negative", "neutral"]}
    assert answer(schema, "Is it positive, negative or neutral?\nI love it.") == "positive"
    assert answer(schema, "Label this: the worst, it broke at once") == "negative"


def test_explained_labels() -> None:
    """Labels that the lexicon does not know are matched by what the prompt says of them."""
    schema = {"enum": ["alpha", "beta"]}
    rules = "alpha: cats and dogs\nbeta: rivers, lakes, sea"
    assert answer(schema, "We swam in two lakes.", rules) == "beta"
    assert answer({**schema, "description": rules}, "The dogs barked.") == "alpha"


def test_lists_of_labels() -> None:
    """A list of labels holds each one that the text speaks for."""
    schema = {"type": "array", "items": {"enum": ["billing", "shipping", "account"]}, "uniqueItems": True}
    text = "The invoice was wrong and I cannot use my password."
    assert answer(schema, text) == ["billing", "account"]


def test_extraction() -> None:
    """Values are taken from the text: by their label, their format, the word they stand beside."""
    kinds = {"price": "number", "chairs": "integer", "email": "string", "day": "string", "is_paid": "boolean"}
    schema = {"type": "object", "properties": {name: {"type": kind} for name, kind in kinds.items()}}
    schema["properties"]["email"]["format"] = "email"
    schema["properties"]["day"]["format"] = "date"
    schema["properties"]["year"] = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    found = answer(schema, "Alice paid on 2024-05-01 for 3 chairs. Write to alice@example.com\nPrice: 1,250.50 dollars")
    wanted = {"price": 1250.5, "chairs": 3, "email": "alice@example.com", "day": "2024-05-01", "is_paid": True}
    assert found == {**wanted, "year": None}
