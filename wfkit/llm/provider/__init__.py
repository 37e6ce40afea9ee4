"""A fault-injecting model provider on this machine: for tests, benchmarks and drills of failure.

`with Provider(...) as p:` in a program, `python -m wfkit.llm.provider --error 500=0.1` in a shell. It speaks OpenAI's
chat protocol, in one piece or as a stream, with tools and structured output.
"""

from wfkit.llm.provider.effects import Effect, read_effects
from wfkit.llm.provider.exchange import Answer, Question, Said, ToolCall
from wfkit.llm.provider.faults import Faults
from wfkit.llm.provider.server import Behaviour
from wfkit.llm.provider.serving import Provider

__all__ = ["Answer", "Behaviour", "Effect", "Faults", "Provider", "Question", "Said", "ToolCall", "read_effects"]
