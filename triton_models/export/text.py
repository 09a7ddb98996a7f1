"""What families of text only have in common."""

from typing import Any

import torch
from torch import Tensor

from export.checkpoint import Checkpoint
from export.family import Parts
from export.loading import load_whole

DEFAULT_MAX_TOKENS = 512


def text_parts(checkpoint: Checkpoint) -> Parts:
    """Return a model that transformers knows as a causal language model."""
    from transformers import AutoModelForCausalLM

    model = load_whole(AutoModelForCausalLM, checkpoint)
    return Parts(decoder=model, generate=lambda ids, pixels, count: greedy(model, count, input_ids=ids))


@torch.no_grad()
def greedy(model: Any, count: int, *, input_ids: Tensor, **inputs: Tensor) -> list[int]:
    """Return transformers' greedy answer of at most `count` tokens; the one that ends it is the last."""
    settings = model.generation_config
    settings.max_length = None
    if settings.eos_token_id is None:  # a checkpoint without generation_config.json: its decoder's, as the builder does
        settings.eos_token_id = model.config.get_text_config().eos_token_id
    asked = inputs if "inputs_embeds" in inputs else {"input_ids": input_ids, **inputs}
    told = model.generate(**asked, attention_mask=torch.ones_like(input_ids), max_new_tokens=count, do_sample=False)
    # Of embeddings the framework returns what it wrote alone.
    first = 0 if "inputs_embeds" in inputs else input_ids.shape[1]
    return [int(token) for token in told[0][first:]]


def text_form(parts: Parts) -> dict[str, Any]:
    """Return preread.json for a model that takes no images."""
    most = min(DEFAULT_MAX_TOKENS, (parts.context or parts.decoder.config.max_position_embeddings) // 2)
    return {"image": None, "default_max_tokens": most, "domain": None}
