"""Can this model be asked? Answered before any call and, for the usual providers, without importing litellm.

Looks at names and at the environment only: no network, and no value of a key is read further than whether it is there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from wfkit.core.frozen import dataclass
from wfkit.errors import KeyMissing, ModelUnavailable
from wfkit.llm import fake, price_file, prices, registry


@dataclass(frozen=True, slots=True)
class _Provider:
    """`keys`: any one of these variables. `needs`: all of these. `urls`: a server of one's own, where any model's name
    goes. `free_names`: names cannot be known beforehand (deployments, repositories, local models)."""

    keys: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    free_names: bool = False


_AWS = (
    "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)  # fmt: skip
_TABLE = {
    "openai": _Provider(("OPENAI_API_KEY",), urls=("OPENAI_BASE_URL", "OPENAI_API_BASE")),
    "anthropic": _Provider(
        ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"), urls=("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL")
    ),
    "gemini": _Provider(("GEMINI_API_KEY", "GOOGLE_API_KEY"), urls=("GEMINI_API_BASE",)),
    "mistral": _Provider(("MISTRAL_API_KEY",), urls=("MISTRAL_API_BASE", "MISTRAL_AZURE_API_BASE")),
    "groq": _Provider(("GROQ_API_KEY",), urls=("GROQ_API_BASE",)),
    "xai": _Provider(("XAI_API_KEY",), urls=("XAI_API_BASE",)),
    "deepseek": _Provider(("DEEPSEEK_API_KEY",), urls=("DEEPSEEK_API_BASE",)),
    "cohere": _Provider(("COHERE_API_KEY", "CO_API_KEY"), urls=("COHERE_API_BASE",)),
    "perplexity": _Provider(("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"), urls=("PERPLEXITY_API_BASE",)),
    "cerebras": _Provider(("CEREBRAS_API_KEY",), urls=("CEREBRAS_API_BASE",), free_names=True),
    "azure": _Provider(
        ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_AD_TOKEN"), ("AZURE_API_BASE",), free_names=True
    ),
    "azure_ai": _Provider(("AZURE_AI_API_KEY",), ("AZURE_AI_API_BASE",), free_names=True),
    "openrouter": _Provider(("OPENROUTER_API_KEY", "OR_API_KEY"), free_names=True),
    "together_ai": _Provider(
        ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_AI_TOKEN"), free_names=True
    ),
    "fireworks_ai": _Provider(
        ("FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"), free_names=True
    ),
    "huggingface": _Provider(("HUGGINGFACE_API_KEY", "HF_TOKEN"), free_names=True),
    "replicate": _Provider(("REPLICATE_API_KEY", "REPLICATE_API_TOKEN"), free_names=True),
    "nvidia_nim": _Provider(("NVIDIA_NIM_API_KEY",), free_names=True),
    "bedrock": _Provider(_AWS, free_names=True),
    "sagemaker": _Provider(_AWS, free_names=True),
    "vertex_ai": _Provider((), ("VERTEXAI_PROJECT",), free_names=True),
    "ollama": _Provider(free_names=True),
    "ollama_chat": _Provider(free_names=True),
    "hosted_vllm": _Provider((), ("HOSTED_VLLM_API_BASE",), free_names=True),
    "lm_studio": _Provider((), ("LM_STUDIO_API_BASE",), free_names=True),
    "llamafile": _Provider(free_names=True),
    "litellm_proxy": _Provider((), ("LITELLM_PROXY_API_BASE",), free_names=True),
}


def check_model(model: str, env: Mapping[str, str] | None = None) -> None:
    """Return if this model can be asked as far as names and environment tell; else raise ModelUnavailable.

    The message says what is wrong (provider, name or key), names the variable or near names, and what to do next.
    """
    env = os.environ if env is None else env
    prefix, slash, name = model.partition("/")
    if prefix == "offline":
        return
    if prefix == "fake" and slash:
        fake.find(name)
        return
    registered = registry.of(model)
    if registered is not None:
        registered.check(name)
        return
    provider, name = _provider_of(model)
    known = _TABLE.get(provider) or _from_file(provider)
    own_server = any(env.get(variable) for variable in known.urls)
    if not known.free_names and not own_server and not prices.is_declared(model):
        _check_name(model, provider, name)
    _check_keys(model, known, env, own_server)


@dataclass(frozen=True, slots=True)
class Key:
    """Whether what a provider needs is set (None: it needs nothing that can be seen), and the variables it is about."""

    present: bool | None
    variables: tuple[str, ...] = ()


def key_of(model: str, env: Mapping[str, str]) -> Key:
    """Whether the keys of a model's provider are there. No value of one is read further than that."""
    provider, _, _ = model.partition("/")
    if provider in registry.prefixes():
        return Key(True)
    known = _TABLE.get(provider) or _from_file(provider)
    if not known.keys and not known.needs:
        return Key(None)
    there = [name for name in (*known.keys, *known.needs) if env.get(name)]
    complete = all(env.get(name) for name in known.needs) and (not known.keys or any(map(env.get, known.keys)))
    return Key(complete, tuple(there) if complete else (*known.keys[:1], *known.needs))


def set_keys(env: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of the usual providers that are set, by name."""
    names = {name for known in _TABLE.values() for name in (*known.keys, *known.needs)}
    return tuple(sorted(name for name in names if env.get(name)))


def _provider_of(model: str) -> tuple[str, str]:
    """The provider and its own name of the model; a name without a prefix is looked up in the price file."""
    prefix, slash, name = model.partition("/")
    if slash and (prefix in _TABLE or prefix in price_file.providers()):
        return prefix, name
    entry = price_file.entries().get(model)
    if entry is not None:
        return str(entry["litellm_provider"]), model
    if slash:
        near = _near(prefix, {*_TABLE, *price_file.providers(), *registry.prefixes()}, "{}/" + name)
        raise ModelUnavailable(
            f"unknown provider {prefix!r} in model {model!r}{near}; a model is named provider/model, such as "
            "openai/gpt-5-mini, or `offline` for the one that needs no key; a provider of your own is registered in a "
            f"cell or module that runs before: wfkit.adapter({prefix!r}, ask)"
        )
    near = _near(
        model, {f"{provider}/{name}" for provider in _TABLE for name in price_file.models_of(provider)} | {"offline"}
    )
    raise ModelUnavailable(
        f"unknown model {model!r}{near}; name it with its provider, such as openai/gpt-5-mini, or use `offline`"
    )


def _check_name(model: str, provider: str, name: str) -> None:
    models = price_file.models_of(provider)
    if not models or name in models or prices.price(name, model) is not None:
        return
    near = _near(name, models, provider + "/{}")
    raise ModelUnavailable(
        f"{provider} has no model {name!r} that is known here{near}; for one that is newer than the installed litellm, "
        f"update litellm or give its price, in dollars for a million tokens: `%wf config prices "
        f'\'{{{json.dumps(model)}: {{"input": 1, "output": 2}}}}\'`'
    )


def _check_keys(model: str, known: _Provider, env: Mapping[str, str], own_server: bool) -> None:
    missing = [variable for variable in known.needs if not env.get(variable)]
    if known.keys and not any(env.get(variable) for variable in known.keys):
        missing.append(" or ".join(known.keys[:2]))
    if missing:
        server = " (any text will do for a server of your own)" if own_server else ""
        raise KeyMissing(
            f"model {model!r} needs the environment variable {' and '.join(missing)}{server}: set it before the kernel "
            "or the command starts, or choose the model `offline`, which needs none"
        )


def _from_file(provider: str) -> _Provider:
    variable = price_file.key_variable(provider)
    return _Provider((variable,) if variable else (), free_names=True)


def _near(word: str, among: Iterable[str], form: str = "{}") -> str:
    found = get_close_matches(word, sorted(among), n=3, cutoff=0.6)
    return f"; near to it: {', '.join(form.format(name) for name in found)}" if found else ""
