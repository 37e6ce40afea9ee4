"""Probes of prompts: text, model, sampling, schema, and the values that go in. The first line of a body is the rest of
the magic line.
"""

from __future__ import annotations

from tests.story.probes.probe import Must, Probe, probe

RUN, HIT = Must.RUN, Must.HIT
ASK = "--model offline\nSay {{ word }}.\n"
LABEL = "--model offline --schema Label\nLabel {{ word }}.\n"
MODELS = (
    "import enum\nfrom typing import Literal\nfrom pydantic import BaseModel, Field, field_validator\nword = 'tea'\n"
)


def asked(must: Must, name: str, rule: str, cells: str, body: str, *edits: tuple[str, str], **more: object) -> Probe:
    """A probe of a prompt."""
    return probe(must, name, rule, cells, body, *edits, forms=("prompt",), **more)


PROBES: list[Probe] = [
    asked(RUN, "prompt text", "The text of a prompt counts.", "word = 'tea'", ASK, ("Say", "Tell")),
    asked(RUN, "spaces in a prompt", "Every character of a prompt counts.", "word = 'tea'", ASK, ("Say {{", "Say  {{")),
    asked(RUN, "value in a prompt", "A value that goes into a prompt counts.", "word = 'tea'", ASK, ("'tea'", "'coffee'")),
    asked(RUN, "role", "Who says a text counts.", "word = 'tea'", "--model offline\nsystem:\nBe kind.\nuser:\nSay {{ word }}.\n",
          ("system:", "assistant:")),
    asked(RUN, "condition in a template", "Both ways of a condition count.", "word = 'tea'",
          "--model offline\n{% if word %}Say{% else %}Be{% endif %} {{ word }}.\n", ("Be", "Stay")),
    asked(RUN, "filter in a template", "A filter counts.", "word = 'tea'", "--model offline\nSay {{ word|upper }}.\n", ("upper", "title")),
    asked(RUN, "temperature given", "A temperature that is left out differs from one of zero.", "word = 'tea'", ASK,
          ("--model offline", "--model offline --temperature 0")),
    asked(RUN, "temperature", "The temperature counts.", "word = 'tea'", ASK.replace("offline", "offline --temperature 0"),
          ("--temperature 0", "--temperature 1")),
    asked(RUN, "top_p", "The share of likely words counts.", "word = 'tea'", ASK, ("--model offline", "--model offline --top-p 0.5")),
    asked(RUN, "max_tokens", "The longest answer counts.", "word = 'tea'", ASK, ("--model offline", "--model offline --max-tokens 50")),
    asked(RUN, "seed", "The seed counts.", "word = 'tea'", ASK.replace("offline", "offline --seed 1"), ("--seed 1", "--seed 2")),
    asked(RUN, "model alias", "The model counts, also when its name stands for another.",
          "import wfkit\nword = 'tea'\nwfkit.current().config('model', 'offline')", ASK.replace("offline", "default"),
          ("--model default", "--model offline --seed 1")),
    asked(HIT, "alias of the same model", "A name that stands for the same model does not count.",
          "import wfkit\nword = 'tea'\nwfkit.current().config('model', 'offline')", ASK.replace("offline", "default"),
          ("--model default", "--model offline")),
    asked(RUN, "field of a schema", "A field of a schema counts.", MODELS + "class Label(BaseModel):\n    kind: str", LABEL,
          ("kind: str", "sort: str")),
    asked(RUN, "type in a schema", "The type of a field counts.", MODELS + "class Label(BaseModel):\n    kind: str", LABEL,
          ("kind: str", "kind: int")),
    asked(RUN, "choices in a schema", "The choices of a field count.", MODELS + "class Label(BaseModel):\n    kind: Literal['a', 'b']",
          LABEL, ("'a', 'b'", "'a', 'c'")),
    asked(RUN, "enum in a schema", "The members of an enum in a schema count.",
          MODELS + "class Kind(enum.Enum):\n    A = 'a'\nclass Label(BaseModel):\n    kind: Kind", LABEL, ("A = 'a'", "A = 'c'")),
    asked(RUN, "description in a schema", "The description of a field counts: the model reads it.",
          MODELS + "class Label(BaseModel):\n    kind: str = Field(description='one')", LABEL, ("'one'", "'two'")),
    asked(RUN, "docstring of a schema", "The docstring of a schema counts: the model reads it.",
          MODELS + "class Label(BaseModel):\n    'one'\n    kind: str", LABEL, ("'one'", "'two'")),
    asked(RUN, "nested schema", "A model within a schema counts.",
          MODELS + "class Inner(BaseModel):\n    a: str\nclass Label(BaseModel):\n    inner: Inner", LABEL, ("a: str", "b: str")),
    asked(RUN, "validator of a schema", "A validator of a schema counts.",
          MODELS + "class Label(BaseModel):\n    kind: str\n    @field_validator('kind')\n    def v(cls, x):\n        return x + 'a'",
          LABEL, ("'a'", "'b'")),
    asked(RUN, "helper of a validator of a schema", "What a validator of a schema calls counts.",
          MODELS + "def check(x):\n    return x + 'a'\nclass Label(BaseModel):\n    kind: str\n    @field_validator('kind')\n    def v(cls, x):\n        return check(x)",
          LABEL, ("'a'", "'b'")),
    asked(RUN, "method of a schema", "A method of a schema counts: the value has it.",
          MODELS + "class Label(BaseModel):\n    kind: str\n    def m(self):\n        return 1", LABEL, ("return 1", "return 2")),
    asked(RUN, "items of a prompt", "Which items a prompt is asked for counts.", "words = ['tea', 'milk']",
          "--model offline\n#| each: word in words\nSay {{ word }}.\n", ("'tea', 'milk'", "'coffee', 'cream'")),
    asked(HIT, "comment in a schema", "A comment in a schema does not count.", MODELS + "class Label(BaseModel):\n    kind: str  # one",
          LABEL, ("# one", "# two")),
    asked(HIT, "value that the prompt does not use", "A value that no prompt mentions does not count.", "word = 'tea'\nother = 1", ASK,
          ("other = 1", "other = 2")),
    asked(HIT, "retries of a prompt", "Retries do not count.", "word = 'tea'", ASK, ("--model offline", "--model offline --retries 3")),
    asked(HIT, "options in another place", "Where an option stands does not count.", "word = 'tea'", ASK.replace("offline", "offline --seed 1"),
          (" --seed 1\n", "\n#| seed: 1\n")),
]  # fmt: skip
