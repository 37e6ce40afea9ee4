"""Reading a prompt: what is data and what is instruction, labelled lines, sentences, and a summary made of them.

English conventions, no language model: rules over lines and sentences. Nothing here knows of schemas.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from wfkit.core.frozen import dataclass
from wfkit.llm.offline.lexicon import IMPERATIVES, NOUNS

_TEXT_LABELS = (
    "summary",
    "description",
    "text",
    "review",
    "body",
    "content",
    "abstract",
    "message",
    "about",
    "purpose",
)
_LABEL = re.compile(r"^\s*(?:[-*+]\s+)?\**([A-Za-z][\w /()-]{0,40}?)\**\s*[:=]\s*(.*)$")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])")
_MARKUP = re.compile(r"^\s*(?:#+|>|\.\.\s|[-*+]\s+)\s*")
_NOISE = re.compile(r"^\s*(?:!\[|\[!|<|```|\||[-=~*_#]{3,}\s*$|https?://\S+\s*$)")
_WORD = re.compile(r"\w+")
_FEW_WORDS = 4
_MOST_WORDS = 60


@dataclass(frozen=True, slots=True)
class Evidence:
    """A prompt, taken apart. `segments` are the sentences of the data, `labels` its `name: value` lines (lower case),
    `instructions` all the rest: the system messages and what the user's text tells the model to do."""

    segments: tuple[str, ...]
    labels: dict[str, str]
    instructions: tuple[str, ...]
    text: str


def evidence(data: str, rules: str = "") -> Evidence:
    """Take a user's text and the system messages apart. A text that is all instruction is read as data."""
    found = sentences(data)
    start, end = _data_within(found)
    segments = found[start:end]
    if start and (behind := _behind_colon(found[start - 1])):
        segments = [behind, *segments]  # `Label this: good` has its data behind the colon
    told = [*sentences(rules), *found[:start], *found[end:]]
    labels: dict[str, str] = {}
    for match in filter(None, map(_LABEL.match, segments)):
        labels.setdefault(match[1].strip().lower(), match[2].strip())
    segments = segments or found
    return Evidence(tuple(segments), labels, tuple(told), "\n".join(segments))


def _data_within(found: Sequence[str]) -> tuple[int, int]:
    """Where the data begins and ends: instructions stand before it (up to a colon) or after it, none between."""
    start, end = 0, len(found)
    while start < end and _is_instruction(found[start]):
        start += 1
        if ":" in found[start - 1]:
            break
    while end > start and _is_instruction(found[end - 1]) and ":" not in found[end - 1]:
        end -= 1
    return start, end


def sentences(text: str) -> list[str]:
    """The text in sentences: never across lines, markup lines left out, heading and list marks cut off."""
    found: list[str] = []
    for line in text.splitlines():
        if not _NOISE.match(line):
            found += [part.strip() for part in _SENTENCE_END.split(_MARKUP.sub("", line)) if part.strip()]
    return found


def words(text: str) -> list[str]:
    """The words of a text in lower case; `fooBar` and `foo_bar` are two words each."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", text)
    return [word.lower() for word in _WORD.findall(spaced)]


def summary(read: Evidence) -> str:
    """Up to two informative sentences of the data, at most 60 words; for a question, the one most like it."""
    candidates = _informative(read)
    question = next((line for line in read.instructions if "?" in line), "")
    if question and candidates:
        asked = {word for word in words(question) if len(word) > 3}
        candidates = [max(candidates, key=lambda line: len(asked.intersection(words(line))))]
    chosen: list[str] = []
    for sentence in candidates[:2]:
        if not chosen or len(_WORD.findall(" ".join([*chosen, sentence]))) <= _MOST_WORDS:
            chosen.append(sentence)
    return _shorten(" ".join(chosen)) or "There was no text to answer from."


def first_line(read: Evidence) -> str:
    """A short name for the data: its first line without a label."""
    first = read.segments[0] if read.segments else ""
    found = _LABEL.match(first)
    return (found[2].strip() if found and found[2].strip() else first).strip()


def _informative(read: Evidence) -> list[str]:
    labelled = [read.labels[name] for name in _TEXT_LABELS if len(read.labels.get(name, "").split()) >= _FEW_WORDS]
    plain = [line for line in read.segments if len(line.split()) >= _FEW_WORDS and not _LABEL.match(line)]
    found = labelled[:1] + [line for line in plain if line not in labelled]
    return found or [text for text in (read.text.strip(),) if text]


def _is_instruction(sentence: str) -> bool:
    first = [word.lower() for word in _WORD.findall(sentence)[:2]]
    verb = first[-1] if first[:1] == ["please"] else "".join(first[:1])
    label = _LABEL.match(sentence)
    if label and label[1].lower() == verb and (verb in NOUNS or verb not in IMPERATIVES):
        return False
    return verb in IMPERATIVES or sentence.endswith("?")


def _behind_colon(sentence: str) -> str:
    """`Label this: good` has its data behind the colon, unless that is a list of short choices."""
    rest = sentence.partition(":")[2].strip()
    parts = re.split(r",\s*|\s+or\s+", rest)
    return "" if len(parts) > 2 and all(len(part.split()) <= 3 for part in parts) else rest


def _shorten(text: str) -> str:
    parts = text.split()
    return text if len(parts) <= _MOST_WORDS else " ".join(parts[:_MOST_WORDS]) + " …"
