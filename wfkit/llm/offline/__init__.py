"""The embedded default model: deterministic, local, free, needs no key. It extracts and matches words, no more.

`reply` answers a Request with text of the prompt, or with JSON in the shape of its schema. It says `offline` there.
Given tools, it calls one of them if the text gives all that the tool needs.
"""

from wfkit.llm.offline.answer import reply

__all__ = ["reply"]
