"""Phi-3 and Phi-3.5 mini: text only."""

from dataclasses import replace
from typing import Any

from export.checkpoint import Checkpoint
from export.family import Parts
from export.fitting import Join
from export.text import text_form, text_parts

ARCHITECTURES = frozenset({"Phi3ForCausalLM"})
INEXACT = ("Long contexts (LongRoPE) are cut to the original context, within which one set of factors holds.",)
JOINS = (
    Join(("self_attn.qkv_proj",), ("attn.qkv_proj",)),
    Join(("self_attn.o_proj",), ("attn.o_proj",)),
    Join(("mlp.gate_up_proj",), ("mlp.gate_proj", "mlp.up_proj")),
    Join(("mlp.down_proj",), ("mlp.down_proj",)),
)


def check(config: dict[str, Any]) -> None:
    """Every published variant of the mini models is taken."""


def take_apart(checkpoint: Checkpoint) -> Parts:
    """Return the whole model: it is its decoder. Beyond the original context the factors change within an answer."""
    parts, config = text_parts(checkpoint), checkpoint.config
    short = config.get("original_max_position_embeddings") if config.get("rope_scaling") else None
    return replace(parts, context=short)


def form(checkpoint: Checkpoint, parts: Parts) -> dict[str, Any]:
    """Return a form without images."""
    return text_form(parts)
