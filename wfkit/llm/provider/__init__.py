"""A fault-injecting model provider on this machine: for tests, benchmarks and drills of failure.

`with Provider(...) as p:` in a program, `python -m wfkit.llm.provider --error 500=0.1` in a shell. It speaks the
chat protocols of OpenAI, Anthropic and Google, in one piece or as streams, with tools and structured output; and
OpenAI's embeddings.
"""

from wfkit.llm.provider.behaviour import Behaviour, Limits, Phase
from wfkit.llm.provider.effects import Effect, read_effects
from wfkit.llm.provider.exchange import Answer, Question, Said, ToolCall
from wfkit.llm.provider.faults import Faults
from wfkit.llm.provider.latency import Lognormal, Uniform
from wfkit.llm.provider.serving import Provider

__all__ = [
    "Answer",
    "Behaviour",
    "Effect",
    "Faults",
    "Limits",
    "Lognormal",
    "Phase",
    "Provider",
    "Question",
    "Said",
    "ToolCall",
    "Uniform",
    "read_effects",
]
