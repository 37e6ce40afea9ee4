"""The offline model's words, read from `lexicon.txt` beside this file: families of labels, stop words, verbs.

A small English lexicon for common labels (licences, sentiment, priority, topics). Only data; matching is in `words`.
"""

from __future__ import annotations

from importlib.resources import files


def _read() -> tuple[dict[str, tuple[str, ...]], dict[str, frozenset[str]]]:
    families: dict[str, tuple[str, ...]] = {}
    lists: dict[str, list[str]] = {}
    section = ""
    for line in files(__package__).joinpath("lexicon.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif section:
            lists.setdefault(section, []).extend(line.split())
        elif line and not line.startswith("#"):
            labels, _, terms = line.partition(": ")
            families |= dict.fromkeys(labels.split(", "), tuple(terms.split(", ")))
    return families, {name: frozenset(words) for name, words in lists.items()}


FAMILIES, _LISTS = _read()
STOP, IMPERATIVES, NOUNS = _LISTS["stop"], _LISTS["imperatives"], _LISTS["nouns"]
