"""The models that a prompt or a question names: what `default` stands for, their order, where kinds of failures lead.

Nothing is asked here; what is known of a model is in `llm`.
"""

from __future__ import annotations

from dataclasses import replace

from wfkit.core.policy import ModelPolicy
from wfkit.errors import DefinitionError
from wfkit.settings import Settings

DEFAULT = "default"  # the model that the settings name


def named(policy: ModelPolicy, settings: Settings) -> ModelPolicy:
    """The policy with every model by its own name. Raises DefinitionError if one is there twice."""

    def name_of(model: str) -> str:
        return settings.model if model == DEFAULT else model

    chain = [name_of(model) for model in (policy.model, *policy.fallback)]
    if len(set(chain)) < len(chain):
        twice = next(name for name in chain if chain.count(name) > 1)
        raise DefinitionError(f"{twice} falls back to itself: name each model once")
    routes = tuple((kind, tuple(map(name_of, models))) for kind, models in policy.routes)
    return replace(policy, model=chain[0], fallback=tuple(chain[1:]), routes=routes)


def routes_of(model: ModelPolicy) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Where kinds of failures lead, by the numbers of the models."""
    number = {name: place for place, name in enumerate((model.model, *model.fallback))}
    return tuple((kind, tuple(number[name] for name in models)) for kind, models in model.routes)
