"""The embedded default model: deterministic, local, free, needs no key. It extracts and matches words, no more.

`reply` answers a Request with text of the prompt, or with JSON in the shape of its schema. It says `offline` there.
"""

from wfkit.llm.offline.answer import reply

__all__ = ["reply"]
