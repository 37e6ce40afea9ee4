"""Requests that a model is known to refuse, told before they are sent: name, parameters, tools, length of the prompt.

Only what is certain is refused; what is not known passes. What a setting of the user says of a model goes before the
price file, so a wrong entry there stops nobody. Nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wfkit.core.call import NEVER_SENT, Failure, Request
from wfkit.core.capabilities import Capabilities
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.llm import capabilities, tokens
from wfkit.llm.availability import check_model
from wfkit.llm.messages import embeds


def check_request(request: Request) -> None:
    """Return if nothing is known against this request. Raises ModelUnavailable for a name or key, CallFailed for all
    else."""
    check_model(request.model)
    if embeds(request):
        problem = next(_unfit_texts(request), "")
    else:
        problem = unfit(request.model, dict(request.params), bool(request.tools)) or too_long(request)
    if problem:
        raise CallFailed(Failure(FailureKind.INVALID_REQUEST, NEVER_SENT, problem))


def unfit(model: str, params: Mapping[str, Any], tools: bool = False) -> str:
    """Why a model refuses every request with these parameters, in a sentence; empty if nothing is known against it."""
    can = capabilities.of(model)
    return "" if can is None else next(_reasons(model, can, params, tools), "")


def too_long(request: Request) -> str:
    """Why a prompt is certainly too long for its model, in a sentence; empty if it may fit."""
    can = capabilities.of(request.model)
    limit = None if can is None else can.context_tokens
    texts = [*(message.content for message in request.messages), request.schema or ""]
    if limit is None or sum(map(len, texts)) <= limit:
        return ""
    sent = sum(map(tokens.at_least, texts))
    if sent <= limit:
        return ""
    return (
        f"the prompt has at least {sent:,} tokens, and {request.model} reads {limit:,}: shorten it, split it with "
        "`each`, or choose a model that reads more (`%wf models` lists them)"
    )


def _unfit_texts(request: Request) -> Iterator[str]:
    """Why a model makes no vectors of these texts."""
    can = capabilities.of(request.model)
    if can is None:
        return
    if can.kind != "embedding":
        yield f"{request.model} answers prompts and makes no embeddings: choose a model that does (`%wf models`)"
    for place, message in enumerate(request.messages):
        if can.context_tokens is not None and len(message.content) > can.context_tokens:
            sent = tokens.at_least(message.content)
            if sent > can.context_tokens:
                limit = f"{request.model} reads {can.context_tokens:,} of a text"
                yield f"text {place} of the batch has at least {sent:,} tokens, and {limit}: split it"


def _reasons(model: str, can: Capabilities, params: Mapping[str, Any], tools: bool) -> Iterator[str]:
    if can.kind == "embedding":
        yield f"{model} makes embeddings and answers no prompts: choose a chat model (`%wf models` lists them)"
    asked = params.get("max_tokens")
    if can.max_output_tokens is not None and isinstance(asked, int) and asked > can.max_output_tokens:
        said = f"{model} answers with at most {can.max_output_tokens:,} tokens, and max_tokens is {asked:,}: lower it"
        yield f"{said}; {_override(model, f'max_output_tokens = {asked}')}"
    for name in ("temperature", "top_p"):
        if can.sampling is False and params.get(name) not in (None, 1):
            said = f"{model} takes no {name} but 1, and {name} is {params[name]:g}: leave it out"
            yield f"{said}, or choose a model that does not reason; {_override(model, 'sampling = true')}"
    if tools and can.tools is False:
        said = f"{model} is not known to call tools: choose a model that does (`%wf models --tools` lists them)"
        yield f"{said}; {_override(model, 'tools = true')}"


def _override(model: str, said: str) -> str:
    return f'if it does, say `{said}` under [tool.wfkit.models."{model}"] in pyproject.toml'
